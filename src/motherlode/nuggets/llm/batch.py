"""Many documents at once: their windows, each text asked for once, a bounded number of requests in flight."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from motherlode.core.ports import Progress
from motherlode.core.time import parse_partial_date
from motherlode.errors import LodeError
from motherlode.nuggets.llm.cache import ExtractionCache
from motherlode.nuggets.llm.claims import read_claim
from motherlode.nuggets.llm.reader import Passage, Reader, WindowAnswer
from motherlode.nuggets.llm.result import ExtractionResult
from motherlode.nuggets.llm.windows import Window, cut_windows
from motherlode.nuggets.record import Claim, Document

__all__ = ["Batch"]

_log = logging.getLogger("motherlode")


@dataclass(slots=True)
class _Job:
    """A text to read, and the documents (by number) that have it; the first pays and owns the cache's entry."""

    passage: Passage
    documents: list[int] = field(default_factory=list)
    answer: WindowAnswer | None = None
    is_cached: bool = False


class Batch:
    """The windows of documents, grouped by what would be asked."""

    def __init__(
        self,
        reader: Reader,
        cache: ExtractionCache,
        key_of: Callable[[Passage], str],
        window_tokens: int,
        documents: list[Document],
    ) -> None:
        self.documents = documents
        self._reader, self._cache = reader, cache
        self._jobs: dict[str, _Job] = {}
        self._windows: list[list[tuple[Window, str]]] = []
        for number, document in enumerate(documents):
            stated = document.published_at
            published_at = None if stated is None else str(parse_partial_date(stated))
            places = []
            for window in cut_windows(document.text, window_tokens):
                passage = Passage(document.text[window.begin : window.end], document.title, published_at)
                key = key_of(passage)
                if key not in self._jobs:
                    self._jobs[key] = self._look_up(key, passage)
                self._jobs[key].documents.append(number)
                places.append((window, key))
            self._windows.append(places)

    @property
    def n_windows(self) -> int:
        return sum(map(len, self._windows))

    @property
    def n_asked(self) -> int:
        """How many requests there are to make, without repairs."""
        return sum(not job.is_cached for job in self._jobs.values())

    def asked(self) -> Iterator[Passage]:
        """What there is to ask for."""
        return (job.passage for job in self._jobs.values() if not job.is_cached)

    def run(self, n_parallel: int, progress: Progress) -> list[ExtractionResult]:
        """A result for each document, in their order."""
        progress.start("extracting claims", len(self.documents), "documents")
        results: list[ExtractionResult | None] = [None] * len(self.documents)
        waiting = [len({key for _, key in places if not self._jobs[key].is_cached}) for places in self._windows]
        pool = ThreadPoolExecutor(n_parallel, thread_name_prefix="motherlode-llm")
        try:
            for number, n_missing in enumerate(waiting):
                if n_missing == 0:
                    results[number] = self._result(number)
                    progress.advance(1)
            asked = {
                pool.submit(self._read, key, job): job for key, job in self._jobs.items() if not job.is_cached
            }  # fmt: skip
            for done in as_completed(asked):
                for number in self._finish(done, asked[done]):
                    waiting[number] -= 1
                    if waiting[number] == 0:
                        results[number] = self._result(number)
                        progress.advance(1)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            progress.finish()
        return [result for result in results if result is not None]

    @staticmethod
    def _finish(done: Future[WindowAnswer], job: _Job) -> list[int]:
        job.answer = done.result()
        return sorted(set(job.documents))

    def _look_up(self, key: str, passage: Passage) -> _Job:
        kept = None
        try:
            kept = self._cache.get(key)
        except (OSError, LodeError) as error:
            _log.warning("the cache of extractions cannot be read, so the text is asked for again: %s", error)
        answer = None if kept is None else WindowAnswer.from_json(kept)
        return _Job(passage, answer=answer, is_cached=answer is not None)

    def _read(self, key: str, job: _Job) -> WindowAnswer:
        answer = self._reader.read(job.passage)
        if answer.failure is None:
            try:
                self._cache.put(key, str(self.documents[job.documents[0]].id), answer.to_json())
            except (OSError, LodeError) as error:  # paid for: rather without a cache than without the answer
                _log.warning("an answer could not be kept in the cache of extractions: %s", error)
        return answer

    def _result(self, number: int) -> ExtractionResult:
        document, places = self.documents[number], self._windows[number]
        claims: list[Claim] = []
        refused: list[tuple[object, str]] = []
        notes: list[str] = []
        failures: list[str] = []
        models: dict[str, None] = {}
        bill = WindowAnswer()
        paid: set[str] = set()
        allowed = None if self._reader.other_predicates else frozenset(self._reader.predicates)
        for window, key in places:
            job = self._jobs[key]
            answer = job.answer
            assert answer is not None
            if answer.failure is not None:
                failures.append(f"characters {window.begin} to {window.end}: {answer.failure}")
            models |= dict.fromkeys(answer.models)
            if not job.is_cached and job.documents[0] == number and key not in paid:
                paid.add(key)
                bill.charge(answer.prompt_tokens, answer.completion_tokens, answer.cost_usd)
            refused += answer.broken
            for raw in answer.items:
                reading = read_claim(raw, document, window, allowed=allowed)
                notes += reading.notes
                if reading.claim is None:
                    refused.append((raw, reading.reason or ""))
                else:
                    claims.append(reading.claim)
        return ExtractionResult(
            document_id=str(document.id),
            claims=tuple(claims),
            refused=tuple(refused),
            notes=tuple(notes),
            quarantined="; ".join(failures) or None,
            model=", ".join(models) or None,
            prompt_tokens=bill.prompt_tokens,
            completion_tokens=bill.completion_tokens,
            cost_usd=bill.cost_usd,
            cached=bool(places) and not paid,
        )
