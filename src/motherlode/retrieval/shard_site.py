"""A sharded build under way: what is built, its codebook, the swap at the end; continued after an interruption.

While a build is under way the directory holds ``building.json`` (what is built, and the shards' names and ranges) and
``training.lode`` (the codebook, and the centroid of each token) beside the new shards. They go when ``shards.json`` has
been swapped; until then the old one is the index.
"""

from __future__ import annotations

import json
import logging
import shutil
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import ContainerWriter, read_manifest, write_manifest
from motherlode.errors import ConflictError, DataError
from motherlode.retrieval.build import Corpus, Plan
from motherlode.retrieval.codebook import write_codebook
from motherlode.retrieval.corpus_files import Trained
from motherlode.retrieval.layout import MANIFEST, SHARDS, file_entry
from motherlode.retrieval.metadata.columns import Column
from motherlode.retrieval.shard_manifest import BUILDING, TRAINING, shard_folders, shard_name, write_shards

__all__ = ["BuildSite", "input_facts"]

_logger = logging.getLogger("motherlode.retrieval.shard_site")
_CRC_BYTES = 1 << 24


def input_facts(
    corpus: Corpus, plan: Plan, bounds: NDArray[np.int64], n_sample: int | None, *, flat: bool
) -> dict[str, Any]:
    """What makes two builds the same, as JSON values. Reads all of the input."""
    encoder = corpus.encoder
    facts = {
        "kind": "flat" if flat else "compressed",
        "n_shards": len(bounds) - 1,
        "vectors": [*corpus.vectors.shape, corpus.vectors.dtype.name, _crc(corpus.vectors)],
        "offsets": _crc(corpus.offsets),
        "token_ids": None if corpus.token_ids is None else _crc(corpus.token_ids),
        **{name: _crc_of_strings(getattr(corpus, name)) for name in ("ids", "titles", "texts")},
        "encoder": None if encoder is None else dict(encoder.config),
        "seed": plan.seed,
        "n_centroids": plan.n_centroids,
        "bits": plan.bits,
        "refine_bits": plan.refine_bits,
        "points_per_centroid": plan.points_per_centroid,
        "train_tokens": n_sample,
        "keep_vectors": plan.keep_vectors,
        "metadata": _facts_of_columns(corpus.columns),
    }
    found: dict[str, Any] = json.loads(json.dumps(facts))
    return found


