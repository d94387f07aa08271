"""Documents out of files and folders of text, Markdown and HTML."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from motherlode.errors import InputError
from motherlode.workflows.documents.document import Document, SourceReport
from motherlode.workflows.documents.markup import html_text, markdown_text, plain_text

__all__ = ["RECORD_SUFFIXES", "TEXT_SUFFIXES", "document_of_file", "files_of_folder"]

_READERS: dict[str, Callable[[str, str], tuple[str, str]]] = {
    **dict.fromkeys((".txt", ".text", ".rst", ".adoc", ".org", ".tex"), plain_text),
    **dict.fromkeys((".md", ".markdown", ".mdx", ".qmd"), markdown_text),
    **dict.fromkeys((".html", ".htm", ".xhtml"), html_text),
}
TEXT_SUFFIXES = frozenset(_READERS)
RECORD_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"})
# In a folder a .json is more often a setting than a corpus; it is read when named.
_FOLDER_SUFFIXES = TEXT_SUFFIXES | RECORD_SUFFIXES - {".json"}
_IGNORED_FOLDERS = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "__MACOSX"})
_MAX_FILE_BYTES = 256 * 2**20
_MAX_BAD_SHARE = 0.01


def suffix_of(path: Path) -> str:
    """The suffix that tells the format, in small letters, ``.gz`` taken off."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def files_of_folder(folder: Path, report: SourceReport) -> Iterator[Path]:
    """Readable files below ``folder`` in a fixed order: text, Markdown, HTML, JSONL, CSV, TSV, Parquet.

    Left out: hidden files and folders, ``node_modules`` and the like, folders of indexes and of unfinished builds.
    """

    def complain(error: OSError) -> None:
        report.skip(f"not readable ({error.strerror})", str(error.filename))

    for parent, folders, names in os.walk(folder, onerror=complain):
        folders[:] = sorted(f for f in folders if not _is_ignored(Path(parent, f)))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith("."):
                continue
            if suffix_of(path) not in _FOLDER_SUFFIXES:
                report.skip(f"no reader for {path.suffix or 'files without suffix'}", str(path))
            elif path.is_file():
                yield path


def _is_ignored(folder: Path) -> bool:
    name = folder.name
    if name.startswith(".") or name in _IGNORED_FOLDERS or name.endswith(".building"):
        return True
    return (folder / "manifest.json").is_file() and any(folder.glob("*.lode"))


def document_of_file(path: Path, doc_id: str, report: SourceReport) -> Document | None:
    """The file as one document; None, counted in ``report``, where there is nothing to read."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _MAX_FILE_BYTES:
            report.skip(f"larger than {_MAX_FILE_BYTES >> 20} MiB", str(path))
            return None
        content = path.read_bytes()
    except OSError as error:
        report.skip(f"not readable ({error.strerror})", str(path))
        return None
    text = _decoded(content, path, report)
    if text is None:
        return None
    title, body = _READERS.get(suffix_of(path), plain_text)(text.replace("\r\n", "\n"), path.name)
    if not body and title == path.name:
        report.skip("empty", str(path))
        return None
    return Document(doc_id, title, body, str(path))


def _decoded(content: bytes, path: Path, report: SourceReport) -> str | None:
    """UTF-8 (or UTF-16 with its mark); a few bad bytes are replaced, many mean that it is something else."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:8192]:
        report.skip("binary", str(path))
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("utf-8-sig", errors="replace")
    n_bad = text.count("\ufffd")
    if n_bad > max(1.0, _MAX_BAD_SHARE * len(text)):
        report.skip("not UTF-8 (convert it, e.g. iconv -f latin1 -t utf-8)", str(path))
        return None
    report.skip("bytes that are not UTF-8 replaced by \ufffd in a file that was read", str(path))
    return text


def open_source(source: str | os.PathLike[str]) -> Path:
    """The source as an existing path; InputError says what sources can be."""
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(
            f"no such source: {path}. A source is a folder, a text, Markdown or HTML file, JSONL, JSON, CSV, TSV or "
            "Parquet, or python:stdlib."
        )
    return path
