"""What callers may hand in; what they may not is named with what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode.errors import InputError
from motherlode.retrieval.inputs import (
    check_count,
    check_ids,
    check_n_centroids,
    check_offsets,
    check_query,
    check_seed,
    check_token_ids,
    check_vectors,
)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_vectors_of_both_float_types_are_taken_as_they_are(dtype: Any) -> None:
    array = np.ones((3, 2), dtype)
    assert check_vectors(array) is array or np.shares_memory(check_vectors(array), array)


def test_memory_mapped_vectors_stay_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((5, 3), np.float16))
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    assert np.shares_memory(check_vectors(mapped), mapped)


def test_float64_lists_and_strided_vectors_become_contiguous_float32() -> None:
    for given in ([[1, 2.5], [3, 4]], np.array([[1, 2.5], [3, 4]]), np.array([[1, 3], [2.5, 4]], np.float32).T):
        checked = check_vectors(given)
        assert checked.dtype == np.float32
        assert checked.flags.c_contiguous
        assert checked.tolist() == [[1, 2.5], [3, 4]]


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        (np.zeros(3, np.float32), r"shape \(3,\)"),
        (np.zeros((1, 2, 3), np.float32), r"shape \(1, 2, 3\)"),
        (np.float32(1), r"shape \(\)"),
        (np.zeros((1, 0), np.float32), "dim 0"),
        (np.zeros((1, 4097), np.float32), "dim 4097; expected 1 to 4096"),
        (np.zeros((1, 2), np.int8), "dtype int8; expected float16 or float32"),
        (np.zeros((1, 2), np.complex64), "dtype complex64"),
        (np.zeros((1, 2), ">f4"), "dtype >f4"),
        (np.zeros((1, 2), object), "dtype object"),
        ([[1.0, 2.0], [3.0]], "rectangular"),
        ([["a", "b"]], "dtype <U1"),
        (None, "expected two dimensions"),
        ([[1.0, np.nan]], "row 0 has NaN"),
        (np.array([[0, 0], [np.inf, 0]], np.float16), "row 1 has NaN or infinite"),
        (np.full((2, 2), 1e300), "row 0 has NaN or infinite"),
    ],
)
def test_wrong_vectors_are_refused_with_what_was_seen(vectors: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_vectors(vectors)


def test_a_nan_far_down_is_found_and_its_row_named() -> None:
    vectors = np.zeros((200_000, 1), np.float16)
    vectors[150_001] = -np.inf
    with pytest.raises(InputError, match="row 150001 "):
        check_vectors(vectors)


@pytest.mark.parametrize("offsets", [[0, 2, 2, 5], (0, 5), np.array([0, 5], np.uint8), np.array([0, 1, 5], np.uint64)])
def test_offsets_of_any_integer_type_become_int64(offsets: Any) -> None:
    checked = check_offsets(offsets, 5)
    assert checked.dtype == np.int64
    assert checked.tolist() == list(offsets)


@pytest.mark.parametrize(
    ("offsets", "says"),
    [
        ([], r"shape \(0,\)"),
        ([[0, 5]], r"shape \(1, 2\)"),
        ([0.0, 5.0], "dtype float64"),
        ([1, 5], "run from 1 to 5"),
        ([0, 4], "run from 0 to 4; expected from 0 to the 5 rows"),
        ([0, 6], "run from 0 to 6"),
        ([0, 3, 2, 5], "fall from 3 to 2 at document 1"),
        ([0, 7, 5], "fall from 7 to 5"),
        ([0, -1, 5], "fall from 0 to -1"),
    ],
)
def test_wrong_offsets_are_refused_with_what_was_seen(offsets: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_offsets(offsets, 5)


def test_token_ids_are_optional_integers_one_per_vector() -> None:
    assert check_token_ids(None, 3) is None
    assert check_token_ids([], 0) is not None
    assert check_token_ids(np.array([1, 2], np.uint16), 2) is not None
    for wrong, says in (
        ([1], r"shape \(1,\)"),
        ([1.5, 2], "float64"),
        ([True, False], "bool"),
        ([[1], [1, 2]], "rect"),
    ):
        with pytest.raises(InputError, match=f"token_ids: .*{says}"):
            check_token_ids(wrong, 2)


def test_ids_are_distinct_strings_one_per_document() -> None:
    assert check_ids(None, 3) is None
    assert check_ids(("a", ""), 2) == ["a", ""]
    for wrong, says in ((["a"], "1 given for 2"), ([1, 2], "1 at position 0 is no string"), (["x", "x"], "0 and 1")):
        with pytest.raises(InputError, match=says):
            check_ids(wrong, 2)  # type: ignore[arg-type]


def test_queries_become_float32_rows() -> None:
    assert check_query([[1, 2]], 2).tolist() == [[1, 2]]
    assert check_query([1, 2], 2).tolist() == [[1, 2]]  # one vector is one token
    assert check_query(np.zeros((0, 2)), 2).shape == (0, 2)
    assert check_query(np.ones((2, 2), np.float16), 2).dtype == np.float32


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ([1, 2, 3], r"shape \(3,\); expected \[n_query_tokens, 2\]"),
        (np.zeros((1, 1, 2)), r"shape \(1, 1, 2\)"),
        ([["a", "b"]], "dtype"),
        ([[True, False]], "dtype bool"),
        ([[1.0, 2.0], [np.nan, 0.0]], "token 1 has NaN"),
        ([[1e300, 0.0]], "token 0 has NaN or infinite"),
        ([[1.0], [1.0, 2.0]], "rectangular"),
        (None, "dtype object"),
    ],
)
def test_wrong_queries_are_refused_with_what_was_seen(query: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_query(query, 2)


def test_counts_are_whole_numbers_and_huge_ones_are_as_good_as_their_bound() -> None:
    assert check_count(np.uint8(7), "k") == 7
    assert check_count(2**70, "k") == 2**40
    for wrong in (-1, 2.0, "3", None, True, np.True_):
        with pytest.raises(InputError, match="k="):
            check_count(wrong, "k")
    with pytest.raises(InputError, match="n_centroids=0: give a positive number"):
        check_n_centroids(0)


def test_seeds_are_whole_numbers_of_64_bits() -> None:
    assert check_seed(2**64 - 1) == 2**64 - 1
    assert check_seed(np.int64(5)) == 5
    for wrong in (-1, 2**64, 1.0, None, False):
        with pytest.raises(InputError, match=f"seed={wrong!r}"):
            check_seed(wrong)
