"""Coding one shard: a task that may travel to another process, and does not care which."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import NullProgress, Progress
from motherlode.errors import InputError, LodeError
from motherlode.retrieval.build import Corpus, Plan, write_index
from motherlode.retrieval.codebook import read_codebook
from motherlode.retrieval.corpus_files import EncoderRecord, Trained
from motherlode.retrieval.layout import hold_directory, load_manifest, open_file
from motherlode.retrieval.metadata.columns import Column
from motherlode.retrieval.snapshot import open_snapshot

__all__ = ["ShardTask", "is_complete", "load_rows"]


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard that is to be coded; plain data. Call :meth:`run` once, anywhere where ``folder`` can be written.

    folder: the shard's directory; the codebook lies in the one above
    rows: the shard's tokens among those of the corpus
    vectors: [rows[1] - rows[0], dim], or the path of a ``.npy`` file with those of the whole corpus; token_ids alike
    offsets: int64 [n_docs + 1], from 0
    """

    folder: str
    trained: Mapping[str, Any] | None
    flat: bool
    plan: Plan
    rows: tuple[int, int]
    vectors: NDArray[Any] | str
    token_ids: NDArray[Any] | str | None
    offsets: NDArray[np.int64]
    ids: list[str]
    titles: list[str] | None
    texts: list[str] | None
    encoder: EncoderRecord | None
    columns: Mapping[str, Column]
    schema: Mapping[str, str]

    @property
    def name(self) -> str:
        """The shard's name, e.g. "shard-00000"."""
        return Path(self.folder).name

    def run(self, progress: Progress | None = None, *, n_threads: int = 0) -> str:
        """Codes the shard and returns its name.

        n_threads: 0 for as many as the build was given
        """
        started, folder = perf_counter(), Path(self.folder)
        corpus = Corpus(
            self._own(self.vectors, "vectors"),
            self.offsets,
            None if self.token_ids is None else self._own(self.token_ids, "token_ids"),
            self.ids,
            self.titles,
            self.texts,
            self.encoder,
            self.columns,
            self.schema,
        )
        trained = None if self.trained is None else self._codebook(corpus)
        plan = self.plan.with_threads(n_threads) if n_threads else self.plan
        folder.mkdir(exist_ok=True)
        with hold_directory(folder):
            write_index(folder, corpus, plan, progress or NullProgress(), started, flat=self.flat, trained=trained)
        return self.name

    def _own(self, source: NDArray[Any] | str, name: str) -> NDArray[Any]:
        if not isinstance(source, str):
            return source
        found: NDArray[Any] = load_rows(source, name)
        if len(found) < self.rows[1]:
            raise InputError(f"{source}: {len(found)} rows; shard {self.name} needs {self.rows[0]} to {self.rows[1]}")
        return found[self.rows[0] : self.rows[1]]

    def _codebook(self, corpus: Corpus) -> Trained:
        assert self.trained is not None
        facts = self.trained["codebook"]
        file = open_file(Path(self.folder).parent, self.trained["file"])
        assignment = None
        if self.trained["assigned"]:
            assignment = file.array("assignment", np.uint32)[self.rows[0] : self.rows[1]]
        book = read_codebook(file, facts, int(corpus.vectors.shape[1]))
        return Trained(book, assignment, facts["pseudo_types"], facts["clustering_error"])


def is_complete(task: ShardTask) -> bool:
    """Whether the shard is there, as this task would make it: an interrupted build came that far."""
    folder = Path(task.folder)
    try:
        manifest = load_manifest(folder)
        snapshot = open_snapshot(folder)
    except (LodeError, KeyError, TypeError):
        return False
    counts = (len(task.offsets) - 1, task.rows[1] - task.rows[0])
    if (manifest["n_docs"], manifest["n_tokens"]) != counts or (manifest["kind"] == "flat") != task.flat:
        return False
    if task.trained is None:
        return True
    own = snapshot.files["codebook"]
    training = open_file(folder.parent, task.trained["file"])
    return all(
        np.array_equal(own.array(name, own.dtype(name)), training.array(name, own.dtype(name))) for name in own.names()
    )


def load_rows(source: Any, name: str) -> Any:
    """An array as it is; the path of a ``.npy`` file as the mapped array."""
    if not isinstance(source, (str, os.PathLike)):
        return source
    try:
        return np.load(source, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{name}: no file {source}; give an array, or the path of a .npy file") from None
    except ValueError as error:
        raise InputError(f"{name}: {source} is no .npy file that can be mapped: {error}") from None
