"""Documents and claims of files and folders into a nugget store, a document a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from motherlode.core.ports import LifecycleSink, NullProgress, Place, Progress, WorkRecord
from motherlode.core.sql import in_batches
from motherlode.core.time import parse_partial_date
from motherlode.errors import ConflictError, DataError, InputError
from motherlode.nuggets.bulk import assert_rows, claims_from_jsonl
from motherlode.nuggets.extraction.offline import OfflineExtractor
from motherlode.nuggets.extraction.spacy_tagger import SpacyTagger
from motherlode.nuggets.extraction_cache import StoreExtractionCache
from motherlode.nuggets.llm import CostEstimate, LlmExtractor
from motherlode.nuggets.record import Claim, Document, Extractor, digest
from motherlode.nuggets.store import NuggetStore
from motherlode.workflows.documents import Document as ReadDocument, SourceOptions, SourceReport, read_documents
from motherlode.workflows.lifecycle_sink import lifecycle_sink, places_of_sources

__all__ = [
    "CLAIMS_SUFFIXES",
    "DocumentSource",
    "IngestSummary",
    "check_sources",
    "estimate_ingest",
    "extractor_of",
    "ingest_claims",
    "ingest_documents",
    "is_claims_file",
]

CLAIMS_SUFFIXES = (".claims.jsonl", ".claims.ndjson")
_BATCH = 16  # documents that a language model is asked about at once
_FIELDS = ("published_at", "published", "date", "version", "publisher", "url")
_UNREADABLE = ("binary", "not UTF-8", "larger than", "not readable")
EXTRACTORS = "offline, spacy, llm:MODEL[,MODEL2], none"


@dataclass(slots=True)
class IngestSummary:
    """What became of documents.

    n_documents: read; n_recorded: new versions; n_known: passed over, since this text is recorded as read by this
        extractor. n_pending, n_refused: claims that wait for review, or are too unsure to count
    quarantined: (id, why) of documents of which nothing is recorded. notes: what was left out while reading
    cost_usd: of a language model
    """

    n_documents: int = 0
    n_recorded: int = 0
    n_known: int = 0
    n_claims: int = 0
    n_pending: int = 0
    n_refused: int = 0
    quarantined: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cost_usd: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "n_documents": self.n_documents,
            "n_recorded": self.n_recorded,
            "n_known": self.n_known,
            "n_claims": self.n_claims,
            "n_pending": self.n_pending,
            "n_refused": self.n_refused,
            "quarantined": [{"id": name, "reason": reason} for name, reason in self.quarantined],
            "notes": list(self.notes),
            "cost_usd": self.cost_usd,
        }


class _Account(SourceReport):
    """A report that keeps each file that cannot be read, not only the first."""

    def __init__(self) -> None:
        SourceReport.__init__(self)
        self.unreadable: list[tuple[str, str]] = []

    def skip(self, reason: str, where: str) -> None:
        if reason.startswith(_UNREADABLE):
            self.unreadable.append((where, reason))
        else:
            SourceReport.skip(self, reason, where)


class DocumentSource:
    """The whole documents of files and folders (text, Markdown, HTML, JSONL, CSV, TSV, Parquet), read as asked for.

    A record's fields published_at (or published, date), version, publisher and url are the document's; version,
    published_at and publisher given here are those of documents that state none. Ids are as in `read_documents`, and
    records of one id are versions of one document.

    quarantined: (id, why) of what could not be read; filled while reading, like ``notes``.
    """

    def __init__(
        self,
        sources: Sequence[str | Path],
        options: SourceOptions | None = None,
        *,
        version: str | None = None,
        published_at: str | None = None,
        publisher: str | None = None,
    ) -> None:
        given = options or SourceOptions()
        self._options = SourceOptions(
            given.id_field, given.title_field, given.text_field, given.metadata_fields, _FIELDS, 0, given.limit
        )
        self._sources = list(sources)
        self._defaults = {"version": version, "published_at": published_at, "publisher": publisher}
        self._refused: list[tuple[str, str]] = []
        self._account = _Account()
        if published_at is not None:
            parse_partial_date(published_at)

    @property
    def quarantined(self) -> list[tuple[str, str]]:
        return [*self._account.unreadable, *self._refused]

    @property
    def sources(self) -> list[str | Path]:
        """As they were given."""
        return list(self._sources)

    @property
    def notes(self) -> list[str]:
        """What was passed over, by reason."""
        return self._account.lines()

    def __iter__(self) -> Iterator[Document]:
        self._account, self._refused = _Account(), []
        for read in read_documents(self._sources, self._options, self._account, distinct=False):
            try:
                yield self._document(read)
            except InputError as error:
                self._refused.append((read.id, str(error)))

    def _document(self, read: ReadDocument) -> Document:
        stated = {name: value for name, value in (read.metadata or {}).items() if value not in (None, "")}
        said = {
            "version": stated.get("version"),
            "published_at": next((stated[name] for name in _FIELDS[:3] if name in stated), None),
            "publisher": stated.get("publisher"),
        }
        chosen = {name: self._defaults[name] if value is None else value for name, value in said.items()}
        if isinstance(chosen["published_at"], int):  # a year
            chosen["published_at"] = f"{chosen['published_at']:04}"
        if isinstance(chosen["version"], float):
            chosen["version"] = f"{chosen['version']:g}"
        # A file without a heading is titled by its name, which says nothing of what it is about.
        title = None if not read.title or read.title == Path(read.source).name else read.title
        publisher, url = chosen.pop("publisher"), stated.get("url")
        return Document(
            read.id,
            read.text or read.title,
            title=title,
            publisher=None if publisher is None else str(publisher),
            url=None if url is None else str(url),
            **chosen,
        )


def check_sources(sources: Sequence[str | Path]) -> None:
    """Refuse a source that is not there before a store is made for what it says.

    Errors: InputError that names it.
    """
    for source in sources:
        if str(source) != "python:stdlib" and not Path(source).expanduser().exists():
            raise InputError(f"no such source: {source}; name files or folders of text, Markdown, HTML, JSONL or CSV")


def is_claims_file(path: str | Path) -> bool:
    """Whether a file holds claims by its name."""
    return str(path).lower().endswith(CLAIMS_SUFFIXES)


def extractor_of(
    name: str, store: NuggetStore | None = None, *, budget_usd: float | None = None, client: Any = None
) -> Extractor | None:
    """The extractor of a name: offline, spacy, llm:MODEL[,MODEL2 …], or none.

    store: keeps a model's answers, so that no text is paid for twice. client: another way to reach models

    Errors: InputError for another name, or a budget without a model.
    """
    kind, _, models = name.partition(":")
    if kind != "llm" and budget_usd is not None:
        raise InputError(f"a budget is for language models, but the extractor is {name!r}, which costs nothing")
    match kind, models:
        case "none", "":
            return None
        case "offline", "":
            return OfflineExtractor()
        case "spacy", "":
            return OfflineExtractor(tagger=SpacyTagger())
        case "llm", models if models.strip():
            listed = [model.strip() for model in models.split(",") if model.strip()]
            cache = None if store is None else StoreExtractionCache(store)
            return LlmExtractor(listed, cache=cache, budget_usd=budget_usd, client=client)
    raise InputError(f"no such extractor: {name!r}; there are {EXTRACTORS}")


def ingest_documents(
    store: NuggetStore,
    documents: Iterable[Document],
    extractor: Extractor | None,
    progress: Progress | None = None,
    sink: LifecycleSink | None = None,
) -> IngestSummary:
    """Record documents with what they claim, each in a transaction of its own.

    What is recorded already, with the same text read by the same extractor, is passed over, so that an interrupted call
    is repeated as it was. A document that fails (binary, no usable answer of the model, another text under a recorded
    version) is quarantined with the reason, and the others go on.

    sink: told what was recorded of what; by default the lifecycle graph that ``LODE_LIFECYCLE`` names

    Errors: what the documents' own reading raises, e.g. DataError for a broken line; what came before is recorded.
    """
    progress, started_at = progress or NullProgress(), datetime.now(UTC)
    summary = IngestSummary()
    progress.start("ingesting", None, "documents")
    read = _read_by_model if isinstance(extractor, LlmExtractor) else _read_one_by_one
    for document, reading in read(store, documents, extractor, summary, progress):
        try:
            report = store.ingest(document, extractor=reading())
        except (InputError, DataError, ConflictError) as error:
            summary.quarantined.append((document.id, str(error)))
        else:
            summary.n_recorded += 1
            summary.n_claims += report.n_claims
            summary.n_pending += report.n_pending
            summary.n_refused += report.n_refused
        progress.advance(1)
    progress.finish()
    if isinstance(extractor, LlmExtractor):
        summary.cost_usd = extractor.spent_usd
    if isinstance(documents, DocumentSource):
        summary.n_documents += len(documents.quarantined)
        summary.quarantined = [*documents.quarantined, *summary.quarantined]
        summary.notes = documents.notes
        places = places_of_sources(documents.sources, summary.n_documents)
        said = {
            "documents": summary.n_documents,
            "documents_recorded": summary.n_recorded,
            "claims": summary.n_claims,
            "quarantined": len(summary.quarantined),
        }
        _announce(sink, store, started_at, places, said, extractor)
    return summary


def _announce(
    sink: LifecycleSink | None,
    store: NuggetStore,
    started_at: datetime,
    places: Sequence[Place],
    metrics: Mapping[str, float],
    extractor: Extractor | None = None,
) -> None:
    from motherlode import __version__

    where = store.where
    if where == ":memory:":
        return
    record = WorkRecord(
        kind="nugget_store",
        name=where.rpartition("/")[2].partition("?")[0],
        address=where,
        inputs=tuple(places),
        adds=True,
        parameters={} if extractor is None else {"extractor": extractor.fingerprint},
        metrics=metrics,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        code_version=f"motherlode {__version__}",
    )
    (sink or lifecycle_sink()).announce(record)


_Reading = Callable[[], Extractor | None]


def _read_one_by_one(
    store: NuggetStore,
    documents: Iterable[Document],
    extractor: Extractor | None,
    summary: IngestSummary,
    progress: Progress,
) -> Iterator[tuple[Document, _Reading]]:
    for document in _unknown(store, documents, extractor, summary, progress):
        yield document, lambda: extractor


def _read_by_model(
    store: NuggetStore,
    documents: Iterable[Document],
    extractor: Any,
    summary: IngestSummary,
    progress: Progress,
) -> Iterator[tuple[Document, _Reading]]:
    """Batches of documents, their texts asked for at the same time."""
    for batch in in_batches(_unknown(store, documents, extractor, summary, progress), _BATCH):
        results = extractor.extract_many([document for document in batch if "\x00" not in document.text])
        kept = iter(results)
        for document in batch:
            result = next(kept) if "\x00" not in document.text else None
            if result is not None and not result.is_complete:
                summary.quarantined.append((document.id, f"not extracted: {result.quarantined}"))
                progress.advance(1)
                continue
            said = _Said(extractor.fingerprint, () if result is None else result.claims)
            yield document, lambda said=said: said  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _Said:
    """An extractor that has read its document already."""

    fingerprint: str
    claims: Sequence[Claim]

    def extract(self, document: Document) -> list[Claim]:
        return list(self.claims)


def _unknown(
    store: NuggetStore,
    documents: Iterable[Document],
    extractor: Extractor | None,
    summary: IngestSummary,
    progress: Progress,
) -> Iterator[Document]:
    for document in documents:
        summary.n_documents += 1
        if _is_recorded(store, document, extractor):
            summary.n_known += 1
            progress.advance(1)
        else:
            yield document


def _is_recorded(store: NuggetStore, document: Document, extractor: Extractor | None) -> bool:
    published = None if document.published_at is None else str(parse_partial_date(document.published_at))
    version = None if document.version is None else str(document.version)
    wanted = (
        version,
        published,
        digest(document.text) if document.text else None,
        None if extractor is None else extractor.fingerprint,
    )
    if "\x00" in document.id:
        return False
    with store.reading() as session:
        rows = session.execute(
            "SELECT version, published, text_digest, extractor FROM nugget_documents WHERE source = ?", (document.id,)
        )
    return any(tuple(row) == wanted for row in rows)


def ingest_claims(
    store: NuggetStore, path: str | Path, progress: Progress | None = None, sink: LifecycleSink | None = None
) -> int:
    """Record the claims of a JSONL file; how many there were. Repeated, it records nothing twice.

    sink: as of `ingest_documents`

    Errors: InputError with file, line and field; whole batches before it are recorded.
    """
    started_at = datetime.now(UTC)
    n_claims = assert_rows(store, claims_from_jsonl(path), progress=progress)
    _announce(sink, store, started_at, places_of_sources([path], n_claims), {"claims": n_claims})
    return n_claims


def estimate_ingest(store: NuggetStore | None, documents: Iterable[Document], extractor: Extractor) -> CostEstimate:
    """What a language model would cost for those documents that are not recorded yet; asks nobody.

    Errors: InputError for an extractor that is no language model.
    """
    if not isinstance(extractor, LlmExtractor):
        raise InputError(f"an estimate is for language models (llm:MODEL), but {extractor.fingerprint} costs nothing")
    fresh = [document for document in documents if store is None or not _is_recorded(store, document, extractor)]
    return extractor.estimate(fresh)
