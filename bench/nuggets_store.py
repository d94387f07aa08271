"""motherlode's nugget store on the same workloads as bench/nuggets.py, and on two with an exact oracle.

python bench/nuggets_store.py [speed] [order] [timeqa] [tender] [offsets] [--facts 100000] [--extractor MODULE:NAME]

speed    claims per second into SQLite until the next ask sees them; then ask one by one, questions as asked
order    the reference's cases of claims on one key, in every arrival order; how many end in different states
timeqa   ingest with --extractor (a callable that gives one), ask with the asked time, scored like every other system
tender   legal tender of three CLDR editions, each a version of one document: every territory, days around each change
offsets  10,000 random instants of the tz database against zoneinfo
Prints Markdown; the JSON goes to bench/results and to the cache.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import motherlode
from bench.measure import available_threads, cpu_name
from bench.nuggets import BUDGET_TOKENS, K, baselines, measures_table, scratch
from bench.tables import save_report
from bench.workloads import facts, offsets, tender, timeqa
from motherlode.nuggets.evaluation import compare, evaluate
from motherlode.nuggets.extraction.question_time import question_time
from motherlode.nuggets.record import Claim, Document
from motherlode.workflows.nugget_evaluation import StoreAnswers

N_WARM_UP = 20
BATCH = 20_000
DAY = timedelta(days=1)
_library: Any = motherlode


@contextmanager
def fresh_store(**options: Any) -> Iterator[Any]:
    """A store in a file of its own, gone afterwards; always on the disk that stores live on, for its syncs count."""
    folder = Path(tempfile.mkdtemp(dir=scratch()))
    store = _library.open_nuggets(folder / "facts.db", **options)
    try:
        yield store
    finally:
        store.close()
        shutil.rmtree(folder)


def speed(sizes: Sequence[int], n_queries: int, n_rounds: int, encoder: str | None = None) -> dict[str, Any]:
    """Bulk claims and single queries at several sizes; with an encoder fused, questions encoded beforehand."""
    found: dict[str, Any] = {}
    for size in sizes:
        made = list(facts.synthetic(size))
        asked = facts.questions(made, n_queries)
        claims: list[Claim] = [fact.claim() for fact in made]
        with fresh_store(encoder=encoder) as store:
            began = time.perf_counter()
            for begin in range(0, size, BATCH):
                store.assert_claims(claims[begin : begin + BATCH])
            store.ask(asked[0].text, k=K)
            seconds = time.perf_counter() - began
            began = time.perf_counter()
            if encoder is not None:
                store.update_vectors()
                for question in asked:
                    store.vectors.encode(question_time(question.text).rest)
            encoding_s = time.perf_counter() - began
            for question in asked[:N_WARM_UP]:
                store.ask(question.text, k=K)
            rounds = []
            n_first = 0
            for _ in range(n_rounds):
                ms, n_first = [], 0
                for question in asked:
                    began = time.perf_counter()
                    hits = store.ask(question.text, k=K)
                    ms.append(1000 * (time.perf_counter() - began))
                    n_first += bool(hits) and hits[0].nugget.subject == question.subject
                rounds.append([float(value) for value in np.quantile(ms, [0.5, 0.95])])
        found[str(size)] = {
            "encoding_s": encoding_s, "seconds": seconds, "claims_per_s": size / seconds,
            "rounds_p50_p95_ms": rounds, "n_queries": len(asked),
            "first_hit_is_of_the_asked_subject": n_first, "load": os.getloadavg()[0],
        }  # fmt: skip
        print(f"{size:,}: {found[str(size)]}", file=sys.stderr, flush=True)
    return found


def order(n_cases: int) -> dict[str, Any]:
    """How many of the reference's cases end in different states here."""
    n_different = 0
    for case in facts.order_cases(n_cases):
        ends = set()
        for turn in itertools.permutations(case):
            with fresh_store() as store:
                for said in turn:
                    store.assert_claims(
                        [
                            Claim(
                                said["subject"], said["predicate"], said["object"], said["start"], said["end"],
                                source=source, text=said["text"],
                            )
                            for source in said["sources"]
                        ]
                    )  # fmt: skip
                nuggets = store.history(case[0]["subject"], case[0]["predicate"])
                ends.add(frozenset((n.nugget_id, n.object, n.state, str(n.interval), n.n_sources) for n in nuggets))
        n_different += len(ends) > 1
    return {"n_cases": n_cases, "n_different": n_different, "load": os.getloadavg()[0]}


