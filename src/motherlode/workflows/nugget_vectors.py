"""Late interaction for the nugget store: an index of its versions, a projection that SQL can always rebuild."""

from __future__ import annotations

import logging
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import read_manifest, write_manifest
from motherlode.core.ports import Encoder, NullProgress, Progress
from motherlode.core.sql import Session
from motherlode.core.time import EVER
from motherlode.errors import ConflictError, InputError
from motherlode.nuggets.reading import Filter
from motherlode.nuggets.schema import predicate_words
from motherlode.nuggets.store import NuggetStore
from motherlode.retrieval.compression import compress_index
from motherlode.retrieval.index import Index, open_index
from motherlode.workflows.text_index import build_text_index, spool_path

__all__ = ["NuggetVectors", "Watermark"]

_logger = logging.getLogger("motherlode.workflows.nugget_vectors")
_EXACT_FACTS = 2000  # above, scoring every token of every fact takes longer than all the rest of a question
_BATCH = 2048  # versions of one commit
_N_CACHED = 1024  # encoded questions
_COLUMNS = (
    "v.version, v.subject, v.predicate, v.object, v.scope, v.state, v.kind, v.sources, v.start_earliest, v.end_latest, "
    "v.start_granularity, v.end_granularity, v.recorded_from, v.recorded_to"
)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the projection has come: last version, recorded time, and how many erasures it knows of."""

    version: int = 0
    recorded_at: int = 0
    n_erasures: int = 0


class NuggetVectors:
    """Ranks versions of nuggets by late interaction, filtered by time and state inside the search.

    path: folder of the index and its watermark. One process at a time advances it (the index's own lock is the lease);
    others go on reading. What is newer than the watermark is found by words alone.
    """

    def __init__(self, store: NuggetStore, path: Path, encoder: Encoder | None = None) -> None:
        self._store = store
        self._path = path
        self._encoder = encoder
        self._index: Index | None = None
        self._questions: OrderedDict[str, NDArray[Any]] = OrderedDict()

    @property
    def watermark(self) -> Watermark:
        """How far it has come.

        Errors: DataError for a file that is damaged; `rebuild` makes it anew.
        """
        file = self._path / "watermark.json"
        return Watermark(**read_manifest(file)) if file.exists() else Watermark()

    def lag(self) -> int:
        """How many versions the store has that the projection has not."""
        with self._store.reading() as session:
            row = session.one("SELECT COUNT(*) FROM nugget_versions WHERE version > ?", (self.watermark.version,))
        return 0 if row is None else int(row[0])

    def advance(self, progress: Progress | None = None) -> int:
        """Add what the store recorded since, close what ended, remove what was erased; how many versions were added.

        0 where another process is at it. Interrupted, it goes on at the next call.
        """
        progress = progress or NullProgress()
        n_added = 0
        try:
            if self._opened() is None:
                n_added += self._build(progress)
            progress.start("encoding facts", self.lag(), "facts")
            while True:
                n = self._step(progress)
                n_added += n
                if n < _BATCH:
                    break
            progress.finish()
            self._compress(progress)
        except ConflictError:
            _logger.info("another process is advancing %s", self._path)
        return n_added

    def _build(self, progress: Progress) -> int:
        """The first index, of all versions there are; how many. Interrupted, it continues while no new ones came."""
        with self._store.reading() as session:
            newest = session.one("SELECT MAX(version) FROM nugget_versions")
            recorded = session.one("SELECT value FROM nugget_state WHERE name = 'recorded_at'") or (0,)
            erasures = session.one("SELECT COUNT(*) FROM nugget_events WHERE type = 'erase'") or (0,)
        if newest is None or newest[0] is None:
            return 0
        if self._encoder is None:
            raise InputError("an index of facts is built with an encoder; open_nuggets(…, encoder='minilm')")
        self._path.mkdir(parents=True, exist_ok=True)
        build_text_index(
            self._path / "index",
            ({"id": str(row[0]), "text": _text(row), "metadata": _metadata(row)} for row in self._versions(newest[0])),
            self._encoder,
            resume_key=f"nuggets up to {newest[0]}",
            kind="compressed" if newest[0] > _EXACT_FACTS else "auto",
            progress=progress,
        )
        self._keep(Watermark(newest[0], recorded[0], erasures[0]))
        return int(newest[0])

    def _versions(self, last: int) -> Iterator[tuple[Any, ...]]:
        for first in range(0, last, _BATCH):
            with self._store.reading() as session:
                yield from session.execute(
                    f"SELECT {_COLUMNS} FROM nugget_versions v WHERE v.version > ? AND v.version <= ? "
                    "ORDER BY v.version",
                    (first, min(first + _BATCH, last)),
                )

    def _compress(self, progress: Progress) -> None:
        """An index that was small enough to be exact when it was made, and no longer is."""
        index = self._opened()
        if index is not None and index.kind == "flat" and index.n_docs > _EXACT_FACTS:
            compress_index(index, progress=progress)

    def forget(self) -> bool:
        """Remove what the store has erased, which needs no encoder; False where another process is at the index.

        An unfinished first build is thrown away: it holds texts too, and is made anew by `advance`.
        """
        shutil.rmtree(spool_path(self._path / "index"), ignore_errors=True)
        try:
            with self._store.reading() as session:
                gone = self._gone(session)
            if gone:
                self._write((), (), gone)
        except ConflictError:
            _logger.info("another process is writing %s; what was erased leaves it later", self._path)
            return False
        return True

    def rebuild(self, progress: Progress | None = None) -> int:
        """Make the index anew from the store."""
        self._index = None
        shutil.rmtree(self._path, ignore_errors=True)
        return self.advance(progress)

    def _step(self, progress: Progress) -> int:
        mark = self.watermark
        with self._store.reading() as session:
            erasures = session.one("SELECT COUNT(*) FROM nugget_events WHERE type = 'erase'") or (0,)
            newest = session.one("SELECT value FROM nugget_state WHERE name = 'recorded_at'") or (0,)
            rows = session.execute(
                f"SELECT {_COLUMNS} FROM nugget_versions v WHERE v.version > ? ORDER BY v.version LIMIT {_BATCH}",
                (mark.version,),
            )
            done = len(rows) < _BATCH
            ended = []
            if done:  # the last step closes what ended meanwhile; the others would only look for it again
                ended = session.execute(
                    "SELECT version, recorded_to FROM nugget_versions "
                    f"WHERE recorded_to > ? AND recorded_to < {EVER} AND version <= ?",
                    (mark.recorded_at, mark.version),
                )
            gone = self._gone(session) if erasures[0] != mark.n_erasures else []
        if rows or ended or gone:
            self._write(rows, ended, gone)
            progress.advance(len(rows))
        self._keep(
            Watermark(
                rows[-1][0] if rows else mark.version,
                newest[0] if done else mark.recorded_at,
                erasures[0],
            )
        )
        return len(rows)

    def _gone(self, session: Session) -> list[str]:
        """Versions of the index that the store has erased."""
        index = self._opened()
        if index is None:
            return []
        held = {str(row[0]) for row in session.execute("SELECT version FROM nugget_versions")}
        return [name for name in index.ids if name not in held]

    def _keep(self, mark: Watermark) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        write_manifest(self._path / "watermark.json", asdict(mark))

    def _write(self, rows: Sequence[tuple[Any, ...]], ended: Sequence[tuple[Any, ...]], gone: Sequence[str]) -> None:
        index = self._opened()
        if index is None:
            return
        with index.writer() as writer:
            index.refresh()
            known = set(index.ids)
            fresh = [row for row in rows if str(row[0]) not in known]  # others: a step cut short after its commit
            if fresh:
                writer.add_texts(
                    [str(row[0]) for row in fresh],
                    [_text(row) for row in fresh],
                    metadata=[_metadata(row) for row in fresh],
                )
            closed = [(str(version), to) for version, to in ended if str(version) in known]
            if closed:
                writer.set_metadata([name for name, _ in closed], [{"recorded_to": to} for _, to in closed])
            if gone:
                writer.delete(list(gone), purge=True)

    def _opened(self) -> Index | None:
        if self._index is None:
            if not (self._path / "index").exists():
                return None
            self._index = open_index(self._path / "index")
            self._lend_encoder(self._index)
        return self._index

    def _lend_encoder(self, index: Index) -> None:
        """Give the index the encoder that is here already, where it was built with that one and learned nothing."""
        stored = index.snapshot.manifest.get("encoder")
        is_the_same = self._encoder is not None and stored and stored["config"] == dict(self._encoder.config)
        if is_the_same and "encoder" not in index.snapshot.files:
            index.encoder = self._encoder

    def encode(self, question: str) -> NDArray[Any]:
        """A question's token vectors, float [n_query_tokens, dim]; the last thousand are kept."""
        held = self._questions.get(question)
        if held is None:
            index = self._opened()
            encoder = self._encoder if index is None or index.encoder is None else index.encoder
            if encoder is None:
                raise InputError("questions are encoded by an encoder; open_nuggets(…, encoder='minilm')")
            held = np.asarray(encoder.encode_queries([question]).vectors)
            self._questions[question] = held
            if len(self._questions) > _N_CACHED:
                self._questions.popitem(last=False)
        return held

    def rank(self, question: str, allowed: Filter, k: int) -> list[tuple[int, float]]:
        """(number of a version, MaxSim), best first, of versions that the filter lets through."""
        index = self._opened()
        if index is None or not question.strip():
            return []
        index.refresh()
        where, params = _where(allowed)
        hits = index.search(self.encode(question), k, where=where, params=params, k_docs_to_score=4 * k)
        return [(int(name), float(score)) for name, score in zip(hits.ids, hits.scores, strict=True)]


def _text(row: Sequence[Any]) -> str:
    return f"{row[1]}: {predicate_words(row[2])}: {row[3]}"


def _metadata(row: Sequence[Any]) -> dict[str, Any]:
    """What the filter needs of a version; instants as whole numbers."""
    return {
        "scope": row[4],
        "state": row[5],
        "kind": row[6],
        "predicate": row[2],
        "sources": row[7].strip("\n").split("\n"),
        "start": row[8],
        "end": row[9],
        "dated": row[10] is not None or row[11] is not None,
        "recorded_from": row[12],
        "recorded_to": row[13],
    }


def _where(allowed: Filter) -> tuple[str, list[Any]]:
    """A filter of the store as one of the index."""
    said: list[str] = []
    values: list[Any] = []
    if allowed.known_at is None:
        said.append(f"recorded_to = {EVER}")
    else:
        said.append("recorded_from <= ? AND recorded_to > ?")
        values += [allowed.known_at, allowed.known_at]
    if allowed.window is not None:
        said.append("start < ? AND end > ?")
        values += [allowed.window[1], allowed.window[0] + 1]
    if not allowed.undated:
        said.append("dated")
    for column, wanted in (
        ("state", allowed.states),
        ("scope", allowed.scopes),
        ("predicate", allowed.predicates),
        ("kind", allowed.kinds),
    ):
        if wanted is not None:
            said.append(f"{column} IN ?")
            values.append(list(wanted))
    if allowed.sources is not None:
        said.append("(" + (" OR ".join(["has(sources, ?)"] * len(allowed.sources)) or "1 = 0") + ")")
        values += allowed.sources
    return " AND ".join(said), values
