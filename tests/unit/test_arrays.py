"""Tensors, lists of documents and Arrow columns as vectors and offsets, without copies where the layout allows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import InputError, build_index, exact_search, from_arrow, from_documents
from motherlode.retrieval.arrays import as_array
from motherlode.retrieval.inputs import check_ids, check_offsets, check_query, check_token_ids, check_vectors

DOCS = [np.arange(6, dtype=np.float32).reshape(3, 2), np.zeros((0, 2), np.float32), np.array([[6, 7]], np.float32)]
FLAT = np.arange(8, dtype=np.float32).reshape(4, 2)
BOUNDS = [0, 3, 3, 4]


class TestTensors:
    @pytest.fixture
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    def test_a_tensor_is_checked_without_a_copy(self, torch: Any) -> None:
        for dtype in (torch.float32, torch.float16):
            tensor = torch.ones(4, 3, dtype=dtype)
            assert np.shares_memory(check_vectors(tensor), tensor.numpy())
        query = torch.ones(2, 3)
        assert np.shares_memory(check_query(query, 3), query.numpy())
        ids = torch.arange(4, dtype=torch.int32)
        checked = check_token_ids(ids, 4)
        assert checked is not None
        assert np.shares_memory(checked, ids.numpy())
        assert check_offsets(torch.tensor([0, 2, 4]), 4).tolist() == [0, 2, 4]

    def test_a_transposed_tensor_is_read_as_it_looks(self, torch: Any) -> None:
        assert check_vectors(torch.arange(6.0).reshape(2, 3).T).tolist() == [[0, 3], [1, 4], [2, 5]]

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (lambda t: t.ones(2, 2, requires_grad=True), r"vectors: .*requires grad.*\.detach\(\)\.cpu\(\)"),
            (lambda t: t.ones(2, 2, dtype=t.bfloat16), r"vectors: dtype torch.bfloat16.*\.float\(\)"),
            (lambda t: t.ones(2, 2, device="meta"), r"vectors: a tensor on meta.*\.detach\(\)\.cpu\(\)"),
            (lambda t: t.eye(2).to_sparse(), r"vectors: .*strided.*dense array"),
            (lambda t: t.ones(2, 2, dtype=t.int64), "vectors: dtype int64"),
            (lambda t: [t.ones(2, requires_grad=True)] * 2, "vectors: .*grad"),
        ],
    )
    def test_a_tensor_that_cannot_be_read_says_what_to_do(self, torch: Any, make: Any, says: str) -> None:
        with pytest.raises(InputError, match=says):
            check_vectors(make(torch))

    def test_a_device_that_is_not_the_cpu_is_refused_by_its_number(self) -> None:
        """DLPack's number 2 is CUDA; a tensor there cannot be made on this machine."""

        class OnGpu:
            device = "cuda:0"

            def __dlpack__(self) -> Any:
                raise AssertionError("must not be asked for")

            def __dlpack_device__(self) -> tuple[int, int]:
                return 2, 0

        with pytest.raises(InputError, match=r"on cuda:0.*\.detach\(\)\.cpu\(\)"):
            check_vectors(OnGpu())

    def test_a_list_of_tensors_is_joined(self, torch: Any) -> None:
        vectors, offsets = from_documents([torch.from_numpy(document) for document in DOCS])
        np.testing.assert_array_equal(vectors, FLAT)
        assert offsets.tolist() == BOUNDS

    def test_a_block_of_tensors_is_not_copied(self, torch: Any) -> None:
        block = torch.arange(24.0).reshape(2, 4, 3)
        vectors, offsets = from_documents(block)
        assert np.shares_memory(vectors, block.numpy())
        assert vectors.shape == (8, 3)
        assert offsets.tolist() == [0, 4, 8]

    def test_an_index_is_built_and_searched_with_tensors(self, torch: Any, tmp_path: Path) -> None:
        documents = [torch.from_numpy(document) for document in DOCS]
        index = build_index(tmp_path / "index", *from_documents(documents))
        assert list(index.search(torch.tensor([[1.0, 1.0]]), 2)) == [("2", 13.0), ("0", 9.0)]
        assert [hits.ids for hits in index.search_batch(torch.ones(2, 1, 2), 1)] == [["2"], ["2"]]


