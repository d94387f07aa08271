"""Prepare the workload: texts, queries, judgements, token vectors. Run again to continue after an interruption.

python bench/prepare.py [--docs N] [--threads 2]
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from workloads.cache import cache_dir
from workloads.debian import prepare_texts
from workloads.truth import write_exact_top
from workloads.vectors import assemble, encode_shards


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=int, default=None, help="only the first N documents, into debian-Nk")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = cache_dir() / "debian"
    prepare_texts(folder)
    encode_shards(folder, n_docs=arguments.docs, n_threads=arguments.threads)
    out = folder if arguments.docs is None else folder.with_name(f"debian-{arguments.docs // 1000}k")
    assemble(folder, out, n_docs=arguments.docs)
    write_exact_top(out)


if __name__ == "__main__":
    main()
