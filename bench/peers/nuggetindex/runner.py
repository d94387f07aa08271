"""NuggetIndex (arXiv 2604.27306), the published library. All files are JSON lines.

store    {"facts": file, "index": file} -> {"seconds", "size_bytes", "n"}: pre-built nuggets, as its `aadd` takes them
ask      {"index", "questions": file, "k", "view"} -> per question its ms, texts, intervals, or the error it raised
order    {"cases": file} -> per case the number of end states over all arrival orders, through its pipeline
extract  {"documents": file, "index", "source_date"} -> {"seconds", "n"}: its extractor without a model, whole pipeline
dump     {"index"} -> all texts and objects of the store
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from nuggetindex import (
    EpistemicState,
    FactTriple,
    Nugget,
    NuggetKind,
    NuggetStore,
    ProvenanceRecord,
    TriggerExtractor,
    ValidityInterval,
)
from nuggetindex.extractors.base import BaseExtractor, ExtractionResult
from nuggetindex.pipeline.constructor import Document

from bench.peers.protocol import serve

N_WARM_UP = 5
_UNDATED = datetime(1, 1, 1, tzinfo=UTC)


class NuggetIndex:
    packages = ["nuggetindex", "pydantic", "dateparser"]

    def store(self, request: dict[str, Any]) -> dict[str, Any]:
        facts, index = list(_lines(request["facts"])), Path(request["index"])
        for leftover in index.parent.glob(f"{index.name}*"):
            leftover.unlink()
        nuggets = [_nugget(fact) for fact in facts]
        began = time.perf_counter()
        asyncio.run(_add_all(index, nuggets))
        return {"seconds": time.perf_counter() - began, "n": len(nuggets), "size_bytes": index.stat().st_size}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        questions = list(_lines(request["questions"]))
        store = NuggetStore(request["index"])

        async def one(question: dict[str, Any]) -> dict[str, Any]:
            at = None if question["at"] is None else datetime.fromisoformat(question["at"])
            began = time.perf_counter()
            try:
                hits = await store.aretrieve(question["text"], query_time=at, view=request["view"], top_k=request["k"])
            except Exception as error:  # noqa: BLE001 - what it raises is what is measured
                return {"ms": 1000 * (time.perf_counter() - began), "error": f"{type(error).__name__}: {error}"}
            ms = 1000 * (time.perf_counter() - began)
            return {"ms": ms, "answers": [_answer(hit.nugget) for hit in hits]}

        async def every() -> list[dict[str, Any]]:
            for question in questions[:N_WARM_UP]:
                await one(question)
            found = [await one(question) for question in questions]
            await store.aclose()
            return found

        return {"results": asyncio.run(every())}

    def order(self, request: dict[str, Any]) -> dict[str, Any]:
        warnings.simplefilter("ignore")
        with tempfile.TemporaryDirectory(dir=request.get("scratch")) as folder:
            return {"n_end_states": asyncio.run(_end_states(list(_lines(request["cases"])), Path(folder)))}

    def extract(self, request: dict[str, Any]) -> dict[str, Any]:
        warnings.simplefilter("ignore")
        index = Path(request["index"])
        for leftover in index.parent.glob(f"{index.name}*"):
            leftover.unlink()
        store = NuggetStore(index, extractor=TriggerExtractor())
        source_date = datetime.fromisoformat(request["source_date"])
        documents = list(_lines(request["documents"]))

        async def every() -> int:
            for document in documents:
                await store.aingest(Document(document["id"], document["text"], source_date=source_date))
            n: int = await store.acount()
            await store.aclose()
            return n

        began = time.perf_counter()
        n = asyncio.run(every())
        return {"seconds": time.perf_counter() - began, "n": n}

    def dump(self, request: dict[str, Any]) -> dict[str, Any]:
        store = NuggetStore(request["index"])

        async def every() -> list[dict[str, Any]]:
            ids = await store.backend.afilter(query_time=datetime.max.replace(tzinfo=UTC), view="all")
            found = [await store.aget(nugget_id) for nugget_id in ids]
            await store.aclose()
            return [_answer(nugget) for nugget in found]

        return {"nuggets": asyncio.run(every())}


def _lines(file: str) -> Iterator[dict[str, Any]]:
    with open(file, encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _nugget(fact: dict[str, Any]) -> Nugget:
    start = _UNDATED if fact["start"] is None else datetime.fromisoformat(fact["start"])
    end = None if fact["end"] is None else datetime.fromisoformat(fact["end"])
    return Nugget.new(
        kind=NuggetKind.SEMANTIC_FACT,
        fact=FactTriple(subject=fact["subject"], predicate=fact["predicate"], object=fact["object"], text=fact["text"]),
        validity=ValidityInterval(start=start, end=end, validity_known=fact["start"] is not None),
        epistemic=EpistemicState(),
        provenance=tuple(ProvenanceRecord(source_id=source, evidence_span=fact["text"]) for source in fact["sources"]),
    )


def _answer(nugget: Nugget) -> dict[str, Any]:
    validity = nugget.validity
    return {
        "text": nugget.fact.text,
        "subject": nugget.fact.subject,
        "predicate": nugget.fact.predicate,
        "object": nugget.fact.object,
        "start": None if validity.start == _UNDATED else validity.start.isoformat(),
        "end": None if validity.end is None else validity.end.isoformat(),
        "state": str(nugget.epistemic.status),
        "sources": [record.source_id for record in nugget.provenance],
    }


async def _add_all(index: Path, nuggets: list[Nugget]) -> None:
    store = NuggetStore(index)
    for nugget in nuggets:
        await store.aadd(nugget)
    await store.aclose()


class _Given(BaseExtractor):  # type: ignore[misc]
    """Extracts what it was told: the pipeline behind an extractor, without one."""

    def __init__(self) -> None:
        self.nuggets: list[Nugget] = []

    async def aextract(self, text: str, *, context: str = "") -> list[ExtractionResult]:
        return [ExtractionResult(nugget=nugget, confidence=1.0) for nugget in self.nuggets]


async def _end_states(cases: list[dict[str, Any]], folder: Path) -> list[int]:
    counts = []
    for number, case in enumerate(cases):
        nuggets = [_nugget(fact) for fact in case["facts"]]
        ends = set()
        for turn, order in enumerate(itertools.permutations(nuggets)):
            file = folder / f"{number}-{turn}.db"
            given = _Given()
            store = NuggetStore(file, extractor=given)
            for position, nugget in enumerate(order):
                given.nuggets = [nugget]
                document = Document(f"{position}", nugget.fact.text, source_date=nugget.validity.start)
                await store.aingest(document)
            ids = await store.backend.afilter(query_time=datetime.max.replace(tzinfo=UTC), view="all")
            # afilter leaves out what has ended; all rows of the key are the state.
            rows = await store.backend.afind_by_key(nuggets[0].key)
            assert set(ids) <= {row.id for row in rows}
            ends.add(
                frozenset(
                    (
                        row.fact.object, row.validity.start, row.validity.end,
                        str(row.epistemic.status), str(row.epistemic.rank),
                    )
                    for row in rows
                )
            )  # fmt: skip
            await store.aclose()
            for leftover in folder.glob(f"{number}-{turn}.db*"):
                leftover.unlink()
        counts.append(len(ends))
    return counts


serve(NuggetIndex())