class TestDocuments:
    def test_documents_are_joined_and_those_without_tokens_stay(self) -> None:
        vectors, offsets = from_documents(DOCS)
        np.testing.assert_array_equal(vectors, FLAT)
        assert vectors.dtype == np.float32
        assert offsets.dtype == np.int64
        assert offsets.tolist() == BOUNDS

    def test_nested_lists_and_empty_lists_are_documents_too(self) -> None:
        vectors, offsets = from_documents([[[0.0, 1], [2, 3], [4, 5]], [], [[6.0, 7]]])
        np.testing.assert_array_equal(vectors, FLAT)
        assert offsets.tolist() == BOUNDS

    def test_a_generator_is_taken(self) -> None:
        assert from_documents(document for document in DOCS)[1].tolist() == BOUNDS

    def test_one_document_and_a_block_share_memory(self) -> None:
        assert np.shares_memory(from_documents([DOCS[0]])[0], DOCS[0])
        block = np.zeros((3, 4, 2), np.float16)
        vectors, offsets = from_documents(block)
        assert np.shares_memory(vectors, block)
        assert offsets.tolist() == [0, 4, 8, 12]

    def test_half_precision_stays_where_all_have_it(self) -> None:
        halves = [document.astype(np.float16) for document in DOCS]
        assert from_documents(halves)[0].dtype == np.float16
        assert from_documents([halves[0], DOCS[2]])[0].dtype == np.float32
        assert from_documents([DOCS[0].astype(np.float64)])[0].dtype == np.float32

    @pytest.mark.parametrize(
        ("documents", "says"),
        [
            ([DOCS[0], np.zeros((2, 3), np.float32)], r"documents\[1\]: dim 3; documents\[0\] has 2"),
            ([DOCS[0], np.zeros(2, np.float32)], r"documents\[1\]: shape \(2,\); expected \[n_doc_tokens, dim\]"),
            ([np.zeros((1, 2), np.int64)], r"documents\[0\]: dtype int64"),
            (FLAT, r"documents: shape \(4, 2\); expected \[n_docs, n_doc_tokens, dim\]"),
            ([], "documents: none of 0 has tokens"),
            ([[], []], "documents: none of 2 has tokens"),
            ("text", "documents: a str"),
            (3, "documents: a int"),
        ],
    )
    def test_what_does_not_fit_is_named(self, documents: Any, says: str) -> None:
        with pytest.raises(InputError, match=says):
            from_documents(documents)

    def test_a_list_of_documents_given_as_vectors_is_sent_on(self) -> None:
        with pytest.raises(InputError, match=r"motherlode\.from_documents"):
            build_index("never-made", [DOCS[0], DOCS[2]], BOUNDS)


