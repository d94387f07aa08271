"""Codes and their layout: rotation, centroid codes, residual rows, posting lists."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode import token_aware_clusters
from motherlode.retrieval.codebook import CENTROID_BITS, CENTROID_ZERO, Codebook, make_codebook
from motherlode.retrieval.kernels import level, native
from tests.corpora import make_corpus

DIMS = [1, 2, 3, 7, 8, 16, 48, 96, 127, 128, 384, 1000, 4096]
BITS = [1, 2, 4]


def rotated(rows: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    out = rows.copy()
    native.rotate(out, seed)
    return out


@pytest.mark.parametrize("dim", DIMS)
def test_a_rotation_keeps_lengths_and_dot_products(dim: int) -> None:
    rows = np.random.default_rng(dim).standard_normal((6, dim)).astype(np.float32)
    turned = rotated(rows)
    np.testing.assert_allclose(turned @ turned.T, rows @ rows.T, rtol=1e-4, atol=1e-4 * dim)
    assert dim == 1 or not np.allclose(turned, rows)


@pytest.mark.parametrize("dim", [7, 48, 128, 1000])
def test_a_rotation_spreads_what_lies_on_one_axis(dim: int) -> None:
    axes = rotated(np.eye(dim, dtype=np.float32))
    assert np.abs(axes).max() < 0.9
    assert np.median((axes**2).max(axis=1)) * dim < 40


def test_a_rotation_depends_on_its_seed_and_on_nothing_else() -> None:
    rows = np.random.default_rng(0).standard_normal((4, 48)).astype(np.float32)
    assert np.array_equal(rotated(rows, 5), rotated(rows, 5))
    assert not np.allclose(rotated(rows, 5), rotated(rows, 6))


@pytest.mark.parametrize(("bits", "expected"), [(1, 8), (2, 8), (4, 16), (6, 32), (7, 32)])
def test_a_row_is_padded_to_eight_bytes_and_six_or_seven_bits_take_a_byte(bits: int, expected: int) -> None:
    assert native.row_bytes(27, bits) == expected  # 27, 54, 108, 216 bits


@pytest.mark.parametrize("bits", [1, 2, 4, 6])
def test_the_place_of_every_code_is_the_documented_one(bits: int) -> None:
    """docs/formats/codes.md: unit, then bit plane, then byte."""
    dim = 150
    codes = np.random.default_rng(bits).integers(0, 1 << bits, (3, dim), np.uint8)
    rows = np.zeros((3, native.row_bytes(dim, bits)), np.uint8)
    native.pack_codes(codes, bits, rows)
    stored = 8 if bits >= 6 else bits
    planes = 8 // stored
    expected = np.zeros_like(rows)
    for d in range(dim):
        unit, within = divmod(d, 8 * planes)
        plane, byte = divmod(within, 8)
        expected[:, unit * 8 + byte] |= codes[:, d] << np.uint8(plane * stored)
    assert np.array_equal(rows, expected)


def test_centroids_are_coded_as_steps_of_one_scale_around_the_zero_code() -> None:
    corpus = make_corpus(200, 24)
    clusters = token_aware_clusters(corpus.vectors, corpus.token_ids, 60)
    means = rotated(clusters.centroids)
    book = make_codebook(clusters, corpus.vectors, 2, 0, 0)
    values = (book.centroids[:, :24].astype(np.float32) - CENTROID_ZERO) * book.scale
    assert book.centroids.shape == (60, native.row_bytes(24, CENTROID_BITS))
    assert (book.centroids >> CENTROID_BITS == 0).all()
    assert np.abs(values - means).max() <= book.scale * 0.5001
    assert np.abs(means).max() <= book.scale * CENTROID_ZERO
    lengths = np.linalg.norm(book.centroids[:, :24].astype(np.float32) - CENTROID_ZERO, axis=1)
    assert book.norm == pytest.approx(lengths.max())


def test_the_row_of_a_type_is_the_mean_of_its_tokens() -> None:
    corpus = make_corpus(200, 24)
    clusters = token_aware_clusters(corpus.vectors, corpus.token_ids, 60)
    turned = rotated(corpus.vectors)
    book = make_codebook(clusters, corpus.vectors, 2, 0, 0)
    values = (book.type_rows[:, :24].astype(np.float32) - CENTROID_ZERO) * book.scale
    for j, kind in enumerate(book.type_ids):
        mean = turned[corpus.token_ids == kind].mean(axis=0)
        assert np.abs(values[j] - mean).max() <= book.scale * 0.51


def test_a_codebook_of_nothing_has_no_rows() -> None:
    nothing = np.zeros((0, 9), np.float32)
    book = make_codebook(token_aware_clusters(nothing), nothing, 4, 0, 0)
    assert (len(book.centroids), len(book.type_rows), book.norm) == (0, 0, 0)


def test_equal_vectors_make_a_finite_scale() -> None:
    zeros = np.zeros((10, 9), np.float32)
    book = make_codebook(token_aware_clusters(zeros, np.zeros(10, np.int8)), zeros, 4, 0, 0)
    assert 0 < book.scale < 1
    assert (book.centroids[:, :9] == CENTROID_ZERO).all()


def decoded(rows: NDArray[np.uint8], scales: NDArray[np.uint16], dim: int, bits: int) -> NDArray[np.float32]:
    planes = 8 // bits
    codes = np.zeros((len(rows), dim), np.float32)
    for d in range(dim):
        unit, within = divmod(d, 8 * planes)
        plane, byte = divmod(within, 8)
        codes[:, d] = (rows[:, unit * 8 + byte] >> (plane * bits)) & ((1 << bits) - 1)
    return (codes - ((1 << bits) - 1) / 2) * scales.view(np.float16).astype(np.float32)[:, None]


def meant(book: Codebook, rows: NDArray[np.uint8], scales: NDArray[np.uint16]) -> NDArray[np.float32]:
    """What product codes stand for: word by word, in the space of the basis."""
    width, zero = 8 // book.bits, 64 if book.bits == 4 else 32
    values = np.zeros((len(rows), -(-book.dim // width) * width), np.float32)
    for group, words in enumerate(book.words.reshape(-1, 256, width)):
        values[:, group * width : (group + 1) * width] = words[rows[:, group]].astype(np.float32) - zero
    return values[:, : book.dim] * scales.view(np.float16).astype(np.float32)[:, None]


@pytest.mark.parametrize("refine_bits", [0, *BITS])
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dim", [3, 48, 128])
def test_residual_codes_decode_to_the_vectors_with_the_error_that_was_stated(
    dim: int, bits: int, refine_bits: int
) -> None:
    corpus = make_corpus(300, dim)
    n = len(corpus.vectors)
    clusters = token_aware_clusters(corpus.vectors, corpus.token_ids, 40)
    assignment = clusters.assignment
    book = make_codebook(clusters, corpus.vectors, bits, refine_bits, 3)
    codes = np.zeros((n, native.row_bytes(dim, bits)), np.uint8)
    more = np.zeros((n if refine_bits else 0, native.row_bytes(dim, refine_bits)), np.uint8)
    scales, more_scales = np.zeros(n, np.uint16), np.zeros(len(more), np.uint16)
    left = native.encode_residuals(
        level(),
        corpus.vectors,
        0,
        3,
        book.centroids,
        book.scale,
        book.basis,
        book.words,
        book.word_step,
        book.residual_unit,
        assignment,
        bits,
        codes,
        scales,
        refine_bits,
        more,
        more_scales,
        2,
    )
    values = (book.centroids[assignment, :dim].astype(np.float32) - CENTROID_ZERO) * book.scale
    residual = rotated(corpus.vectors, 3) - values
    energy = float((residual**2).sum())
    residual = residual @ book.basis.reshape(dim, dim).T
    residual -= book.residual_unit * meant(book, codes, scales)
    if refine_bits:
        residual -= book.residual_unit * decoded(more, more_scales, dim, refine_bits)
    assert left == pytest.approx(float((residual.astype(np.float64) ** 2).sum()), rel=1e-3)
    if dim == 128:
        # Words of 8, 4 and 2 dimensions leave less than Max's scalar quantisers do of a normal variable: 36, 12, 1.2 %
        first, second = {1: 0.33, 2: 0.105, 4: 0.0095}, {0: 1.0, 1: 0.45, 2: 0.22, 4: 0.045}
        assert left / energy < first[bits] * second[refine_bits], left / energy


def lists_of(assignment: list[int], offsets: list[int], n_lists: int) -> list[list[int]]:
    """Encodes and decodes the posting lists of the documents' centroids."""
    starts, counts, data = native.build_postings(np.array(assignment, np.uint32), np.array(offsets, np.int64), n_lists)
    n_docs = len(offsets) - 1
    return [
        native.decode_postings(data, int(starts[c]), int(starts[c + 1]), int(counts[c]), n_docs).tolist()
        for c in range(n_lists)
    ]


