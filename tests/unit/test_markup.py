"""Titles and words out of markup."""

from __future__ import annotations

from motherlode.workflows.documents.markup import html_text, markdown_text, plain_text


def test_the_front_matter_of_markdown_gives_the_title() -> None:
    content = '---\ntitle: "Front"\ntags: [a]\n---\n# First\n\nBody\n\n## Second\nmore'
    assert markdown_text(content, "x.md") == ("Front", "First\n\nBody\n\nSecond\nmore")


def test_the_first_heading_of_markdown_is_taken_out_only_at_the_top() -> None:
    assert markdown_text("# `Code` **title**\nbody", "x") == ("Code title", "body")
    assert markdown_text("intro\n\n# Later\nbody", "x") == ("Later", "intro\n\nLater\nbody")
    assert markdown_text("just words", "x.md") == ("x.md", "just words")


def test_links_images_and_comments_keep_only_their_words() -> None:
    assert markdown_text("a [b](c(d)e) ![pic](x.png) <!-- no\nno --> f", "n")[1] == "a b pic  f"


def test_an_underlined_first_line_is_the_title_of_plain_text() -> None:
    assert plain_text("=====\nTitle\n=====\n\nBody\n", "x.rst") == ("Title", "Body")
    assert plain_text("Title\n-----\nBody", "x.rst") == ("Title", "Body")
    assert plain_text("First line\nsecond", "x.txt") == ("x.txt", "First line\nsecond")


def test_html_gives_the_words_a_reader_sees_block_by_block() -> None:
    content = """<!doctype html><html><head><title> The
    title </title><style>p {}</style></head><body><nav>menu</nav><h1>Head</h1><p>One
    two&nbsp;&amp; three<br>four<ul><li>a<li>b</ul><pre>x
  y</pre><script>if (a < b) {}</script></body></html>"""
    title, text = html_text(content, "x.html")
    assert title == "The title"
    words = text.split()
    assert words == ["Head", "One", "two", "&", "three", "four", "a", "b", "x", "y"]
    assert "Head\n\n" in text
    assert "x\n  y" in text


def test_html_without_title_takes_its_first_heading_and_survives_bad_nesting() -> None:
    assert html_text("<h1>Big <i>one</h1><p>body</b></p></div>", "x.html") == ("Big one", "Big one\n\nbody")
    assert html_text("no markup at all", "x.html") == ("x.html", "no markup at all")
    assert html_text("<head><title>T</title><body><p>b", "x") == ("T", "b")