def time_qa(extractor: Any) -> dict[str, Any]:
    """The store and the baselines on TimeQA, with paired differences."""
    documents, questions = timeqa.load()
    with fresh_store() as store:
        began = time.perf_counter()
        for document in documents:
            store.ingest(document, extractor=extractor)
        seconds = time.perf_counter() - began
        ours = evaluate(StoreAnswers(store), questions, K)
    rivals = [
        evaluate(system, questions, K, max_tokens=most) for system in baselines() for most in (None, BUDGET_TOKENS)
    ]
    print(measures_table([ours, *rivals]))
    differences = {}
    for report in rivals:
        name = report.system if report.max_tokens is None else f"{report.system}, {report.max_tokens} tokens"
        differences[name] = {measure: _plain(found) for measure, found in compare(ours, report).items()}
    return {
        "ingest_s": seconds, "n_pages": len(documents), "system": ours.to_dict(), "ours_minus": differences,
        "extractor": extractor.fingerprint, "load": os.getloadavg()[0],
    }  # fmt: skip


def _plain(found: Any) -> dict[str, Any]:
    """A measured number as JSON values."""
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


class _Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def legal_tender(n_days: int | None = None) -> dict[str, Any]:
    """(territory, day, edition): is what certainly holds on the day, as known then, what the edition has?"""
    clock = _Clock()
    known: dict[str, datetime] = {}
    with fresh_store(clock=clock) as store:
        for edition in tender.EDITIONS:
            document = Document(tender.DOCUMENT, version=tender.EDITIONS.index(edition) + 1)
            store.assert_claims(tender.claims(edition), document=document)
            known[edition] = clock.at + timedelta(hours=1)
            clock.at += DAY
        n, wrong = 0, []
        for edition in tender.EDITIONS:
            for territory, day in itertools.islice(_days(edition), n_days):
                hits = store.ask(f"{tender.PREDICATE} of {territory}", valid_at=day, known_at=known[edition], k=100)
                answered = {hit.nugget.object for hit in hits if hit.nugget.subject == territory}
                n += 1
                if answered != tender.oracle(edition, territory, day):
                    wrong.append([edition, territory, day.isoformat(), sorted(answered)])
    return {"n": n, "n_right": n - len(wrong), "wrong": wrong[:20], "load": os.getloadavg()[0]}


def _days(edition: str) -> Iterator[tuple[str, date]]:
    """Every territory on the days around each bound that any edition has for it, and on a day of 2026."""
    for territory in tender.territories(edition):
        bounds = {
            bound
            for other in tender.EDITIONS
            for row in tender.rows(other)
            if row.territory == territory
            for bound in (row.first_day, row.to_inclusive)
            if bound is not None
        }
        days = {bound + step * DAY for bound in bounds for step in (-1, 0, 1)} | {date(2026, 5, 1)}
        yield from ((territory, day) for day in sorted(days))


def utc_offsets(n: int) -> dict[str, Any]:
    """Random instants inside the dated range of random zones."""
    with fresh_store() as store:
        store.assert_claims(list(offsets.claims()))
        wrong = []
        for zone, moment in offsets.probes(n):
            hits = store.ask(f"{offsets.PREDICATE} of {zone}", valid_at=moment, k=K)
            answered = [hit.nugget.object for hit in hits if hit.nugget.subject == zone]
            if answered != [offsets.oracle(zone, moment)]:
                wrong.append([zone, moment.isoformat(), answered])
    return {"n": n, "n_right": n - len(wrong), "wrong": wrong[:20], "load": os.getloadavg()[0]}


def _made(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=["speed", "order", "timeqa", "tender", "offsets"])
    parser.add_argument("--facts", nargs="+", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--probes", type=int, default=10_000)
    parser.add_argument("--encoder", help="minilm: speed with late interaction, fused")
    parser.add_argument("--extractor", help="MODULE:NAME of a callable that gives an extractor, for timeqa")
    options = parser.parse_args()
    if "timeqa" in options.parts and options.extractor is None:
        parser.error("timeqa needs --extractor MODULE:NAME")
    report: dict[str, Any] = {
        "command": " ".join(sys.argv), "cpu": cpu_name(), "threads": available_threads(),
        "load_before": os.getloadavg()[0], "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "version": motherlode.__version__,
    }  # fmt: skip
    print(f"{report['cpu']}, {report['threads']} threads, {report['at']}, load before {report['load_before']:.1f}.\n")
    jobs: dict[str, Callable[[], dict[str, Any]]] = {
        "speed": lambda: speed(options.facts, options.queries, options.rounds, options.encoder),
        "order": lambda: order(options.cases),
        "timeqa": lambda: time_qa(_made(options.extractor)),
        "tender": legal_tender,
        "offsets": lambda: utc_offsets(options.probes),
    }
    for part in options.parts:
        report[part] = jobs[part]()
        print(part, json.dumps(report[part], indent=1))
    save_report(report, f"nuggets-store-{'-'.join(options.parts)}")


if __name__ == "__main__":
    main()