def test_posting_lists_name_each_document_once_in_order() -> None:
    assert lists_of([2, 0, 0, 2, 1, 2], [0, 3, 3, 4, 6], 4) == [[0], [3], [0, 2, 3], []]


def test_a_posting_list_is_blocks_of_a_width_and_packed_differences() -> None:
    starts, counts, data = native.build_postings(
        np.array([0, 0, 1, 1, 1, 0], np.uint32), np.arange(7, dtype=np.int64), 2
    )
    assert (starts.tolist(), counts.tolist()) == ([0, 2, 4], [3, 3])
    # documents 0, 1, 5: differences to the previous + 1 are 0, 0, 3; documents 2, 3, 4: 2, 0, 0; lowest bits first
    assert data.tolist() == [2, 0b110000, 2, 0b000010, *[0] * 8]


@pytest.mark.parametrize("n", [127, 128, 129, 1000])
def test_long_lists_with_gaps_come_back(n: int) -> None:
    rng = np.random.default_rng(n)
    chosen = np.sort(rng.choice(100_000, n, replace=False))
    lengths = np.zeros(100_000, np.int64)
    lengths[chosen] = 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    assert lists_of([0] * n, offsets.tolist(), 1) == [chosen.tolist()]


def test_damaged_posting_bytes_give_fewer_documents_and_never_wrong_ones() -> None:
    starts, counts, data = native.build_postings(np.zeros(500, np.uint32), np.arange(501, dtype=np.int64), 1)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        broken = data.copy()
        broken[rng.integers(0, len(data))] = rng.integers(0, 256)
        found = native.decode_postings(broken, 0, int(starts[1]), int(rng.integers(0, 600)), 500)
        assert (np.diff(found.astype(np.int64)) > 0).all()
        assert len(found) == 0 or found[-1] < 500
    assert counts[0] == 500


def test_vectors_of_any_size_keep_their_codes() -> None:
    corpus = make_corpus(300, 48)
    left = {}
    for factor in (1e-20, 1.0, 1e15):
        clusters = token_aware_clusters((corpus.vectors * factor).astype(np.float32), corpus.token_ids, 40)
        book = make_codebook(clusters, corpus.vectors, 2, 0, 3)
        left[factor] = book.residual_unit / factor
    assert max(left.values()) <= 2 * min(left.values())
