"""From what a person names on a command line to a stream of documents."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from motherlode.errors import InputError
from motherlode.workflows.documents.docstrings import stdlib_documents, stdlib_fingerprint
from motherlode.workflows.documents.document import Document, SourceOptions, SourceReport
from motherlode.workflows.documents.files import (
    RECORD_SUFFIXES,
    document_of_file,
    files_of_folder,
    open_source,
    suffix_of,
)
from motherlode.workflows.documents.passages import split_into_passages
from motherlode.workflows.documents.records import documents_of_records

__all__ = ["read_documents", "sources_fingerprint"]

PYTHON_STDLIB = "python:stdlib"
_CLAIMS = (".claims.jsonl", ".claims.ndjson")
Source = str | os.PathLike[str]


def read_documents(
    sources: Source | Sequence[Source],
    options: SourceOptions | None = None,
    report: SourceReport | None = None,
    *,
    distinct: bool = True,
) -> Iterator[Document]:
    """Documents of folders and files, in a fixed order, read as they are asked for.

    sources: a folder (text, Markdown, HTML, JSONL, CSV, TSV and Parquet below it), one such file, or
        ``python:stdlib`` for the docstrings of the running Python; or several of them
    options: field names, passage length, limit
    report: filled with what was read and what was skipped
    distinct: refuse an id that comes twice; False where records are versions of documents

    A document that is too long for an encoder comes as passages ``id#1``, ``id#2``, …. The id of a file is its path
    below the folder, with the folder's name before it where there are several sources. An id that comes twice is an
    InputError which names both places.
    """
    options = options or SourceOptions()
    report = report if report is not None else SourceReport()
    sources = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    if not sources:
        raise InputError("no sources: name a folder, a file or python:stdlib.")
    paths = [None if _is_stdlib(s) else open_source(s) for s in sources]  # complain before the first is read
    return _passages(_distinct(_documents(paths, options, report), report, distinct), options, report)


def sources_fingerprint(sources: Sequence[Source], options: SourceOptions) -> str:
    """Changes when a file below the sources, or an option that changes what is read, has changed; reads no contents."""
    digest = hashlib.sha256(repr(sorted(asdict(options).items())).encode())
    for source in sources:
        if _is_stdlib(source):
            digest.update(stdlib_fingerprint().encode())
            continue
        path = open_source(source)
        digest.update(str(path.resolve()).encode() + b"\0")
        for file in files_of_folder(path, SourceReport()) if path.is_dir() else [path]:
            status = file.stat()
            digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _is_stdlib(source: Source) -> bool:
    text = str(source)
    if text.startswith("python:") and text != PYTHON_STDLIB:
        raise InputError(f"no such source: {text}. The docstrings of the running Python are {PYTHON_STDLIB}.")
    return text == PYTHON_STDLIB


def _documents(paths: Sequence[Path | None], options: SourceOptions, report: SourceReport) -> Iterator[Document]:
    for path in paths:
        if path is None:
            yield from stdlib_documents(report)
        elif path.is_dir():
            prefix = f"{path.resolve().name}/" if len(paths) > 1 else ""
            for file in files_of_folder(path, report):
                if file.name.endswith(_CLAIMS):
                    report.skip("claims, not documents: lode nuggets ingest takes such files by name", str(file))
                    continue
                yield from _file_documents(file, prefix + file.relative_to(path).as_posix(), options, report)
        else:
            yield from _file_documents(path, path.name, options, report)


def _file_documents(path: Path, doc_id: str, options: SourceOptions, report: SourceReport) -> Iterator[Document]:
    report.n_files += 1
    if suffix_of(path) in RECORD_SUFFIXES:
        yield from documents_of_records(path, options, report)
    else:
        document = document_of_file(path, doc_id, report)
        if document is not None:
            yield document


def _distinct(documents: Iterable[Document], report: SourceReport, distinct: bool) -> Iterator[Document]:
    # 64-bit hashes, not strings: some 70 bytes a document however long the ids. Two ids out of ten million share a
    # hash with probability 3e-6; then one is refused and the message shows which.
    seen: set[int] = set()
    for document in map(_encodable, documents):
        key = int.from_bytes(hashlib.blake2b(document.id.encode(), digest_size=8).digest(), "big")
        if distinct and key in seen:
            raise InputError(
                f"{document.source}: the id {document.id!r} was there already; ids name one document each. Choose "
                "another field with --id-field, or leave one of the sources out."
            )
        if distinct:
            seen.add(key)
        report.n_documents += 1
        yield document


def _encodable(document: Document) -> Document:
    """Without lone surrogates, which half an emoji in JSON or an odd file name brings and no tokenizer takes."""
    parts = (document.id, document.title, document.text)
    try:
        "".join(parts).encode()
    except UnicodeEncodeError:
        parts = tuple(part.encode(errors="replace").decode() for part in parts)  # type: ignore[assignment]
        return Document(*parts, document.source, document.metadata)
    return document


def _passages(documents: Iterable[Document], options: SourceOptions, report: SourceReport) -> Iterator[Document]:
    for document in documents:
        yield from split_into_passages(document, options.max_passage_tokens)
        if options.limit and report.n_documents >= options.limit:
            return
