"""Whatever was added, updated, deleted and merged: words find what a look at every document finds."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from motherlode import build_index, open_index
from motherlode.retrieval import segment_files
from motherlode.retrieval.lexical_reference import holds_reference
from tests.corpora import make_corpus
from tests.lexical import check_lexical

CORPUS = make_corpus(60, 6, lengths=[0, 1, 2, 3, 5, 9] * 10, n_types=14)
# No token of the first documents is of the last types: those come as foreign ones, or with centroids of their own.
_NUMBERS = np.arange(len(CORPUS.token_ids))
TOKEN_IDS = np.where(CORPUS.offsets[24] <= _NUMBERS, 5 * _NUMBERS % 14, CORPUS.token_ids % 8)
NAMES = st.lists(st.sampled_from([f"n{i}" for i in range(12)]), min_size=1, max_size=4, unique=True)
KINDS: dict[str, dict[str, Any]] = {
    "flat": {"kind": "flat"},
    "pooled": {"kind": "compressed", "n_centroids": 3},
    "own centroids": {"kind": "compressed", "n_centroids": 14},
    "default": {"kind": "compressed"},
}


class LivingWords(RuleBasedStateMachine):
    """model: id → position in the corpus, in order of insertion."""

    @initialize(
        start=st.lists(st.integers(0, 23), max_size=12),
        kind=st.sampled_from(sorted(KINDS)),
        listed=st.sampled_from([0, 20, 10**9]),
        wide=st.sampled_from([0, 300, 2**20, 2**40, -3]),
    )
    def build(self, start: list[int], kind: str, listed: int, wide: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.patch = patch.object(segment_files, "LISTED_TOKENS", listed)
        self.patch.start()
        self.wide = wide  # added to every id, so that all widths of stored ids are met
        ids = [f"s{i}" for i in range(len(start))]
        self.index = build_index(self.folder / "i", *self.documents(start), ids, **KINDS[kind])
        self.model: dict[str, int] = dict(zip(ids, start, strict=True))

    def documents(self, positions: list[int]) -> tuple[Any, Any, Any]:
        rows = [np.arange(CORPUS.offsets[p], CORPUS.offsets[p + 1]) for p in positions]
        chosen = np.concatenate([np.zeros(0, np.int64), *rows])
        offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
        return CORPUS.vectors[chosen], offsets, TOKEN_IDS[chosen] + self.wide

    @rule(names=NAMES, document=st.integers(0, CORPUS.n_docs - 1))
    def write(self, names: list[str], document: int) -> None:
        with self.index.writer() as w:
            for fresh in (True, False):
                own = [name for name in names if (name not in self.model) == fresh]
                positions = [(document + 7 * i) % CORPUS.n_docs for i in range(len(own))]
                (w.add if fresh else w.update)(own, *self.documents(positions))
                for name, position in zip(own, positions, strict=True):
                    self.model.pop(name, None)
                    self.model[name] = position

    @precondition(lambda self: bool(getattr(self, "model", None)))
    @rule(data=st.data(), purge=st.booleans())
    def delete(self, data: st.DataObject, purge: bool) -> None:
        gone = data.draw(st.lists(st.sampled_from(list(self.model)), min_size=1, unique=True))
        with self.index.writer() as w:
            w.delete(gone, purge=purge)
        for name in gone:
            del self.model[name]

    @rule()
    def compact(self) -> None:
        self.index.compact()

    @rule()
    def reopen(self) -> None:
        self.index = open_index(self.index.path, verify=True)

    @invariant()
    def words_find_what_the_model_holds(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = [TOKEN_IDS[CORPUS.offsets[p] : CORPUS.offsets[p + 1]] for p in self.model.values()]
        documents = [(row + self.wide).tolist() for row in rows]
        for query in ([0, 1], [13], [0, 2, 9, 10, 12, 12], list(range(14))):
            check_lexical(self.index, documents, [i + self.wide for i in query], 5)
        required, excluded = [self.wide + 1, self.wide], [self.wide + 2]
        allowed = [holds_reference(d, required) and not holds_reference(d, excluded) for d in documents]
        query = [self.wide, self.wide + 1, self.wide + 3]
        hits = self.index.search_lexical(query, 20, required=[required], excluded=[excluded])
        check_lexical(self.index, documents, query, 20, allowed, hits)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.patch.stop()
            shutil.rmtree(self.folder)


LivingWords.TestCase.settings = settings(max_examples=40, stateful_step_count=15)
TestLivingWords = LivingWords.TestCase
