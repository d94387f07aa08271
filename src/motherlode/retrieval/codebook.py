"""What all documents of an index share: coded centroids, the rotation's seed, the words of the residual codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container, ContainerWriter
from motherlode.retrieval.clustering import Clusters
from motherlode.retrieval.kernels import level, native, thread_count

__all__ = [
    "CENTROID_BITS",
    "CENTROID_ZERO",
    "Codebook",
    "make_codebook",
    "read_codebook",
    "sample_size",
    "write_codebook",
]

CENTROID_BITS = 6
CENTROID_ZERO = 32
_SAMPLE = (1 << 12, 1 << 15)  # residuals that words are trained on: 16 to 128 for each of 256, fewer the larger dim
_CLIPPED = 1e-5  # share of centroid values that may be clipped: their rounding goes into the residual


@dataclass(frozen=True, slots=True)
class Codebook:
    """Centroids as 6-bit codes: value = (code - 32) * scale, in the rotated space.

    centroids: uint8 [n_centroids, stride]; type_rows: uint8 [n_types, stride], the mean of each type, coded alike
    type_first: uint32 [n_types + 1]; type_ids: int64 [n_types], those of the build ascending
    norm: largest Euclidean norm of a row of codes - 32, in code units
    residual_unit: value of a stored residual scale of 1; a power of two near the residuals' size
    basis: float32 [dim * dim], the rotation of residuals, rows orthonormal; empty above 256 dimensions
    words: uint8 [ceil(dim / width) * 256 * width], width = 8 / bits: what each code of each group of dimensions means,
        around 32 (64 for 4 bits); Jégou, Douze, Schmid, PAMI 2011
    word_step: value of one step of a word, for a residual whose mean square is 1
    outlier_error: squared distance to the centroid that one token in a hundred exceeded; new documents that exceed it
        more often get centroids of their own, as further types with the ids of those that they extend
    """

    dim: int
    rotation_seed: int
    bits: int
    refine_bits: int
    centroids: NDArray[np.uint8]
    scale: float
    norm: float
    residual_unit: float
    basis: NDArray[np.float32]
    words: NDArray[np.uint8]
    word_step: float
    outlier_error: float
    type_first: NDArray[np.uint32]
    type_ids: NDArray[np.int64]
    type_rows: NDArray[np.uint8]


def make_codebook(
    clusters: Clusters, vectors: NDArray[Any], bits: int, refine_bits: int, seed: int, n_threads: int = 0
) -> Codebook:
    """Rotates and codes the centroids of ``clusters``, which it overwrites with the rotated ones; trains the words.

    vectors: float16 or float32 [n_tokens, dim], those that were clustered
    """
    rotated = clusters.centroids
    n_centroids, dim = rotated.shape
    native.rotate_centroids(rotated, seed, thread_count(n_threads))
    scale = _scale(rotated)
    stride = native.row_bytes(dim, CENTROID_BITS)
    rows = np.zeros((n_centroids, stride), np.uint8)
    native.encode_centroids(rotated, scale, rows)
    counts = np.bincount(clusters.assignment, minlength=n_centroids).astype(np.float32)
    n_types = len(clusters.type_ids)
    means = np.zeros((n_types, dim), np.float32)
    for j in range(n_types):
        own = slice(int(clusters.type_first[j]), int(clusters.type_first[j + 1]))
        means[j] = counts[own] @ rotated[own] / max(1.0, float(counts[own].sum()))
    type_rows = np.zeros((n_types, stride), np.uint8)
    native.encode_centroids(means, scale, type_rows)
    codes = rows[:, :dim].astype(np.float32) - CENTROID_ZERO
    norm = float(np.sqrt(np.einsum("ij,ij->i", codes, codes).max(initial=0.0)))
    unit = _residual_unit(clusters.mean_squared_error / dim, scale)
    n_tokens = len(clusters.assignment)
    n_sample = sample_size(n_tokens, dim)
    sample = np.arange(n_sample, dtype=np.int64) * n_tokens // max(1, n_sample)
    basis, words, step = native.train_product(
        level(), vectors, sample, seed, rows, scale, clusters.assignment[sample], bits, seed, thread_count(n_threads)
    )
    left = np.ascontiguousarray(vectors[sample], np.float32)
    native.rotate_centroids(left, seed, thread_count(n_threads))
    left -= (rows[clusters.assignment[sample], :dim].astype(np.float32) - CENTROID_ZERO) * np.float32(scale)
    errors = np.einsum("ij,ij->i", left, left)
    outlier = float(np.quantile(errors, 0.99)) if n_sample else 0.0
    first, kinds = clusters.type_first, clusters.type_ids
    return Codebook(
        dim, seed, bits, refine_bits, rows, scale, norm, unit, basis, words, step, outlier, first, kinds, type_rows
    )


def sample_size(n_tokens: int, dim: int) -> int:
    """How many tokens' residuals the words are trained on."""
    return min(n_tokens, int(np.clip((1 << 22) // dim, *_SAMPLE)))


def _residual_unit(error_per_value: float, scale: float) -> float:
    """The power of two nearest to the root mean square of a residual's values, the centroids' rounding included."""
    return float(2.0 ** np.clip(np.round(np.log2(np.sqrt(error_per_value + scale * scale / 12))), -120, 120))


def _scale(rotated: NDArray[np.float32]) -> float:
    """One scale for all centroids, so that their integer scores compare without a multiplication each."""
    if rotated.size == 0:
        return 1.0
    sample = np.abs(rotated if rotated.size <= 1 << 24 else rotated[:: rotated.size // (1 << 24) + 1])
    top = float(np.quantile(sample, 1 - _CLIPPED))
    return max(top, float(sample.max()) / 8, 1e-30) / 31


def write_codebook(writer: ContainerWriter, book: Codebook) -> dict[str, Any]:
    """Writes the arrays; returns the facts that a manifest keeps of a codebook."""
    writer.add("centroids", book.centroids, slack=native.READ_SLACK)
    writer.add("basis", book.basis)
    writer.add("words", book.words)
    writer.add("type_first", book.type_first)
    writer.add("type_ids", book.type_ids)
    writer.add("type_rows", book.type_rows, slack=native.READ_SLACK)
    return {
        "n_centroids": len(book.centroids),
        "scale": book.scale,
        "norm": book.norm,
        "residual_unit": book.residual_unit,
        "word_step": book.word_step,
        "outlier_error": book.outlier_error,
        "rotation_seed": book.rotation_seed,
        "bits": book.bits,
        "refine_bits": book.refine_bits,
    }


def read_codebook(file: Container, facts: Mapping[str, Any], dim: int) -> Codebook:
    """The codebook of an open index."""
    stride = int(native.row_bytes(dim, CENTROID_BITS))
    types = file.array("type_ids", np.int64)

    def rows(name: str, n: int) -> NDArray[np.uint8]:
        return file.array(name, np.uint8)[: n * stride].reshape(n, stride)

    return Codebook(
        dim=dim,
        rotation_seed=facts["rotation_seed"],
        bits=facts["bits"],
        refine_bits=facts["refine_bits"],
        centroids=rows("centroids", facts["n_centroids"]),
        scale=facts["scale"],
        norm=facts["norm"],
        residual_unit=facts["residual_unit"],
        basis=file.array("basis", np.float32),
        words=file.array("words", np.uint8),
        word_step=facts["word_step"],
        outlier_error=facts["outlier_error"],
        type_first=file.array("type_first", np.uint32),
        type_ids=types,
        type_rows=rows("type_rows", len(types)),
    )
