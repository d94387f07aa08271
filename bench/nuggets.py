"""Nuggets against what they have to beat: the published NuggetIndex, and BM25 over passages and sentences.

python bench/nuggets.py [speed] [order] [timeqa] [--facts 1000 10000 100000] [--queries 200] [--rounds 3]

speed    the reference: a store with n invented facts, then queries one by one; motherlode's in nuggets_store.py
order    the reference: cases of three claims on one key, in every arrival order; how many end in different states
timeqa   the reference (its extractor without a model) and the baselines on TimeQA, scored alike
Prints Markdown tables; the JSON goes to bench/results and to the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from bench.measure import available_threads, cpu_name, run_job
from bench.tables import markdown_table, save_report
from bench.workloads import facts, timeqa
from bench.workloads.cache import cache_dir
from motherlode.core.time import Interval, PartialDate, from_micros, parse_partial_date
from motherlode.nuggets.answers import Answer, QuestionAnswerer, is_said
from motherlode.nuggets.baselines import Bm25Passages, Bm25Sentences, TimeFilteredPassages
from motherlode.nuggets.evaluation import EvaluationReport, evaluate
from motherlode.nuggets.metrics import wilson_interval
from motherlode.nuggets.questions import Question

__all__ = ["Recorded", "baselines", "measures_table", "scratch"]

PEER = "nuggetindex"
K = 10
BUDGET_TOKENS = 180
"""What ten sentences take on average."""
SNAPSHOT = "2021-01-01T00:00:00+00:00"
"""What the reference is told as the date of TimeQA's pages, which carry none."""


