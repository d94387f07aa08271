"""Plain text and a title out of text, Markdown and HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["html_text", "markdown_text", "plain_text"]

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*\n", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\((?:[^()]|\([^)]*\))*\)")
_HEADING = re.compile(r"^[ ]{0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_UNDERLINED = re.compile(
    r"\A(?:([=\-~#*^\"])\1{2,}[ \t]*\n)?[ \t]*(\S[^\n]{0,150}?)[ \t]*\n([=\-~#*^\"])\3{2,}[ \t]*\n"
)
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


def plain_text(content: str, name: str) -> tuple[str, str]:
    """(title, text): an underlined first line is the title, else ``name``."""
    content = content.strip("\n")
    match = _UNDERLINED.match(content + "\n")
    if match:
        return match.group(2).strip(), content[match.end() :].strip()
    return name, content.strip()


def markdown_text(content: str, name: str) -> tuple[str, str]:
    """(title, text): the front matter's title or the first heading, else ``name``; links keep their words."""
    title = ""
    front = _FRONT_MATTER.match(content)
    if front:
        found = _FRONT_TITLE.search(front.group(1))
        title = found.group(1) if found else ""
        content = content[front.end() :]
    content = _LINK.sub(r"\1", _IMAGE.sub(r"\1", _COMMENT.sub("", content)))
    if not title:
        heading = _HEADING.search(content)
        if heading:
            title = _plain_inline(heading.group(1))
            if not content[: heading.start()].strip():
                content = content[heading.end() :]
    content = _HEADING.sub(lambda m: _plain_inline(m.group(1)), content)
    return title or name, content.strip()


def _plain_inline(text: str) -> str:
    return re.sub(r"[*_`]{1,3}(\S(?:.*?\S)?)[*_`]{1,3}", r"\1", text).strip()


_SILENT = frozenset(
    {"script", "style", "noscript", "template", "nav", "svg", "head", "form", "button", "select", "iframe"}
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tr",
        "ul",
    ]
)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


class _TextOfHtml(HTMLParser):
    """Collects the words a reader would see, one blank line between blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.heading: list[str] = []
        self.parts: list[str] = []
        self._silent: list[str] = []
        self._within: list[str] = []
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._silent.clear()  # an unclosed <head> ends here
        if tag in _SILENT and tag not in _VOID:
            self._silent.append(tag)
        if tag in ("title", "h1"):
            self._within.append(tag)
        if tag == "br":
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n")
        self._preformatted += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        if tag in self._within:
            self._within.remove(tag)
        if tag in _BLOCKS:
            self.parts.append("\n\n")
        if tag == "pre" and self._preformatted:
            self._preformatted -= 1

    def handle_data(self, data: str) -> None:
        if "title" in self._within:
            if "svg" not in self._silent:
                self.title.append(data)
            return
        if self._silent:
            return
        if "h1" in self._within:
            self.heading.append(data)
        self.parts.append(data if self._preformatted else re.sub(r"\s+", " ", data))


def html_text(content: str, name: str) -> tuple[str, str]:
    """(title, text): ``<title>``, else the first heading, else ``name``; without scripts, styles and navigation."""
    parser = _TextOfHtml()
    parser.feed(content)
    parser.close()
    title = " ".join("".join(parser.title).split()) or " ".join("".join(parser.heading).split())
    text = re.sub(r"[ \t]+\n", "\n", "".join(parser.parts))
    text = re.sub(r"\n[ \t]+(?=\S)", "\n", text) if "<pre" not in content.lower() else text
    return title or name, _BLANK_LINES.sub("\n\n", text).strip()
