"""Measure an index on judged queries, and against exact MaxSim."""

from __future__ import annotations

import tempfile
from pathlib import Path

import motherlode
from motherlode.workflows.evaluation import evaluate

TEXTS = {
    "sort": "sorted(iterable) returns a new list with the items in ascending order.",
    "json": "json.dumps turns an object into a JSON formatted string.",
    "path": "Path.exists tells whether the path points to an existing file or directory.",
}
QUERIES = {"q1": "make a JSON string", "q2": "is there such a file?"}
JUDGED = {"q1": {"json": 1}, "q2": {"path": 1}}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = motherlode.build_text_index(Path(folder) / "index", TEXTS.items())
        found = evaluate(index, QUERIES, JUDGED, measures=["nDCG@10", "MRR@10"], exact=True)
        for name, value in found.measures.items():
            print(f"{name}: {value:.3f}")
        print(f"overlap@10 with exact MaxSim: {found.overlap_at_10:.3f}")


if __name__ == "__main__":
    main()
