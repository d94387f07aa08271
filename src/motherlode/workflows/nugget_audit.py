"""Passages of files against a store: what they state, and how that stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from motherlode.errors import InputError
from motherlode.nuggets.audit import AuditReport
from motherlode.nuggets.reading import Moment
from motherlode.nuggets.store import NuggetStore
from motherlode.workflows.documents import SourceOptions, read_documents

__all__ = ["audit_files"]

_PASSAGE_FIELDS = ("published_at", "published", "date", "source_id", "document_id", "doc_id", "source", "ref_doc_id")


def audit_files(
    store: NuggetStore,
    sources: Sequence[str | Path],
    query: str | None = None,
    at: Moment | None = None,
    *,
    known_at: Moment | None = None,
    passage_tokens: int = 160,
) -> tuple[AuditReport, list[str]]:
    """What passages of files say, against what the store knows; and the passages' texts.

    Records are passages; texts are cut into passages of about ``passage_tokens`` tokens. A record's published_at (or
    published, date) and source (source_id, document_id, …) are the passage's.
    """
    options = SourceOptions(max_passage_tokens=passage_tokens, optional_fields=_PASSAGE_FIELDS)
    passages = []
    for read in read_documents(list(sources), options, distinct=False):
        stated = {name: value for name, value in (read.metadata or {}).items() if value not in (None, "")}
        published = next((stated.pop(name) for name in _PASSAGE_FIELDS[:3] if name in stated), None)
        whole = read.id.rpartition("#")[0] or read.id
        passages.append(
            {
                "text": read.text or read.title,
                "id": read.id,
                "published_at": published,
                "metadata": {"source_id": whole, **stated},
            }
        )
    if not passages:
        raise InputError(f"no passage to audit in {', '.join(map(str, sources))}")
    report = store.audit(passages, query, at, known_at=known_at)
    return report, [str(passage["text"]) for passage in passages]
