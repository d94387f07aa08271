"""Token vectors back from their codes, a few tokens at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container
from motherlode.retrieval.codebook import CENTROID_BITS, CENTROID_ZERO
from motherlode.retrieval.kernels import native
from motherlode.retrieval.segments import Segment, damaged
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["decode_tokens", "unpack_codes"]


def decode_tokens(state: Snapshot, segment: Segment, begin: int, end: int) -> NDArray[np.float32]:
    """What a compressed index remembers of tokens ``begin`` to ``end`` of a segment, float32 [end - begin, dim].

    centroid + unit * scale * (word - zero), plus unit * scale * (code - middle) of the refinement tier where there is
    one, each turned back by its rotation (docs/formats/codes.md). Reads the codes of these tokens only; as
    :func:`motherlode.retrieval.reference.decoded_vectors`, but for float rounding.
    """
    facts, book, dim = state.manifest["codebook"], state.files["codebook"], state.dim
    if begin == end:
        return np.zeros((0, dim), np.float32)
    left = _words(segment.main, book.array("words", np.uint8), begin, end, dim, facts["bits"])
    if facts["refine_bits"]:
        left += _levels(segment.files["refine"], begin, end, dim, facts["refine_bits"])
    basis = book.array("basis", np.float32)
    if basis.size:
        left = left @ basis.reshape(dim, dim)
    left *= np.float32(facts["residual_unit"])
    stride = int(native.row_bytes(dim, CENTROID_BITS))
    n_centroids = facts["n_centroids"]
    centroids = book.array("centroids", np.uint8)[: n_centroids * stride].reshape(n_centroids, stride)
    # a flipped bit may name a centroid that is not there; a search clamps it too
    chosen = np.minimum(segment.assignment(begin, end), n_centroids - 1)
    left += np.float32(facts["scale"]) * (centroids[chosen, :dim].astype(np.float32) - CENTROID_ZERO)
    left = np.ascontiguousarray(left)
    native.rotate_back(left, facts["rotation_seed"])
    return left


def unpack_codes(rows: NDArray[np.uint8], dim: int, bits: int) -> NDArray[np.uint8]:
    """Codes uint8 [n, dim] of rows uint8 [n, stride].

    Bytes come in units of eight. In a unit, plane p (bits p * width and up) of byte i holds the code of dimension
    p * 8 + i of that unit.
    """
    width = 8 if bits >= 6 else bits
    planes = np.arange(8 // width) * width
    units = rows.reshape(len(rows), rows.shape[1] // 8, 1, 8) >> planes[:, None] & ((1 << width) - 1)
    return units.reshape(len(rows), rows.shape[1] * 8 // width)[:, :dim].astype(np.uint8)


def _coded(file: Container, begin: int, end: int, stride: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Rows of codes [n, stride], and their scales [n, 1]."""
    codes, scales = file.array("codes", np.uint8), file.array("scales", np.uint16)
    if codes.size < end * stride or scales.size < end:
        raise damaged(file, f"{codes.size} bytes of codes, {scales.size} scales", f"those of {end} tokens")
    rows = codes[begin * stride : end * stride].reshape(end - begin, stride)
    return rows, scales[begin:end].view(np.float16).astype(np.float32)[:, None]


def _words(file: Container, words: NDArray[np.uint8], begin: int, end: int, dim: int, bits: int) -> NDArray[np.float32]:
    """What the product codes mean, float32 [n, dim]: a byte for each 8 / bits dimensions."""
    width, zero = 8 // bits, 64 if bits == 4 else 32
    table = words.reshape(-1, 256, width)
    rows, scales = _coded(file, begin, end, int(native.row_bytes(dim, bits)))
    values = table[np.arange(len(table)), rows[:, : len(table)]].reshape(len(rows), -1)[:, :dim]
    meant: NDArray[np.float32] = scales * (values.astype(np.float32) - np.float32(zero))
    return meant


def _levels(file: Container, begin: int, end: int, dim: int, bits: int) -> NDArray[Any]:
    rows, scales = _coded(file, begin, end, int(native.row_bytes(dim, bits)))
    levels: NDArray[np.float32] = scales * (unpack_codes(rows, dim, bits) - np.float32(((1 << bits) - 1) / 2))
    return levels
