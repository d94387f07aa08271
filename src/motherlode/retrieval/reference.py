"""The obvious version of a compressed search: decode every token to floats, then MaxSim. Slow, and right.

It reads the files of an index as ``docs/formats`` describes them and shares nothing with the native search but those
bytes, so a search that agrees with it has understood them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container
from motherlode.retrieval.decoding import unpack_codes
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.index import Index
from motherlode.retrieval.inputs import check_query
from motherlode.retrieval.segments import Segment
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["decoded_vectors", "rotation_matrix", "search_reference", "unpack_codes"]

CENTROID_BITS = 6
CENTROID_ZERO = 32
_GOLDEN = 0x9E3779B97F4A7C15
_ROTATION = 0x726F746174696F6E


def decoded_vectors(index: Index) -> NDArray[np.float32]:
    """What the index remembers of its token vectors, as float32 [n_tokens, dim] in order of insertion.

    A flat index remembers them exactly. A compressed one gives centroid + unit * scale * (word - zero), plus unit *
    scale * (code - middle) of the refinement tier where there is one, each turned back by its rotation. Costs some
    times 4 * n_tokens * dim bytes, and dim² for the rotations.
    """
    state = index.snapshot
    pieces = [np.zeros((0, index.dim), np.float32)]
    for segment in state.segments:
        rows = segment.vectors.astype(np.float32) if index.kind == "flat" else _decoded(state, segment)
        pieces.append(rows[np.repeat(~segment.is_deleted, np.diff(segment.offsets))])
    return np.concatenate(pieces)


def _decoded(state: Snapshot, segment: Segment) -> NDArray[np.float32]:
    facts, book, dim = state.manifest["codebook"], state.files["codebook"], state.dim
    centroids = _rows(book, "centroids", dim, CENTROID_BITS)
    residuals = _words(segment.main, book.array("words", np.uint8), dim, facts["bits"])
    if facts["refine_bits"]:
        residuals += _levels(segment.files["refine"], dim, facts["refine_bits"])
    basis = book.array("basis", np.float32)
    if basis.size:
        residuals = residuals @ basis.reshape(dim, dim)
    assignment = _assignment(segment.main, segment.n_tokens)
    rotated = facts["scale"] * (centroids.astype(np.float32) - CENTROID_ZERO)[assignment]
    rotated += facts["residual_unit"] * residuals
    back: NDArray[np.float32] = rotated @ rotation_matrix(dim, facts["rotation_seed"])
    return back


def search_reference(index: Index, query: Any, k: int = 10) -> Hits:
    """The best k documents by MaxSim over :func:`decoded_vectors`, in float64; ties in insertion order.

    query: float32 [n_query_tokens, dim]

    :meth:`Index.search` with every limit above n_docs gives these scores up to the rounding of its query: to 1/63 of
    the query's largest rotated value against centroids and 1- and 2-bit codes, to 1/127 against others.
    """
    tokens = check_query(query, index.dim).astype(np.float64)
    lengths = [np.diff(segment.offsets)[~segment.is_deleted] for segment in index.snapshot.segments]
    bounds = np.concatenate([[0], np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))]).astype(np.int64)
    dots = decoded_vectors(index) @ tokens.T
    scores = np.full(index.n_docs, -np.inf)
    for doc, (begin, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        if begin < end and len(tokens):
            scores[doc] = dots[begin:end].max(axis=0).sum()
    best = np.argsort(-scores, kind="stable")
    best = best[np.isfinite(scores[best])][:k]
    return Hits([index.ids[i] for i in best.tolist()], scores[best].astype(np.float32), best.astype(np.int64))


def rotation_matrix(dim: int, seed: int) -> NDArray[np.float32]:
    """The rotation as a matrix float32 [dim, dim]: a vector v is stored as ``matrix @ v``, and ``matrix.T`` undoes it.

    Rounds of random signs and a Walsh-Hadamard transform of the first 2^n dimensions, then of the last 2^n, in turn,
    with the largest 2^n <= dim: two rounds where that is dim itself, else four.
    """
    power = 1 << (dim.bit_length() - 1)
    hadamard = np.ones((1, 1))
    while len(hadamard) < power:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]]) / np.sqrt(2)
    matrix = np.eye(dim)
    n_rounds = 2 if power == dim else 4
    signs = _signs(seed ^ _ROTATION, n_rounds * dim).reshape(n_rounds, dim)
    for number, sign in enumerate(signs):
        matrix = sign[:, None] * matrix
        first = 0 if number % 2 == 0 else dim - power
        matrix[first : first + power] = hadamard @ matrix[first : first + power]
    return matrix.astype(np.float32)


def _signs(seed: int, n: int) -> NDArray[np.float64]:
    """The top bit of n numbers of SplitMix64 as +1 or -1."""
    state = (seed + np.arange(1, n + 1, dtype=object) * _GOLDEN) % (1 << 64)
    z = state.astype(np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.where(z >> np.uint64(63), 1.0, -1.0)


def _rows(file: Container, name: str, dim: int, bits: int) -> NDArray[np.uint8]:
    """The coded rows of a section, without the spare bytes at its end."""
    stride = (dim * (8 if bits >= 6 else bits) + 63) // 64 * 8
    stored = file.array(name, np.uint8)
    n = (stored.size - 64) // stride
    return unpack_codes(stored[: n * stride].reshape(n, stride), dim, bits)


def _scales(file: Container) -> NDArray[np.float32]:
    return file.array("scales", np.uint16).view(np.float16).astype(np.float32)[:, None]


def _words(file: Container, words: NDArray[np.uint8], dim: int, bits: int) -> NDArray[np.float32]:
    """What the product codes stand for, float32 [n_tokens, dim]: a byte for each 8 / bits dimensions."""
    width, zero = 8 // bits, 64 if bits == 4 else 32
    table = words.reshape(-1, 256, width)
    stride = (dim * bits + 63) // 64 * 8
    scales = _scales(file)
    codes = file.array("codes", np.uint8)[: len(scales) * stride].reshape(len(scales), stride)[:, : len(table)]
    values = table[np.arange(len(table)), codes].reshape(len(scales), len(table) * width)[:, :dim]
    meant: NDArray[np.float32] = scales * (values.astype(np.float32) - np.float32(zero))
    return meant


def _levels(file: Container, dim: int, bits: int) -> NDArray[np.float32]:
    middle = np.float32(((1 << bits) - 1) / 2)
    levels: NDArray[np.float32] = _scales(file) * (_rows(file, "codes", dim, bits) - middle)
    return levels


def _assignment(segment: Container, n_tokens: int) -> NDArray[np.int64]:
    """Centroid of every token: little-endian ids of 2, 3 or 4 bytes, then 4 spare bytes."""
    stored = segment.array("assignment", np.uint8)[:-4].astype(np.int64)
    stored = stored.reshape(n_tokens, stored.size // max(1, n_tokens))
    ids: NDArray[np.int64] = stored @ (1 << 8 * np.arange(stored.shape[1]))
    return ids
