"""Writes the golden indexes of today's format: ``python -m tests.golden.make_indexes`` from the repository's root.

Run it once for every version of the format, just before its first release, and never again: the point of these files is
that they were written by an old version. It adds the kinds that are missing, and replaces what is there only when told
``--replace``.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from motherlode import Index, build_index
from motherlode.retrieval.layout import VERSION
from tests.corpora import Corpus, make_corpus

FOLDER = Path(__file__).parent / f"v{VERSION}"
N_DOCS, DIM = 24, 12
WORDS: dict[str, Any] = {
    "ids": [f"doc-{i}" for i in range(N_DOCS)],
    "titles": [f"Title {i} \u00fc" if i % 3 else "" for i in range(N_DOCS)],
    "texts": [f"text {i} " * (i % 4) for i in range(N_DOCS)],
}
METADATA = {
    "number": [None if i % 7 == 0 else i / 4 if i % 2 else i for i in range(N_DOCS)],
    "string": [None if i % 5 == 0 else "ab\u00fc"[i % 3] * (i % 4) for i in range(N_DOCS)],
    "boolean": [[True, False, None][i % 3] for i in range(N_DOCS)],
    "timestamp": [datetime(2000 + i, 1, 2, 3, 4, 5, 678, tzinfo=UTC) for i in range(N_DOCS)],
    "strings": [[] if i % 4 == 0 else ["x", "y", "z"][: i % 4] for i in range(N_DOCS)],
    "nothing": [None] * N_DOCS,
}
FILTERS = [
    "number >= 2.5",
    "string IN ('a', 'bb') OR string IS NULL",
    "boolean AND NOT has(strings, 'y')",
    "timestamp < '2010-06-01' AND nothing IS NULL",
]
KINDS: dict[str, dict[str, Any]] = {
    "flat-float16": {"kind": "flat"},
    "flat-float32-with-texts": {"kind": "flat", **WORDS},
    "compressed-1-bit": {"kind": "compressed", "bits": 1, "n_centroids": 20},
    "compressed-2-bits-refined-with-texts": {
        "kind": "compressed",
        "bits": 2,
        "refine_bits": 4,
        "n_centroids": 20,
        **WORDS,
    },
    "compressed-4-bits-pooled": {"kind": "compressed", "bits": 4, "n_centroids": 6},
    "compressed-2-bits-pseudo-types": {"kind": "compressed", "bits": 2, "n_centroids": 20, "seed": 7},
    "compressed-without-tokens": {"kind": "compressed", "ids": WORDS["ids"]},
    "compressed-2-bits-pooled-described-changed": {
        "kind": "compressed",
        "n_centroids": 6,
        "keep_vectors": "float16",
        "metadata": METADATA,
        **WORDS,
    },
    "flat-float16-described": {"kind": "flat", "metadata": METADATA, **WORDS},
    "compressed-2-bits-changed": {"kind": "compressed", "bits": 2, "n_centroids": 20, **WORDS},
    "flat-float32-changed": {"kind": "flat"},
}


def corpus_of(name: str) -> Corpus:
    lengths = [0] * N_DOCS if name.endswith("without-tokens") else [i % 5 for i in range(N_DOCS)]
    dtype = np.float32 if "float32" in name else np.float16
    return make_corpus(dim=DIM, n_types=8, lengths=lengths, dtype=dtype, seed=1)


def build(path: Path, name: str) -> Index:
    """An index of this kind; those that are called "changed" have segments, bitmaps and further centroids."""
    corpus = corpus_of(name)
    ids = None if "pseudo" in name else corpus.token_ids
    index = build_index(path, corpus.vectors, corpus.offsets, ids, **KINDS[name])
    if name.endswith("changed"):
        more = make_corpus(40, DIM, n_types=5, dtype=corpus.vectors.dtype, seed=3)
        added, stored = [f"new-{i}" for i in range(40)], list(index.ids)
        with index.writer() as w:
            w.add(added, more.vectors, more.offsets, more.token_ids)
            w.delete([stored[1], stored[9]])
        with index.writer() as w:
            w.update([stored[2]], corpus.document(4), [0, len(corpus.document(4))], [1] * len(corpus.document(4)))
            w.delete(["new-5"])
    return index


def queries() -> list[Any]:
    corpus = make_corpus(dim=DIM, n_types=8, lengths=[3] * 4, seed=2)
    return [corpus.document(i)[: 1 + i % 3].round(3).tolist() for i in range(4)]


def write(folder: Path) -> None:
    """One folder per kind, and ``expected.json``: what today's code answers."""
    known = folder / "expected.json"
    expected: dict[str, Any] = json.loads(known.read_text(encoding="ascii")) if known.exists() else {}
    for name in sorted(KINDS.keys() - expected.keys()):
        index = build(folder / name, name)
        answers = []
        for query in queries():
            hits = index.search(np.array(query, np.float32), 8)
            answers.append({"query": query, "ids": hits.ids, "scores": [round(float(s), 5) for s in hits.scores]})
        expected[name] = {
            "n_docs": index.n_docs,
            "n_tokens": index.n_tokens,
            "dim": index.dim,
            "kind": index.kind,
            "answers": answers,
            "ids": list(index.ids),
            "titles": None if index.titles is None else list(index.titles),
            "texts": None if index.texts is None else list(index.texts),
        }
        if "described" in name:
            expected[name] |= {
                "schema": index.schema,
                "filters": {where: index.ids_where(where) for where in FILTERS},
                "words": {str(word): index.search_lexical([word], 5).ids for word in range(8)},
                "kept": index.snapshot.keep_vectors,
            }
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n", encoding="ascii")


if __name__ == "__main__":
    if FOLDER.exists() and "--replace" in sys.argv:
        shutil.rmtree(FOLDER)
    write(FOLDER)
    print(f"{FOLDER}: {sum(file.stat().st_size for file in FOLDER.rglob('*') if file.is_file()):,} bytes")
