"""From files to facts: whole documents, one transaction each, and what could not be read with its reason."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motherlode.core.ports import NullProgress, Progress
from motherlode.errors import ConflictError, DataError, InputError
from motherlode.nuggets.extraction.offline import OfflineExtractor
from motherlode.nuggets.extraction_cache import StoreExtractionCache
from motherlode.nuggets.record import Document, Extractor, digest
from motherlode.nuggets.store import NuggetStore
from motherlode.workflows.documents import SourceOptions, SourceReport, read_documents

__all__ = ["IngestSummary", "estimate_cost", "ingest_documents", "make_extractor", "read_whole"]


@dataclass
class IngestSummary:
    """What became of documents. quarantined: (document, reason) of those of which nothing was recorded."""

    n_documents: int = 0
    n_known: int = 0
    n_claims: int = 0
    n_pending: int = 0
    n_refused: int = 0
    quarantined: list[tuple[str, str]] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "documents": self.n_documents,
            "known_already": self.n_known,
            "claims": self.n_claims,
            "pending": self.n_pending,
            "refused": self.n_refused,
            "quarantined": [{"document": name, "reason": reason} for name, reason in self.quarantined],
            "skipped_files": self.skipped,
        }


def make_extractor(name: str, store: NuggetStore, *, budget_usd: float | None = None) -> Extractor | None:
    """'offline', 'spacy', 'none', or 'llm:MODEL' with more models after commas to fall back on.

    Errors: InputError for another name; UnsupportedError where the extra is missing.
    """
    if name == "none":
        return None
    if name == "offline":
        return OfflineExtractor()
    if name == "spacy":
        from motherlode.nuggets.extraction.spacy_tagger import SpacyTagger

        return OfflineExtractor(tagger=SpacyTagger())
    kind, _, models = name.partition(":")
    if kind == "llm" and models:
        from motherlode.nuggets.llm import LlmExtractor

        return LlmExtractor(models.split(","), cache=StoreExtractionCache(store), budget_usd=budget_usd)
    raise InputError(f"an extractor is offline, spacy, none or llm:MODEL, not {name!r}")


def estimate_cost(extractor: Extractor | None, documents: Iterable[Document]) -> dict[str, Any]:
    """What an extractor that asks models would cost for documents; nothing is sent.

    Errors: InputError for extractors that cost nothing.
    """
    estimate = getattr(extractor, "estimate", None)
    if estimate is None:
        raise InputError("only llm:MODEL costs money; the offline extractor is free")
    found = estimate(list(documents))
    return {name: getattr(found, name) for name in found.__slots__}


def read_whole(
    sources: Sequence[str | os.PathLike[str]],
    report: SourceReport,
    *,
    version: str | None = None,
    published_at: str | None = None,
    publisher: str | None = None,
) -> Iterator[Document]:
    """Documents of files and folders, never cut; ids are paths, or the records' own."""
    for one in read_documents([str(Path(s)) for s in sources], SourceOptions(max_passage_tokens=0), report):
        yield Document(
            one.id, one.text, published_at=published_at, version=version, publisher=publisher, title=one.title or None
        )


def ingest_documents(
    store: NuggetStore,
    documents: Iterable[Document],
    extractor: Extractor | None = None,
    *,
    progress: Progress | None = None,
    n_documents: int | None = None,
) -> IngestSummary:
    """Extract and record documents, one by one. Interrupted, the same call goes on: what is known is passed over.

    A document that cannot be read whole (binary, a model that does not answer, another text under a recorded version)
    is quarantined with its reason, and nothing of it is recorded.
    """
    report = progress or NullProgress()
    summary = IngestSummary()
    report.start("reading facts", n_documents, "documents")
    for document in documents:
        summary.n_documents += 1
        if _is_known(store, document, extractor):
            summary.n_known += 1
        else:
            _ingest(store, document, extractor, summary)
        report.advance(1)
    report.finish()
    return summary


def _ingest(store: NuggetStore, document: Document, extractor: Extractor | None, summary: IngestSummary) -> None:
    try:
        done = store.ingest(document, extractor=extractor)
    except (InputError, DataError, ConflictError) as error:
        summary.quarantined.append((document.id, str(error)))
        return
    summary.n_claims += done.n_claims
    summary.n_pending += done.n_pending
    summary.n_refused += done.n_refused


def _is_known(store: NuggetStore, document: Document, extractor: Extractor | None) -> bool:
    """Whether this text was recorded under this version, read by the same extractor."""
    with store.reading() as session:
        rows = session.execute(
            "SELECT version, text_digest, extractor FROM nugget_documents WHERE source = ?", (document.id,)
        )
    version = None if document.version is None else str(document.version)
    fingerprint = None if extractor is None else extractor.fingerprint
    return (version, digest(document.text), fingerprint) in rows