def scratch() -> Path:
    """Where stores and job files of this benchmark lie."""
    folder = cache_dir() / "nuggets" / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_lines(name: str, rows: Iterable[Any]) -> str:
    """A file of JSON lines for a job."""
    file = scratch() / name
    with open(file, "w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    return str(file)


def job(name: str, budget_s: float = 3000, **request: Any) -> dict[str, Any]:
    """One job of the reference, on one thread."""
    return run_job(PEER, {"job": name, **request}, n_threads=1, budget_s=budget_s)


def speed(sizes: Sequence[int], n_queries: int, n_rounds: int) -> dict[str, Any]:
    """The reference's queries at several sizes: keywords (subject and predicate, which its search wants all of)."""
    found: dict[str, Any] = {}
    for size in sizes:
        made = list(facts.synthetic(size))
        index = str(scratch() / f"reference-{size}.db")
        built = job("store", facts=write_lines("facts.jsonl", (fact.row() for fact in made)), index=index)
        asked = facts.questions(made, n_queries)
        rounds, n_errors, right = [], 0, 0
        for _ in range(n_rounds):
            done = job("ask", index=index, k=K, view="active", questions=write_lines(
                "questions.jsonl", ({"text": q.keywords, "at": _instant(q.valid_at)} for q in asked)
            ))  # fmt: skip
            ms = [one["ms"] for one in done["results"] if "error" not in one]
            n_errors = len(done["results"]) - len(ms)
            right = sum(bool(one.get("answers")) for one in done["results"])
            if ms:
                rounds.append([float(value) for value in np.quantile(ms, [0.5, 0.95])])
        raw = job("ask", index=index, k=K, view="active", questions=write_lines(
            "questions.jsonl", ({"text": q.text, "at": _instant(q.valid_at)} for q in asked[:50])
        ))  # fmt: skip
        found[str(size)] = {
            "store_s": built["seconds"], "facts_per_s": size / built["seconds"], "size_bytes": built["size_bytes"],
            "rounds_p50_p95_ms": rounds, "n_queries": n_queries, "n_errors": n_errors, "n_with_answers": right,
            "questions_as_asked": _outcomes(raw["results"]), "versions": built["versions"], "load": os.getloadavg()[0],
        }  # fmt: skip
        print(f"{size:,}: {found[str(size)]}", file=sys.stderr, flush=True)
    return found


def _outcomes(results: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in results:
        name = one["error"].split(":")[0] if "error" in one else ("answers" if one["answers"] else "nothing found")
        counts[name] = counts.get(name, 0) + 1
    return counts


def _instant(stated: str | None) -> str | None:
    return None if stated is None else _middle(parse_partial_date(stated).window)


def _middle(window: tuple[int, int] | None) -> str | None:
    if window is None:
        return None
    moment = from_micros((window[0] + window[1]) // 2) or from_micros(window[0]) or from_micros(window[1])
    return None if moment is None else moment.isoformat()


def order(n_cases: int) -> dict[str, Any]:
    """How many cases of three claims end in different states, by the order in which the claims arrive."""
    cases = facts.order_cases(n_cases)
    memory = Path("/dev/shm")
    done = job(
        "order",
        cases=write_lines("cases.jsonl", ({"facts": case} for case in cases)),
        scratch=str(memory) if memory.is_dir() else None,
    )
    n_states = done["n_end_states"]
    n_different = sum(count > 1 for count in n_states)
    share = wilson_interval(n_different, n_cases)
    return {
        "n_cases": n_cases, "n_different": n_different, "share": share.value, "low": share.low, "high": share.high,
        "most_end_states": max(n_states), "versions": done["versions"], "load": os.getloadavg()[0],
    }  # fmt: skip


class Recorded:
    """Answers that a peer gave in its own process, by question and time."""

    def __init__(self, name: str, questions: Sequence[Question], answers: Sequence[Sequence[Answer]]) -> None:
        self.name = name
        self._answers = {(q.text, q.asked): list(found) for q, found in zip(questions, answers, strict=True)}

    def ask(self, question: str, valid_at: PartialDate | None, k: int) -> list[Answer]:
        return self._answers[question, valid_at][:k]


def baselines() -> list[QuestionAnswerer]:
    """The three of the house, over all pages of TimeQA."""
    documents, _ = timeqa.load()
    return [Bm25Passages(documents), Bm25Sentences(documents), TimeFilteredPassages(documents)]


def _answer(row: dict[str, Any]) -> Answer:
    """The fact and its sentence, as its context formatter shows them."""
    text = f"{row['subject']} {row['predicate']} {row['object']}: {row['text']}"
    start, end = (None if row[name] is None else parse_partial_date(row[name]) for name in ("start", "end"))
    return Answer(text, Interval(start, end), state=row["state"])


_WORDS = str.maketrans(dict.fromkeys("?!'\"&+-:*()[]{}^,.;/<>=~@#%$|\\", " "))


def _any_word(question: str) -> str:
    # In lower case, for AND, OR, NOT and NEAR are operators of its search.
    return " OR ".join(question.translate(_WORDS).lower().split())


def time_qa() -> tuple[list[EvaluationReport], dict[str, Any]]:
    """Every system's report on TimeQA, and what the reference extracted."""
    documents, questions = timeqa.load()
    index = str(scratch() / "reference-timeqa.db")
    extracted = job("extract", index=index, source_date=SNAPSHOT, documents=write_lines(
        "documents.jsonl", ({"id": document.id, "text": document.text} for document in documents)
    ))  # fmt: skip
    rows = job("dump", index=index)["nuggets"]
    n_among_all = sum(any(is_said(g, _answer(row)) for g in q.answers for row in rows) for q in questions)
    n_on_page = sum(
        any(
            is_said(g, _answer(row)) for g in q.answers for row in rows if (q.key or "").split("#")[0] in row["sources"]
        )
        for q in questions
    )
    # As asked, '?' is an error, and without it every word must occur: so also its best case, any of the words.
    reports, outcomes = [], {}
    for label in ("as asked", "any word"):
        texts = [question.text if label == "as asked" else _any_word(question.text) for question in questions]
        asked = ({"text": t, "at": _middle(q.window)} for t, q in zip(texts, questions, strict=True))
        done = job("ask", index=index, k=K, view="active", questions=write_lines("questions.jsonl", asked))
        answers = [[_answer(row) for row in one.get("answers", [])] for one in done["results"]]
        outcomes[label] = _outcomes(done["results"])
        reports.append(evaluate(Recorded(f"nuggetindex 0.3.2, {label}", questions, answers), questions, K))
    for system in baselines():
        reports.append(evaluate(system, questions, K))
        # At equal cost: the tokens that ten sentences take.
        tight = evaluate(system, questions, K, max_tokens=BUDGET_TOKENS)
        reports.append(replace(tight, system=f"{system.name}, {BUDGET_TOKENS} tokens"))
    return reports, {
        "n_pages": len(documents), "n_questions": len(questions),
        "n_nuggets": len(rows), "extract_s": extracted["seconds"], "gold_among_all_nuggets": n_among_all,
        "gold_among_nuggets_of_the_page": n_on_page,
        "outcomes": outcomes, "versions": extracted["versions"], "load": os.getloadavg()[0],
    }  # fmt: skip


def measures_table(reports: Sequence[EvaluationReport]) -> str:
    """One row a system; the 95 % interval of recall and temporal correctness beside it."""
    rows = []
    for report in reports:
        cells = [report.system]
        for name, found in report.measures.items():
            if found.value is None or found.low is None or found.high is None:
                cells.append("")
            elif name == "context_tokens":
                cells.append(f"{found.value:,.0f}")
            else:
                cells.append(f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
        rows.append([*cells, f"{report.measures['temporal_correctness'].n}"])
    head = ["system", *(name.replace("_", " ") for name in reports[0].measures), "contexts with the key"]
    return markdown_table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["speed", "order", "timeqa", []], help="all without any")
    parser.add_argument("--facts", nargs="+", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=500)
    options = parser.parse_args()
    parts = options.parts or ["speed", "order", "timeqa"]
    report: dict[str, Any] = {
        "command": " ".join(sys.argv), "cpu": cpu_name(), "threads": available_threads(),
        "load_before": os.getloadavg()[0], "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip
    print(f"{report['cpu']}, {report['threads']} threads, {report['at']}, load before {report['load_before']:.1f}.\n")
    if "speed" in parts:
        report["speed"] = speed(options.facts, options.queries, options.rounds)
        print(json.dumps(report["speed"], indent=1))
    if "order" in parts:
        report["order"] = order(options.cases)
        print(json.dumps(report["order"], indent=1))
    if "timeqa" in parts:
        reports, report["timeqa"] = time_qa()
        report["timeqa"]["systems"] = [one.to_dict() for one in reports]
        print(measures_table(reports))
        print(json.dumps({k: v for k, v in report["timeqa"].items() if k != "systems"}, indent=1))
    save_report(report, f"nuggets-{'-'.join(parts)}")


if __name__ == "__main__":
    main()
