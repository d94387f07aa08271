"""Documents out of JSONL, JSON, CSV, TSV and Parquet: one record, one document."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.workflows.documents.document import Document, SourceOptions, SourceReport
from motherlode.workflows.documents.files import suffix_of
from motherlode.workflows.documents.metadata_fields import MetadataFields

__all__ = ["documents_of_records"]

_ID_FIELDS = ("id", "_id", "docid", "doc_id", "docno", "document_id", "pid", "uid", "key", "url")
_TITLE_FIELDS = ("title", "name", "headline", "subject", "heading")
_TEXT_FIELDS = ("text", "body", "content", "contents", "passage", "document", "abstract", "description", "summary")


def documents_of_records(path: Path, options: SourceOptions, report: SourceReport) -> Iterator[Document]:
    """The file's records in order. A record without text is skipped and counted.

    The fields are found in the first record. The id is the id field, else ``file:number``. Errors name the file and
    the line (or row).
    """
    n_records = 0
    fields: _Fields | None = None
    for number, record in _records(path, options):
        n_records += 1
        where = f"{path}:{number}"
        if fields is None:
            fields = _Fields.found_in(record, options, where)
        document = fields.document(record, path, number)
        if document is None:
            report.skip("record without text", where)
        else:
            yield document
    if not n_records:
        report.skip("no records", str(path))


class _Fields:
    """Which fields of a record are the id, the title, the texts and the metadata."""

    def __init__(
        self, id_field: str | None, title_field: str | None, text_fields: tuple[str, ...], metadata: MetadataFields
    ) -> None:
        self.id_field, self.title_field, self.text_fields = id_field, title_field, text_fields
        self.metadata = metadata

    @classmethod
    def found_in(cls, record: Mapping[str, Any], options: SourceOptions, where: str) -> _Fields:
        id_field = _field(record, options.id_field, _ID_FIELDS, "--id-field", where)
        title_field = _field(record, options.title_field, _TITLE_FIELDS, "--title-field", where)
        if options.text_field:
            names = [name.strip() for name in options.text_field.split(",") if name.strip()]
            texts = tuple(t for name in names if (t := _field(record, name, (), "--text-field", where)))
        else:
            found = _field(record, None, _TEXT_FIELDS, "--text-field", where)
            texts = (found,) if found else ()
        if not texts and title_field is None:
            raise InputError(
                f"{where}: no text found in the fields {', '.join(map(repr, record)) or '(none)'}; expected one of "
                f"{', '.join(_TEXT_FIELDS)}. Name it with --text-field."
            )
        metadata = MetadataFields(options.metadata_fields, options.optional_fields)
        metadata.check(record, where)
        return cls(id_field, title_field, texts, metadata)

    def document(self, record: Mapping[str, Any], path: Path, number: int) -> Document | None:
        text = "\n\n".join(t for name in self.text_fields if (t := _as_text(record.get(name))))
        title = " ".join(_as_text(record.get(self.title_field)).split()) if self.title_field else ""
        if not text and not title:
            return None
        where = f"{path}:{number}"
        doc_id = _as_text(record.get(self.id_field)) if self.id_field else f"{path.name}:{number}"
        if not doc_id:
            raise DataError(
                f"{where}: the field {self.id_field!r} is empty, but it holds the ids of {path}.", path=str(path)
            )
        return Document(doc_id, title, text, where, self.metadata.values(record, where))


def _field(record: Mapping[str, Any], named: str | None, usual: tuple[str, ...], option: str, where: str) -> str | None:
    if named is not None:
        if named not in record:
            raise InputError(f"{where}: no field {named!r} ({option}); the record has {', '.join(map(repr, record))}.")
        return named
    by_small_name = {name.lower(): name for name in reversed(list(record))}
    return next((by_small_name[name] for name in usual if name in by_small_name), None)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (list, tuple)):
        return "\n".join(t for v in value if (t := _as_text(v)))
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _records(path: Path, options: SourceOptions) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line or row number from 1, record)."""
    suffix = suffix_of(path)
    if suffix == ".parquet":
        yield from _parquet_records(path)
        return
    with _opened(path) as lines:
        try:
            if suffix in (".csv", ".tsv"):
                yield from _csv_records(lines, path, suffix == ".tsv", options)
            elif suffix == ".json":
                yield from _json_records(lines, path)
            else:
                yield from _jsonl_records(lines, path)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path} is not UTF-8 ({error.reason}: byte {error.object[error.start]:#04x}); convert it first, e.g. "
                "iconv -f latin1 -t utf-8.",
                path=str(path),
            ) from error
        except (EOFError, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is not a whole gzip file: {error}.", path=str(path)) from error


def _opened(path: Path) -> IO[str]:
    try:
        if path.suffix.lower() == ".gz":
            return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}.") from error


def _jsonl_records(lines: IO[str], path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _as_record(_parsed(line, path, number), path, number)


def _json_records(lines: IO[str], path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """A list of records, or an object whose values are records (their keys become ids)."""
    content = _parsed(lines.read(), path, 1)
    if isinstance(content, dict):
        if content and all(isinstance(v, dict) for v in content.values()):
            content = [{"id": key, **value} for key, value in content.items()]
        else:
            content = [content]
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list of records, found {type(content).__name__}.", path=str(path))
    for number, value in enumerate(content, start=1):
        yield number, _as_record(value, path, number)


def _parsed(text: str, path: Path, number: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = number + getattr(error, "lineno", 1) - 1
        raise DataError(
            f"{path}:{line}: not JSON: {error}. Expected one JSON object.", path=str(path), found=text[:80].strip()
        ) from error


def _as_record(value: object, path: Path, number: int) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"text": value}
    raise DataError(
        f"{path}:{number}: expected an object with a text field, found {type(value).__name__}.", path=str(path)
    )


def _csv_records(
    lines: IO[str], path: Path, is_tsv: bool, options: SourceOptions
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows under a header; a TSV of two columns may come without one, as ``id<tab>text``. TSV knows no quotes."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # its default refuses fields above 128 KiB
    head = lines.readline()
    lines.seek(0)
    if is_tsv:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=max(",;\t", key=head.count), strict=True)
    header: list[str] | None = None
    try:
        for row in reader:
            if header is None:
                header = row if not (is_tsv and _lacks_header(row, options)) else ["id", "text"]
                if header is row:
                    continue
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(
                    f"{path}:{reader.line_num}: {len(row)} columns, but the header has {len(header)}.", path=str(path)
                )
            yield reader.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not CSV: {error}.", path=str(path)) from error


def _lacks_header(row: list[str], options: SourceOptions) -> bool:
    known = {*_ID_FIELDS, *_TEXT_FIELDS, *_TITLE_FIELDS, "query", "question", options.id_field, options.text_field}
    return len(row) == 2 and not any(cell.strip().lower() in known or cell in known for cell in row)


def _parquet_records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UnsupportedError(f"{path}: Parquet needs pyarrow: pip install 'motherlode[data]'.") from error
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: not readable as Parquet after row {number}: {error}.", path=str(path)) from error
