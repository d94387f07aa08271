"""Every CPU level against numpy: integers to the bit, floats within a stated bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode.retrieval.kernels import native
from motherlode.retrieval.reference import CENTROID_BITS, CENTROID_ZERO, rotation_matrix, unpack_codes

WIDTHS = (1, 2, 4, 6, 7)
DIMS = (*range(1, 40), 63, 64, 65, 96, 100, 127, 128, 129, 200, 256, 300, 384, 768, 1024, 4096)
EPSILON = 2.0**-23
UNIT = 0.5  # of the scales of residuals


def packed(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    rows = np.zeros((len(codes), native.row_bytes(codes.shape[1], bits)), np.uint8)
    native.pack_codes(codes, bits, rows)
    return rows


def dots(level: str, codes: NDArray[np.uint8], bits: int, queries: NDArray[np.int8]) -> NDArray[np.int32]:
    rows = np.concatenate([packed(codes, bits).reshape(-1), np.full(native.READ_SLACK, 0xFF, np.uint8)])
    out = np.full((len(codes), (len(queries) + 3) // 4 * 4), -1, np.int32)
    native.dot(level, rows, codes.shape[1], bits, queries, out)
    return out[:, : len(queries)]


def halves(values: NDArray[Any]) -> NDArray[np.float16]:
    return values.astype(np.float16)


@pytest.mark.parametrize("bits", WIDTHS)
def test_code_dots_are_numpys_integer_products(level: str, bits: int) -> None:
    rng = np.random.default_rng(bits)
    limit = 63 if bits == 6 else 127
    for dim in DIMS:
        n_rows, n_queries = (dim * 7) % 41, 1 + dim % 64
        codes = rng.integers(0, 1 << bits, (n_rows, dim)).astype(np.uint8)
        queries = rng.integers(-limit, limit + 1, (n_queries, dim)).astype(np.int8)
        expected = codes.astype(np.int32) @ queries.T.astype(np.int32)
        np.testing.assert_array_equal(dots(level, codes, bits, queries), expected, f"dim {dim}")


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_code_dots_of_the_largest_codes_and_queries_do_not_saturate(level: str, bits: int, sign: int) -> None:
    limit = 63 if bits == 6 else 127
    top = (1 << bits) - 1
    for dim in (32, 128, 300, 4096):
        codes = np.full((9, dim), top, np.uint8)
        queries = np.full((5, dim), sign * limit, np.int8)
        assert (dots(level, codes, bits, queries) == sign * limit * top * dim).all()


@pytest.mark.parametrize("bits", WIDTHS)
def test_packed_codes_are_what_numpy_unpacks(bits: int) -> None:
    rng = np.random.default_rng(bits)
    for dim in DIMS:
        codes = rng.integers(0, 1 << bits, (5, dim)).astype(np.uint8)
        np.testing.assert_array_equal(unpack_codes(packed(codes, bits), dim, bits), codes, f"dim {dim}")


def test_the_rotation_is_numpys_matrix_and_orthogonal() -> None:
    rng = np.random.default_rng(0)
    for dim in DIMS[:-1]:
        seed = int(rng.integers(0, 1 << 63)) * 2 + 1
        rows = rng.standard_normal((4, dim)).astype(np.float32)
        rotated = rows.copy()
        native.rotate(rotated, seed)
        matrix = rotation_matrix(dim, seed)
        np.testing.assert_allclose(rotated, rows @ matrix.T, atol=2e-5, err_msg=f"dim {dim}")
        native.rotate_back(rotated, seed)
        np.testing.assert_allclose(rotated, rows, atol=2e-5, err_msg=f"dim {dim}")
        exact = matrix.astype(np.float64)
        np.testing.assert_allclose(exact @ exact.T, np.eye(dim), atol=1e-6, err_msg=f"dim {dim}")


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_exact_search_is_within_its_rounding_of_float64(level: str, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    for dim in (1, 3, 16, 33, 128, 300):
        sizes = rng.integers(0, 8, 40)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        vectors = rng.standard_normal((int(offsets[-1]), dim)).astype(dtype)
        for n_query_tokens in (1, 15, 16, 17, 40):
            query = rng.standard_normal((n_query_tokens, dim)).astype(np.float32)
            scores, positions = native.exact_search(level, vectors, offsets, query, 40, 2)
            assert sorted(positions) == np.flatnonzero(sizes).tolist()
            wide, tokens = vectors.astype(np.float64), query.astype(np.float64)
            for score, doc in zip(scores, positions, strict=True):
                own = wide[offsets[doc] : offsets[doc + 1]]
                # Each dot is off by dim roundings of its terms' sizes at most, the sum over tokens by n_query_tokens.
                size = (np.abs(own) @ np.abs(tokens.T)).max(axis=0).sum()
                assert abs(score - (own @ tokens.T).max(axis=0).sum()) <= (dim + n_query_tokens) * EPSILON * size


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_assigned_centroids_are_the_nearest_within_rounding(level: str, dtype: Any) -> None:
    rng = np.random.default_rng(2)
    for dim, n_centroids in ((1, 1), (2, 5), (17, 16), (64, 300), (130, 33)):
        vectors = rng.standard_normal((1000, dim)).astype(dtype)
        centroids = rng.standard_normal((n_centroids, dim)).astype(np.float32)
        labels = np.full(1000, 0xFFFFFFFF, np.uint32)
        native.assign_nearest(level, vectors, centroids, 2, labels)
        distances = ((vectors.astype(np.float64)[:, None] - centroids[None]) ** 2).sum(axis=2)
        chosen = distances[np.arange(1000), labels]
        size = (vectors.astype(np.float64) ** 2).sum(axis=1) + (centroids.astype(np.float64) ** 2).sum(axis=1).max()
        assert (chosen <= distances.min(axis=1) + 4 * dim * EPSILON * size).all()


def test_of_equal_centroids_the_first_is_assigned(level: str) -> None:
    centroids = np.repeat(np.arange(20, dtype=np.float32), 3)[:, None] * np.ones((1, 5), np.float32)
    labels = np.zeros(20, np.uint32)
    native.assign_nearest(level, np.ascontiguousarray(centroids[::3]), centroids, 1, labels)
    assert labels.tolist() == list(range(0, 60, 3))


def test_clusters_of_whole_numbers_are_the_same_at_every_level(level: str) -> None:
    # Products and sums of small whole numbers are exact, so no level may differ from another.
    rng = np.random.default_rng(3)
    vectors = rng.integers(-4, 5, (600, 8)).astype(np.float32)
    order = rng.permutation(600).astype(np.uint32)
    groups = np.array([[0, 100, 0, 3, 7], [100, 101, 3, 1, 8], [101, 600, 4, 17, 9]], np.uint64)
    found = {}
    for name in ("reference", level):
        centroids, labels = np.zeros((21, 8), np.float32), np.zeros(600, np.uint32)
        error = np.zeros(3)
        native.cluster_groups(name, vectors, order, groups, 1, 0, 5, 2, centroids, labels, error)
        found[name] = (centroids, labels, error)
        for begin, end, first, k, _ in groups.astype(int):
            own = order[begin:end]
            assert set(labels[own]) <= set(range(first, first + k))
            left = ((vectors[own] - centroids[labels[own]]) ** 2).sum()
            assert error[groups[:, 0] == begin] == pytest.approx(left, rel=1e-4)
    for one, other in zip(found["reference"], found[level], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("bits", "refine_bits"), [(1, 0), (2, 0), (4, 0), (1, 2), (2, 2), (4, 4)])
@pytest.mark.parametrize("dim", [1, 24, 100, 260])
def test_residual_codes_are_alike_at_every_level_and_leave_what_they_say(
    level: str, bits: int, refine_bits: int, dim: int
) -> None:
    rng = np.random.default_rng(4)
    vectors = halves(rng.standard_normal((200, dim)))
    centroids = rng.integers(1, 64, (10, dim)).astype(np.uint8)
    rows, scale = packed(centroids, CENTROID_BITS), 0.05
    assignment = rng.integers(0, 10, 200).astype(np.uint32)
    width, zero = 8 // bits, 64 if bits == 4 else 32
    words = rng.integers(1, 2 * zero, (-(-dim // width), 256, width)).astype(np.uint8)
    basis = np.linalg.qr(rng.standard_normal((dim, dim)))[0].astype(np.float32) if dim <= 256 else np.eye(0, dtype="f4")
    book = (rows, scale, basis.reshape(-1), words.reshape(-1), 3.0 / zero, UNIT, assignment)
    coded = {name: _encode(name, vectors, book, bits, refine_bits) for name in ("reference", level)}
    for one, other in zip(coded["reference"][:4], coded[level][:4], strict=True):
        # two words may be equally near but for the rounding of a multiply-add
        assert (one == other).mean() > 0.999 if one.size else one.size == other.size
    codes, scales, refine_codes, refine_scales, error = coded[level]
    left = vectors.astype(np.float32) @ rotation_matrix(dim, 11).T
    left -= np.float32(scale) * (centroids.astype(np.float32) - CENTROID_ZERO)[assignment]
    left = left @ basis.T if basis.size else left
    found = words[np.arange(len(words)), codes[:, : len(words)]].reshape(200, -1)[:, :dim].astype(np.float32) - zero
    scaled = left / np.linalg.norm(left, axis=1, keepdims=True) * np.sqrt(dim) * zero / 3
    nearest = np.zeros_like(found)
    for group in range(0, dim, width):
        table = words[group // width, :, : min(width, dim - group)].astype(np.float32) - zero
        part = scaled[:, None, group : group + width] - table
        # what lies outside the vector is as far from all words that are there
        beyond = (words[group // width, :, min(width, dim - group) :].astype(np.float32) - zero) ** 2
        nearest[:, group : group + width] = table[((part**2).sum(axis=2) + beyond.sum(axis=1)).argmin(axis=1)]
    assert (found == nearest).mean() > 0.999
    left -= UNIT * scales.view(np.float16).astype(np.float32)[:, None] * found
    if refine_bits:
        levels = unpack_codes(refine_codes, dim, refine_bits) - ((1 << refine_bits) - 1) / 2
        left -= UNIT * refine_scales.view(np.float16).astype(np.float32)[:, None] * levels
    assert error == pytest.approx((left.astype(np.float64) ** 2).sum(), rel=1e-3, abs=1e-6)


def _encode(name: str, vectors: Any, book: tuple[Any, ...], bits: int, refine_bits: int) -> tuple[Any, ...]:
    n, dim = vectors.shape
    codes = np.zeros((n, native.row_bytes(dim, bits)), np.uint8)
    refine_codes = np.zeros((n if refine_bits else 0, native.row_bytes(dim, refine_bits)), np.uint8)
    scales, refine_scales = np.zeros(n, np.uint16), np.zeros(n if refine_bits else 0, np.uint16)
    rows, scale, basis, words, step, unit, assignment = book
    error = native.encode_residuals(
        name, vectors, 0, 11, rows, scale, basis, words, step, unit, assignment,
        bits, codes, scales, refine_bits, refine_codes, refine_scales, 2,
    )  # fmt: skip
    return codes, scales, refine_codes, refine_scales, error


def test_posting_lists_decode_to_the_documents_that_numpy_finds() -> None:
    rng = np.random.default_rng(5)
    for n_docs, longest, n_lists in ((1, 1, 1), (50, 0, 3), (500, 9, 7), (3000, 3, 2), (40, 300, 90)):
        offsets = np.concatenate([[0], np.cumsum(rng.integers(0, longest + 1, n_docs))]).astype(np.int64)
        assignment = rng.integers(0, n_lists, int(offsets[-1])).astype(np.uint32)
        owner = np.repeat(np.arange(n_docs), np.diff(offsets))
        starts, counts, lists = native.build_postings(assignment, offsets, n_lists)
        for i in range(n_lists):
            found = native.decode_postings(lists, int(starts[i]), int(starts[i + 1]), int(counts[i]), n_docs)
            assert found.tolist() == np.unique(owner[assignment == i]).tolist()
