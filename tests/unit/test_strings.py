"""String columns: every string comes back, and a damaged column stays inside itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motherlode.core.files import Container, ContainerWriter
from motherlode.core.strings import StringColumn, write_strings
from motherlode.errors import InputError

VALUES = ["", "a", "zwei ü", "\U0001f600", "", "\ud800", "\udfff\ud800", "\0", "line\nline", "x" * 70_000, ""]


def column(path: Path, values: list[str]) -> StringColumn:
    with ContainerWriter(path) as writer:
        write_strings(writer, "names", values)
    return StringColumn(Container.open(path), "names")


def raw_column(path: Path, data: bytes, offsets: list[int]) -> StringColumn:
    with ContainerWriter(path) as writer:
        writer.add("names.bytes", np.frombuffer(data, np.uint8))
        writer.add("names.offsets", np.array(offsets, np.uint64))
    return StringColumn(Container.open(path), "names")


def test_every_string_comes_back_also_empty_ones_and_lone_surrogates(tmp_path: Path) -> None:
    stored = column(tmp_path / "f", VALUES)
    assert len(stored) == len(VALUES)
    assert list(stored) == VALUES
    assert [stored[i] for i in range(len(VALUES))] == VALUES


def test_a_column_is_indexed_and_sliced_like_a_list(tmp_path: Path) -> None:
    stored = column(tmp_path / "f", VALUES)
    assert stored[-3] == VALUES[-3]
    assert stored[1:8:3] == VALUES[1:8:3]
    assert stored[::-1] == VALUES[::-1]
    assert stored[100:] == []
    assert "zwei ü" in stored
    assert stored.index("\ud800") == 5
    for outside in (len(VALUES), -len(VALUES) - 1):
        with pytest.raises(IndexError, match=f"{outside} of {len(VALUES)}"):
            stored[outside]


def test_no_strings_are_a_column_of_none(tmp_path: Path) -> None:
    assert list(column(tmp_path / "f", [])) == []


def test_strings_of_more_than_one_buffer_come_back(tmp_path: Path) -> None:
    values = [f"{i} " + "y" * 5000 for i in range(700)]  # 3.5 MB
    assert list(column(tmp_path / "f", values)) == values


def test_what_is_no_string_is_refused_with_its_position(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names: None at position 1"):
        column(tmp_path / "f", ["a", None])  # type: ignore[list-item]
    assert not (tmp_path / "f").exists()


def test_bytes_that_are_no_text_read_as_replacement_characters(tmp_path: Path) -> None:
    assert raw_column(tmp_path / "f", b"ok\xff\xfe", [0, 2, 4])[:] == ["ok", "\ufffd\ufffd"]


def test_offsets_that_fall_or_lead_outside_read_what_there_is(tmp_path: Path) -> None:
    stored = raw_column(tmp_path / "f", b"abcdef", [4, 2, 2**64 - 1, 2**63, 6])
    assert stored[:] == ["", "cdef", "", ""]
    assert len(raw_column(tmp_path / "g", b"", [])) == 0
