"""Documents out of folders, files and the running Python: what ``lode index`` reads."""

from __future__ import annotations

from motherlode.workflows.documents.document import Document, SourceOptions, SourceReport
from motherlode.workflows.documents.passages import estimated_tokens, split_into_passages
from motherlode.workflows.documents.sources import read_documents, sources_fingerprint

__all__ = [
    "Document",
    "SourceOptions",
    "SourceReport",
    "estimated_tokens",
    "read_documents",
    "sources_fingerprint",
    "split_into_passages",
]
