"""What a source gives: documents, and an account of what was left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from motherlode.core.strings import text_to_encode

__all__ = ["Document", "SourceOptions", "SourceReport"]

_logger = logging.getLogger("motherlode.workflows.documents")


@dataclass(frozen=True, slots=True)
class Document:
    """One text to index.

    id: unique in its corpus
    title: a line that names it; may be empty
    text: what is read and shown
    source: where it came from, ``file`` or ``file:line``, for messages
    metadata: values that filters ask for, by column; None for none
    """

    id: str
    title: str
    text: str
    source: str = ""
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def text_to_encode(self) -> str:
        """Title and text as an encoder reads them."""
        return text_to_encode(self.title, self.text)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How sources are read.

    id_field, title_field, text_field: names of fields in JSONL, CSV and Parquet; None finds the usual ones. Several
        text fields are joined when ``text_field`` names them with commas
    metadata_fields: fields that become metadata columns, as ``name`` or ``name:type`` with one of string, number,
        boolean, timestamp (ISO 8601) and strings (separated by commas, where the file has no lists)
    optional_fields: fields that become metadata where a record has them
    max_passage_tokens: longer documents are split into passages of about this many tokens, at paragraphs where
        possible; 0 keeps documents whole
    limit: stop after this many documents (before splitting); 0 reads all
    """

    id_field: str | None = None
    title_field: str | None = None
    text_field: str | None = None
    metadata_fields: tuple[str, ...] = ()
    optional_fields: tuple[str, ...] = ()
    max_passage_tokens: int = 160
    limit: int = 0


@dataclass(slots=True)
class SourceReport:
    """What reading came to: files read, and files or records skipped, by reason."""

    n_files: int = 0
    n_documents: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def skip(self, reason: str, where: str) -> None:
        """Count something left out; the first of each reason is kept as an example and logged."""
        self.skipped[reason] += 1
        if reason not in self.examples:
            self.examples[reason] = where
            _logger.info("skipped %s: %s", where, reason)

    def lines(self) -> list[str]:
        """One readable line for each reason, e.g. ``3 skipped: empty (first: notes/a.txt)``."""
        return [f"{n} skipped: {reason} (first: {self.examples[reason]})" for reason, n in self.skipped.most_common()]
