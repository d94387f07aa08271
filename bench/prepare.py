"""Prepare the workload: texts, queries, judgements, token vectors. Run again to continue after an interruption.

python bench/prepare.py [--docs N] [--threads 2]
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

# Before numpy: the work is spread over threads here, and a threaded BLAS below them would halve the speed.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.workloads.cache import cache_dir
from bench.workloads.debian import prepare_texts
from bench.workloads.truth import write_exact_top
from bench.workloads.vectors import assemble, encode_shards


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=int, default=None, help="only the first N documents, into debian-Nk")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    prepare(arguments.docs, arguments.threads)


def prepare(n_docs: int | None, n_threads: int) -> str:
    """Make what is missing of the workload; gives its name."""
    folder = cache_dir() / "debian"
    out = folder if n_docs is None else folder.with_name(f"debian-{n_docs // 1000}k")
    if not (out / "exact_top100.npz").exists():
        prepare_texts(folder)
        encode_shards(folder, n_docs=n_docs, n_threads=n_threads)
        assemble(folder, out, n_docs=n_docs)
        write_exact_top(out, n_threads=n_threads)
    return out.name


if __name__ == "__main__":
    main()