class TestArrow:
    @pytest.fixture
    def pa(self) -> Any:
        return pytest.importorskip("pyarrow")

    def column(self, pa: Any, value: Any = None, size: int = 2) -> Any:
        return pa.array([d.tolist() for d in DOCS], pa.list_(pa.list_(value or pa.float32(), size)))

    @pytest.mark.parametrize("value", ["float16", "float32", "float64"])
    def test_a_ragged_column_is_read_without_a_copy(self, pa: Any, value: str) -> None:
        column = self.column(pa, getattr(pa, value)())
        vectors, offsets = from_arrow(column)
        np.testing.assert_array_equal(vectors, FLAT)
        assert offsets.tolist() == BOUNDS
        assert vectors.dtype == value
        assert np.shares_memory(vectors, column.values.values.to_numpy())

    def test_other_layouts_say_the_same(self, pa: Any) -> None:
        rows = [d.tolist() for d in DOCS]
        for kind in (
            pa.list_(pa.list_(pa.float32())),
            pa.large_list(pa.list_(pa.float32(), 2)),
            pa.large_list(pa.large_list(pa.float32())),
        ):
            column = pa.array(rows, kind)
            vectors, offsets = from_arrow(column)
            np.testing.assert_array_equal(vectors, FLAT, err_msg=str(kind))
            assert offsets.tolist() == BOUNDS
            assert np.shares_memory(vectors, column.values.values.to_numpy())

    def test_documents_of_one_length_and_single_vectors_are_read(self, pa: Any) -> None:
        block = pa.array([FLAT[:2].tolist(), FLAT[2:].tolist()], pa.list_(pa.list_(pa.float32(), 2), 2))
        vectors, offsets = from_arrow(block)
        np.testing.assert_array_equal(vectors, FLAT)
        assert offsets.tolist() == [0, 2, 4]
        vectors, offsets = from_arrow(pa.array(FLAT.tolist(), pa.list_(pa.float32(), 2)))
        np.testing.assert_array_equal(vectors, FLAT)
        assert offsets.tolist() == [0, 1, 2, 3, 4]

    def test_a_slice_is_read_where_it_begins(self, pa: Any) -> None:
        column = self.column(pa)
        for begin in range(4):
            for end in range(begin, 4):
                vectors, offsets = from_arrow(column.slice(begin, end - begin))
                np.testing.assert_array_equal(vectors, FLAT[BOUNDS[begin] : BOUNDS[end]])
                assert offsets.tolist() == [bound - BOUNDS[begin] for bound in BOUNDS[begin : end + 1]]
        block = pa.array(FLAT.tolist(), pa.list_(pa.float32(), 2)).slice(1, 2)
        np.testing.assert_array_equal(check_vectors(block), FLAT[1:3])

    def test_chunks_are_joined_and_one_chunk_is_not_copied(self, pa: Any) -> None:
        column = self.column(pa)
        vectors, offsets = from_arrow(pa.chunked_array([column.slice(0, 2), column.slice(2)]))
        np.testing.assert_array_equal(vectors, FLAT)
        assert offsets.tolist() == BOUNDS
        one = pa.table({"vectors": column})["vectors"]
        assert np.shares_memory(from_arrow(one)[0], column.values.values.to_numpy())
        vectors, offsets = from_arrow(pa.chunked_array([], column.type))
        assert vectors.shape == (0, 2)
        assert offsets.tolist() == [0]

    def test_whatever_exports_arrow_is_read(self, pa: Any) -> None:
        """The C data interface without pyarrow's classes, as polars or nanoarrow would hand it over."""

        class Exported:
            def __init__(self, column: Any) -> None:
                self._column = column
                self.type = column.type

            def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
                return self._column.__arrow_c_array__(requested_schema)

        column = self.column(pa)
        vectors, offsets = from_documents(Exported(column))
        np.testing.assert_array_equal(vectors, FLAT)
        assert np.shares_memory(vectors, column.values.values.to_numpy())
        assert offsets.tolist() == BOUNDS

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (lambda pa: pa.array([[[1.0, 2]], None], pa.list_(pa.list_(pa.float32(), 2))), "document 1 is null"),
            (lambda pa: pa.array([[[1.0, 2], None]], pa.list_(pa.list_(pa.float32(), 2))), "vector 1 is null"),
            (lambda pa: pa.array([[[1.0, None]]], pa.list_(pa.list_(pa.float32(), 2))), "value 1 is null"),
            (lambda pa: pa.array([[[1.0, 2], [3.0]]]), "vector 1 has 1 values, vector 0 has 2"),
            (lambda pa: pa.array([[[1, 2]]]), "dtype int64"),
            (lambda pa: pa.array([[["a", "b"]]]), "values of type string"),
            (lambda pa: pa.array([[[[1.0]]]]), "expected lists of vectors"),
            (lambda pa: pa.array([1.0, 2.0]), "type double; expected lists of vectors"),
            (lambda pa: pa.table({"ids": ["a"], "vectors": [[[1.0]]]}), "a table; give one of its columns: 'ids', 've"),
            (lambda pa: [[1.0]], "a list; expected an Arrow column"),
            (
                lambda pa: pa.array([[[1.0]]], pa.list_view(pa.list_view(pa.float32()))),
                "cast it to list<fixed_size_list",
            ),
        ],
    )
    def test_what_a_column_may_not_hold_is_named(self, pa: Any, make: Any, says: str) -> None:
        with pytest.raises(InputError, match=says):
            from_arrow(make(pa))

    def test_a_column_of_vectors_is_a_matrix_and_one_of_documents_is_sent_on(self, pa: Any) -> None:
        column = pa.array(FLAT.tolist(), pa.list_(pa.float32(), 2))
        assert np.shares_memory(as_array(column, "vectors"), column.values.to_numpy())
        assert exact_search(column, pa.array(BOUNDS), [[1.0, 1.0]], 1).ids == ["2"]
        with pytest.raises(InputError, match=r"vectors: a column of list.*motherlode\.from_arrow"):
            check_vectors(self.column(pa))

    def test_ids_may_be_a_column(self, pa: Any) -> None:
        assert check_ids(pa.array(["a", "b"]), 2) == ["a", "b"]
        assert check_ids(pa.chunked_array([["a"], ["b"]]), 2) == ["a", "b"]
        with pytest.raises(InputError, match="ids: None at position 1"):
            check_ids(pa.array(["a", None]), 2)

    def test_an_index_is_built_from_a_table(self, pa: Any, tmp_path: Path) -> None:
        table = pa.table({"id": ["x", "empty", "y"], "vectors": self.column(pa)})
        index = build_index(tmp_path / "index", *from_arrow(table["vectors"]), ids=table["id"])
        assert list(index.search([[1.0, 1.0]], 3)) == [("y", 13.0), ("x", 9.0)]


def test_reading_arrays_imports_neither_torch_nor_pyarrow() -> None:
    code = (
        "import sys, numpy, motherlode; motherlode.from_documents([numpy.ones((2, 2), 'f')]);"
        "print([name for name in ('torch', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