def _crc(array: NDArray[Any]) -> str:
    crc = 0
    rows = max(1, _CRC_BYTES // max(1, array.itemsize * int(np.prod(array.shape[1:], dtype=np.int64))))
    for begin in range(0, len(array), rows):
        crc = zlib.crc32(np.ascontiguousarray(array[begin : begin + rows]).reshape(-1).view(np.uint8).data, crc)
    return f"{crc:08x}"


def _facts_of_columns(columns: Mapping[str, Column]) -> dict[str, list[str]]:
    """Type and CRCs of every column."""
    found = {}
    for name, column in columns.items():
        strings = None if column.dictionary is None else column.dictionary.strings
        arrays = [array for array in (column.values, column.present, column.offsets) if array is not None]
        found[name] = [column.type, *map(_crc, arrays), _crc_of_strings(strings) or ""]
    return found


def _crc_of_strings(column: Sequence[str] | None) -> str | None:
    if column is None:
        return None
    crc = 0
    for value in column:
        encoded = str(value).encode("utf-8", "surrogatepass")
        crc = zlib.crc32(encoded, zlib.crc32(len(encoded).to_bytes(8, "little"), crc))
    return f"{crc:08x}"


class BuildSite:
    """A build under way in a directory: begun, or continued where an interrupted one stopped."""

    def __init__(self, directory: Path, facts: dict[str, Any], bounds: NDArray[np.int64], *, overwrite: bool) -> None:
        self.directory = directory
        state = _read_state(directory)
        differing = [] if state is None else [key for key in facts if facts[key] != state["input"].get(key)]
        if differing:
            if not overwrite:
                raise ConflictError(
                    f"{directory}: holds an unfinished build with other {' and '.join(differing)}; finish it with what "
                    "it was started with, or start anew with overwrite=True"
                )
            state = None
        if state is None:
            _clear(directory)
            first = 1 + max((number for number, _ in shard_folders(directory)), default=-1)
            names = [shard_name(first + i) for i in range(len(bounds) - 1)]
            state = {"input": facts, "bounds": bounds.tolist(), "names": names, "trained": None}
            write_manifest(directory / BUILDING, state)
        else:
            _logger.info("continuing the build in %s", directory)
        self.state: dict[str, Any] = state

    @property
    def is_trained(self) -> bool:
        return self.state["trained"] is not None

    def keep_training(self, trained: Trained) -> None:
        """Puts the codebook where every shard finds it."""
        file = self.directory / TRAINING
        file.unlink(missing_ok=True)
        with ContainerWriter(file) as writer:
            facts = write_codebook(writer, trained.book)
            if trained.assignment is not None:
                writer.add("assignment", trained.assignment)
        facts |= {"pseudo_types": trained.pseudo_types, "clustering_error": trained.clustering_error}
        self.state["trained"] = {
            "file": file_entry(file),
            "codebook": facts,
            "assigned": trained.assignment is not None,
        }
        write_manifest(self.directory / BUILDING, self.state)

    def finish(self, corpus: Corpus, plan: Plan, n_sample: int | None, started: float, *, flat: bool) -> None:
        """Makes the new shards the index and removes what is not part of it."""
        bounds = self.state["bounds"]
        entries, codebook = [], None
        for name, begin, end in zip(self.state["names"], bounds[:-1], bounds[1:], strict=True):
            manifest = read_manifest(self.directory / name / MANIFEST)
            n_tokens = int(corpus.offsets[end] - corpus.offsets[begin])
            if (manifest["n_docs"], manifest["n_tokens"]) != (end - begin, n_tokens):
                raise DataError(
                    f"{self.directory}: shard {name!r} was not coded as asked", path=str(self.directory / name)
                )
            entries.append({"name": name, "first_doc": begin, "n_docs": end - begin, "n_tokens": n_tokens})
            if not flat:
                found = {**manifest["codebook"], **manifest["files"]["codebook"]}
                for key in ("name", "coding_error"):
                    del found[key]
                if codebook is not None and codebook != found:
                    raise DataError(f"{self.directory}: shard {name!r} has another codebook", path=str(self.directory))
                codebook = found
        content = {
            "kind": "flat" if flat else "compressed",
            "dim": int(corpus.vectors.shape[1]),
            "n_docs": corpus.n_docs,
            "n_tokens": len(corpus.vectors),
            "shards": entries,
            "codebook": codebook,
            "built": {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(perf_counter() - started, 3),
                "seed": plan.seed,
                "train_tokens": n_sample,
            },
        }
        write_shards(self.directory, content)
        _clear(self.directory, keep=set(self.state["names"]))


def _read_state(directory: Path) -> dict[str, Any] | None:
    """The unfinished build that stands here, if this version can continue it."""
    try:
        state = read_manifest(directory / BUILDING)
    except DataError:
        return None
    return state if set(state) == {"input", "bounds", "names", "trained"} else None


def _clear(directory: Path, keep: set[str] | None = None) -> None:
    """Removes an unfinished build, and every shard that the manifest does not name.

    keep: the shards that it names; None to look
    """
    if keep is None:
        keep = set()
        if (directory / SHARDS).exists():
            keep = {entry["name"] for entry in read_manifest(directory / SHARDS)["shards"]}
    (directory / BUILDING).unlink(missing_ok=True)
    (directory / TRAINING).unlink(missing_ok=True)
    for _, folder in shard_folders(directory):
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)
