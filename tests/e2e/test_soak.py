"""Sixteen threads search one index for a while: the hits are those of one thread, and memory does not grow.

LODE_SOAK_SECONDS says how long the long one takes; by default 60.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from motherlode import Hits, Index, build_index
from tests.corpora import Corpus, make_corpus

N_THREADS = 16
GROWTH_BYTES = 24 << 20  # allocator noise of sixteen threads; a leak of 100 bytes a search would be far above it
OPTIONS: list[dict[str, Any]] = [
    {},
    {"coarse": "ranges"},
    {"k": 50, "k_docs_to_score": 300},
    {"alpha": 0.2, "beta": 20},
]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(3000, 64, n_types=80)


def same(a: Hits, b: Hits) -> bool:
    return a.ids == b.ids and np.array_equal(a.scores, b.scores)


def soak(index: Index, corpus: Corpus, seconds: float) -> int:
    """Searches from all threads and counts; memory at the end is compared with that after a quarter of the time."""
    rich = np.flatnonzero(np.diff(corpus.offsets) >= 3)[:40]
    work = [
        (corpus.query(int(p), n_tokens), options)
        for p, n_tokens in zip(rich, [1, 8, 32, 33, 90] * 8, strict=True)
        for options in OPTIONS
    ]
    expected = [index.search(query, **{"k": 10, **options}) for query, options in work]
    wrong: list[str] = []
    counts = [0] * N_THREADS
    stop = threading.Event()

    def run(thread: int) -> None:
        at = thread * 7
        try:
            while not stop.is_set():
                at = (at + 1) % len(work)
                query, options = work[at]
                if not same(expected[at], index.search(query, **{"k": 10, **options})):
                    wrong.append(f"thread {thread}: other hits for search {at}")
                counts[thread] += 1
        except BaseException as error:
            wrong.append(f"thread {thread}: {error!r}")
            raise

    threads = [threading.Thread(target=run, args=(i,)) for i in range(N_THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 4)
    settled = psutil.Process().memory_info().rss
    time.sleep(seconds * 3 / 4)
    grown = psutil.Process().memory_info().rss - settled
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert min(counts) > 0
    assert grown < GROWTH_BYTES, f"{grown:,} bytes more after {sum(counts):,} searches"
    return sum(counts)


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_sixteen_threads_find_the_same_for_three_seconds(tmp_path: Path, corpus: Corpus, kind: str) -> None:
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, kind=kind, refine_bits=2)
    assert soak(index, corpus, 3.0) > N_THREADS


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_sixteen_threads_find_the_same_for_a_minute_and_memory_does_not_grow(
    tmp_path: Path, corpus: Corpus, kind: str
) -> None:
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, kind=kind, refine_bits=2)
    assert soak(index, corpus, float(os.environ.get("LODE_SOAK_SECONDS", "60"))) > 100 * N_THREADS
