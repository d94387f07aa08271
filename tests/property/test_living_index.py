"""Any interleaving of writes, merges, reopenings and crashes equals a model that keeps documents in a dictionary."""

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
from motherlode.core.files import ContainerWriter
from motherlode.retrieval import commits, layout, segment_files
from motherlode.retrieval.reference import search_reference
from tests.corpora import make_corpus, maxsim, ranked

CORPUS = make_corpus(60, 8, lengths=[0, 1, 2, 3, 5, 9] * 10, n_types=9)
QUERIES = [CORPUS.query(i, n, seed=i) for i, n in ((3, 4), (17, 1), (28, 9))]
NAMES = st.lists(st.sampled_from([f"n{i}" for i in range(12)]), min_size=1, max_size=4, unique=True)
DOCUMENT = st.integers(0, CORPUS.n_docs - 1)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "n": st.none() | st.integers(0, 3),
        "s": st.none() | st.sampled_from("abc"),
        "t": st.none() | st.lists(st.sampled_from("xyz"), max_size=2),
    },
)
Model = dict[str, tuple[int, dict[str, Any]]]  # position in the corpus, metadata


class CrashError(BaseException):
    """Stands for the end of the process: nothing of the writer runs after it."""


class LivingIndex(RuleBasedStateMachine):
    """model: id → position in the corpus and metadata, in order of insertion."""

    kind = "flat"

    @initialize(
        start=st.lists(DOCUMENT, max_size=12),
        bits=st.sampled_from([1, 2, 4]),
        refine_bits=st.sampled_from([0, 2]),
        listed=st.sampled_from([0, 20, 10**9]),
        pseudo=st.booleans(),
        keep=st.sampled_from([None, "float16"]),
    )
    def build(self, start: list[int], bits: int, refine_bits: int, listed: int, pseudo: bool, keep: str | None) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.patch = patch.object(segment_files, "LISTED_TOKENS", listed)
        self.patch.start()
        self.pseudo = pseudo
        vectors, offsets, kinds = self.documents(start)
        options: dict[str, Any] = {} if self.kind == "flat" else {"bits": bits, "refine_bits": refine_bits}
        options["keep_vectors"] = keep
        self.kept = np.float32 if self.kind == "flat" else np.float16 if keep else None
        ids = [f"s{i}" for i in range(len(start))]
        self.index = build_index(self.folder / "i", vectors, offsets, kinds, ids, kind=self.kind, **options)
        self.other = open_index(self.index.path)
        self.model: Model = {name: (position, {}) for name, position in zip(ids, start, strict=True)}

    def documents(self, positions: list[int]) -> tuple[Any, Any, Any]:
        rows = [np.arange(CORPUS.offsets[p], CORPUS.offsets[p + 1]) for p in positions]
        chosen = np.concatenate([np.zeros(0, np.int64), *rows])
        offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
        return CORPUS.vectors[chosen], offsets, None if self.pseudo else CORPUS.token_ids[chosen]

    def put(self, w: Any, model: Model, names: list[str], document: int, row: dict[str, Any]) -> None:
        """Adds the names that are new and updates the others."""
        for fresh in (True, False):
            own = [name for name in names if (name not in model) == fresh]
            positions = [(document + 7 * i) % CORPUS.n_docs for i in range(len(own))]
            (w.add if fresh else w.update)(own, *self.documents(positions), [row] * len(own))
            for name, position in zip(own, positions, strict=True):
                before = model.pop(name, (0, {}))[1]
                model[name] = (position, {**before, **row})

    @rule(names=NAMES, document=DOCUMENT, row=METADATA)
    def write(self, names: list[str], document: int, row: dict[str, Any]) -> None:
        with self.index.writer() as w:
            self.put(w, self.model, names, document, row)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), row=METADATA, names=NAMES, document=DOCUMENT, first=st.booleans())
    def describe(self, data: Any, row: dict[str, Any], names: list[str], document: int, first: bool) -> None:
        chosen = data.draw(st.lists(st.sampled_from(list(self.model)), unique=True))
        with self.index.writer() as w:
            if first:
                self.put(w, self.model, names, document, {})
            w.set_metadata(chosen, [row] * len(chosen))
        for name in chosen:
            position, before = self.model[name]
            self.model[name] = (position, {**before, **row})

    @precondition(lambda self: self.model)
    @rule(data=st.data(), purge=st.booleans(), names=NAMES, document=DOCUMENT, again=st.booleans())
    def delete(self, data: Any, purge: bool, names: list[str], document: int, again: bool) -> None:
        gone = data.draw(st.lists(st.sampled_from(list(self.model)), min_size=1, unique=True))
        with self.index.writer() as w:
            w.delete(gone, purge=purge)
            for name in gone:
                del self.model[name]
            if again:
                self.put(w, self.model, names, document, {})

    @rule(names=NAMES, document=DOCUMENT)
    def abandon(self, names: list[str], document: int) -> None:
        try:
            with self.index.writer() as w:
                self.put(w, dict(self.model), names, document, {"n": 1})
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass

    @rule()
    def compact(self) -> None:
        self.index.compact()
        assert len(self.index.info()["segments"]) <= 1

    @rule()
    def reopen(self) -> None:
        self.index = open_index(self.index.path, verify=True)

    @rule(names=NAMES, document=DOCUMENT, file=st.integers(0, 3), merge=st.booleans())
    def crash(self, names: list[str], document: int, file: int, merge: bool) -> None:
        """The process ends while one of the files is written, or after the manifest's swap."""
        after = dict(self.model)
        finish, commit, count = ContainerWriter._finish, layout.commit, [0]

        def dying(container: ContainerWriter, out: Any) -> None:
            count[0] += 1
            if count[0] > file:
                raise CrashError
            finish(container, out)

        def dying_after(*arguments: Any) -> None:
            commit(*arguments)
            raise CrashError

        with (
            patch.object(ContainerWriter, "_finish", dying),
            patch.object(Path, "unlink", lambda *_, **__: None),
            patch.object(commits, "discard", lambda *_: None),
            patch.object(commits, "commit", dying_after),
        ):
            try:
                if merge:
                    self.index.compact()
                    return  # there was nothing to merge
                with self.index.writer() as w:
                    self.put(w, after, names, document, {"s": "b"})
            except CrashError:
                pass
        if not merge and count[0] <= file:
            self.model = after
        self.index = open_index(self.index.path, verify=True)

    @invariant()
    def the_index_is_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        self.other.refresh()
        for index in (self.index, self.other):
            assert list(index.ids) == list(self.model)
            assert index.n_docs == len(self.model)
        vectors, offsets, _ = self.documents([position for position, _ in self.model.values()])
        self.check_metadata()
        assert self.index.n_tokens == len(vectors)
        names = list(self.model)
        self.check_vectors(names, vectors, offsets)
        n_found = int((np.diff(offsets) > 0).sum())
        for query in QUERIES:
            hits = self.index.search(query, 20, k_centroids=100, k_docs_to_score=100, stop_sigma=0)
            assert [names[p] for p in hits.positions.tolist()] == hits.ids
            assert len(hits) == min(20, n_found)
            if self.kind == "flat":
                scores = maxsim(vectors, offsets, query)
                assert hits.ids == [names[p] for p in ranked(scores, 20)]
                continue
            stored = dict(search_reference(self.index, query, 100))
            for name, score in hits:  # the query is rounded to 1/63 of its largest value
                assert abs(score - stored[name]) <= 0.05 * len(query)

    def check_metadata(self) -> None:
        rows = {name: row for name, (_, row) in self.model.items()}
        for index in (self.index, self.other):
            known = [{k: v for k, v in row.items() if v is not None} for row in index.metadata_of(list(rows))]
            assert known == [{k: v for k, v in row.items() if v is not None} for row in rows.values()]
        for column, where, wanted in (("n", "n >= 2", (2, 3)), ("s", "s = 'b'", ("b",))):
            if column in self.index.schema:
                assert self.index.ids_where(where) == [name for name, row in rows.items() if row.get(column) in wanted]
        if self.index.schema.get("t") == "strings":
            tagged = [name for name, row in rows.items() if "y" in (row.get("t") or [])]
            assert self.index.ids_where("has(t, 'y')") == tagged

    def check_vectors(self, names: list[str], vectors: Any, offsets: Any) -> None:
        """Kept vectors are those of the model, and rerank is brute force over them; else it is the search's scores."""
        query, chosen = QUERIES[len(names) % 3], names[::-2]
        found = self.index.rerank(query, chosen)
        assert found.exact == (self.kept is not None)
        if self.kept is None:
            assert list(found) == list(self.index.search(query, 99, subset=chosen))
            return
        stored = vectors.astype(self.kept)
        for i, name in enumerate(names):
            own = self.index.vectors_of(name).vectors
            np.testing.assert_array_equal(own, stored[offsets[i] : offsets[i + 1]])
        scores = maxsim(stored, offsets, query)
        scores[[i for i, name in enumerate(names) if name not in chosen]] = -np.inf
        assert found.ids == [names[i] for i in ranked(scores, 99)]
        np.testing.assert_allclose(found.scores, scores[[names.index(name) for name in found.ids]], rtol=1e-5)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.patch.stop()
            shutil.rmtree(self.folder)


class LivingCompressedIndex(LivingIndex):
    kind = "compressed"


LivingIndex.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
LivingCompressedIndex.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
TestLivingIndex = LivingIndex.TestCase
TestLivingCompressedIndex = LivingCompressedIndex.TestCase
