"""Containers and manifests: what is written comes back, and what is damaged is refused by name."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode.core.files import BLOCK_BYTES, HEADER_BYTES, Container, ContainerWriter, read_manifest, write_manifest
from motherlode.errors import DataError, InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A container with a small, an empty and a section of three blocks (two full, one of 5 bytes)."""
    file = tmp_path / "some.lode"
    with ContainerWriter(file) as writer:
        writer.add("small", np.array([1.5, -2.5], np.float32))
        writer.add("empty", np.zeros(0, np.uint16))
        writer.add("large", np.arange(2 * BLOCK_BYTES + 5, dtype=np.uint32).astype(np.uint8))
    return file


def flip(file: Path, offset: int, mask: int = 1) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= mask
    file.write_bytes(data)


def test_sections_come_back_with_names_types_and_values(path: Path) -> None:
    container = Container.open(path)
    assert container.names() == ["small", "empty", "large"]
    assert container.array("small", np.float32).tolist() == [1.5, -2.5]
    assert container.array("empty", np.uint16).size == 0
    assert container.array("large", np.uint8)[-1] == (2 * BLOCK_BYTES + 4) % 256
    assert container.dtype("small") == np.float32
    assert "large" in container
    assert "huge" not in container
    assert container.size_bytes == path.stat().st_size
    container.verify()


def test_arrays_are_read_only_and_sections_aligned(path: Path) -> None:
    container = Container.open(path)
    for name, dtype in (("small", np.float32), ("large", np.uint8)):
        array = container.array(name, dtype)
        assert not array.flags.writeable
        assert array.ctypes.data % 64 == 0


def test_the_header_is_laid_out_as_documented(path: Path) -> None:
    data = path.read_bytes()
    magic, version, n_sections, size, crc = struct.unpack_from("<8sIIQI", data)
    assert (magic, version, n_sections, size) == (b"LODEFILE", 1, 3, len(data))
    assert zlib.crc32(data[:24] + bytes(4) + data[28:4096]) == crc
    name, dtype, offset, length, crc_offset, crc_crc = struct.unpack_from("<24s8sQQQI", data, 28)
    assert (name.rstrip(b"\0"), dtype.rstrip(b"\0"), offset, length) == (b"small", b"f4", 4096, 8)
    assert struct.unpack_from("<I", data, crc_offset)[0] == zlib.crc32(struct.pack("<2f", 1.5, -2.5))
    assert crc_crc == zlib.crc32(data[crc_offset : crc_offset + 4])
    name, _, offset, length, crc_offset, _ = struct.unpack_from("<24s8sQQQI", data, 28 + 2 * 64)
    assert (name.rstrip(b"\0"), length) == (b"large", 2 * BLOCK_BYTES + 5)
    blocks = [data[offset + b * BLOCK_BYTES :][: min(BLOCK_BYTES, length - b * BLOCK_BYTES)] for b in range(3)]
    assert struct.unpack_from("<3I", data, crc_offset) == tuple(zlib.crc32(block) for block in blocks)


def test_a_section_written_in_pieces_is_the_section_written_at_once(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, 3 * BLOCK_BYTES + 77, np.uint8)
    with ContainerWriter(tmp_path / "whole") as writer:
        writer.add("s", values)
    with ContainerWriter(tmp_path / "pieces") as writer, writer.section("s", np.uint8) as section:
        for begin in range(0, len(values), 300_001):
            section.write(values[begin : begin + 300_001])
            section.write(b"")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


def test_slack_belongs_to_the_section(tmp_path: Path) -> None:
    with ContainerWriter(tmp_path / "f") as writer:
        writer.add("s", np.array([7], np.uint8), slack=5)
    assert Container.open(tmp_path / "f").array("s", np.uint8).tolist() == [7, 0, 0, 0, 0, 0]


def test_big_endian_arrays_are_stored_little_endian(tmp_path: Path) -> None:
    with ContainerWriter(tmp_path / "f") as writer:
        writer.add("s", np.array([1, 2, 300], ">i4"))
    assert Container.open(tmp_path / "f").array("s", np.int32).tolist() == [1, 2, 300]


def test_two_dimensional_and_strided_arrays_are_stored_in_order(tmp_path: Path) -> None:
    with ContainerWriter(tmp_path / "f") as writer:
        writer.add("s", np.arange(6, dtype=np.int16).reshape(2, 3).T)
    assert Container.open(tmp_path / "f").array("s", np.int16).tolist() == [0, 3, 1, 4, 2, 5]


def test_a_missing_section_is_named_with_those_that_are_there(path: Path) -> None:
    with pytest.raises(DataError, match=r"'empty', 'large', 'small'.*'absent'"):
        Container.open(path).array("absent", np.uint8)


def test_a_section_of_another_type_is_refused(path: Path) -> None:
    with pytest.raises(DataError, match="f4, 8 bytes"):
        Container.open(path).array("small", np.int32)


def test_verify_names_file_offsets_and_both_crcs_of_a_damaged_block(path: Path) -> None:
    container = Container.open(path)
    begin = container.array("large", np.uint8).ctypes.data - container.array("small", np.float32).ctypes.data + 4096
    for block, offset in enumerate([begin, begin + BLOCK_BYTES + 9, begin + 2 * BLOCK_BYTES + 4]):
        flip(path, offset)
        end = min(begin + (block + 1) * BLOCK_BYTES, begin + 2 * BLOCK_BYTES + 5)
        with pytest.raises(DataError) as caught:
            Container.open(path).verify()
        message = str(caught.value)
        assert str(path) in message
        assert f"'large' is damaged between offsets {begin + block * BLOCK_BYTES} and {end}" in message
        assert str(caught.value.found) in message
        assert str(caught.value.found).startswith("CRC ")
        assert caught.value.found != caught.value.expected
        flip(path, offset)
    Container.open(path).verify()


def test_every_single_bit_of_header_and_section_table_counts(path: Path) -> None:
    for offset in [*range(28 + 3 * 64 + 8), 1000, HEADER_BYTES - 1]:
        flip(path, offset, 1 << offset % 8)
        with pytest.raises(DataError, match=path.name):
            Container.open(path)
        flip(path, offset, 1 << offset % 8)
    Container.open(path)


def test_a_damaged_crc_table_is_found_at_open(path: Path) -> None:
    crc_offset = struct.unpack_from("<Q", path.read_bytes(), 28 + 48)[0]
    flip(path, crc_offset)
    with pytest.raises(DataError, match="CRC table of section 'small'"):
        Container.open(path)


def test_a_truncation_anywhere_is_refused_with_both_sizes(path: Path) -> None:
    data = path.read_bytes()
    entries = [struct.unpack_from("<QQQ", data, 28 + 64 * i + 32) for i in range(3)]
    cuts = {0, 1, 27, 28, HEADER_BYTES - 1, HEADER_BYTES, len(data) - 1}
    for offset, length, crc_offset in entries:
        cuts |= {offset, offset + length, crc_offset, crc_offset + 4}
    cuts |= set(np.random.default_rng(0).integers(0, len(data), 20).tolist())
    for cut in sorted(c for c in cuts if c < len(data)):
        path.write_bytes(data[:cut])
        with pytest.raises(DataError, match=f"found {cut} bytes"):
            Container.open(path)


def test_a_file_with_something_appended_is_refused(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match=f"found {size + 1} bytes, expected {size} bytes"):
        Container.open(path)


def test_a_newer_version_is_refused_by_name(path: Path) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 8, 2)
    struct.pack_into("<I", data, 24, zlib.crc32(data[:24] + bytes(4) + data[28:4096]))
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"newer motherlode; upgrade: found version 2, expected at most 1"):
        Container.open(path)


def test_a_section_that_would_lie_outside_the_file_is_refused_even_with_a_right_header_crc(path: Path) -> None:
    original = path.read_bytes()
    for field, value in ((32, len(original)), (32, 2**63), (32, 0), (40, 2**62), (48, len(original) - 1)):
        data = bytearray(original)
        struct.pack_into("<Q", data, 28 + 2 * 64 + field, value)
        struct.pack_into("<I", data, 24, zlib.crc32(data[:24] + bytes(4) + data[28:4096]))
        path.write_bytes(data)
        with pytest.raises(DataError, match=path.name):
            Container.open(path)


@pytest.mark.parametrize("content", [b"", b"x", b"PK\3\4" + bytes(9000), bytes(HEADER_BYTES)])
def test_what_is_no_container_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(DataError, match="other"):
        Container.open(tmp_path / "other")


def test_a_missing_file_or_a_directory_in_its_place_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("nowhere", "folder"):
        with pytest.raises(DataError, match=f"{name}.*is missing"):
            Container.open(tmp_path / name)


def test_the_crc_of_the_header_changes_with_any_byte_of_data(tmp_path: Path) -> None:
    for value in (1, 2):
        with ContainerWriter(tmp_path / str(value)) as writer:
            writer.add("s", np.array([value], np.uint8))
    first, second = Container.open(tmp_path / "1"), Container.open(tmp_path / "2")
    assert first.crc32 == f"{struct.unpack_from('<I', (tmp_path / '1').read_bytes(), 24)[0]:08x}"
    assert first.crc32 != second.crc32


def test_an_error_while_writing_leaves_no_file(tmp_path: Path) -> None:
    def write() -> None:
        with ContainerWriter(tmp_path / "f") as writer:
            writer.add("s", np.zeros(10))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("precious")
    with pytest.raises(FileExistsError), ContainerWriter(tmp_path / "f"):
        pass
    assert (tmp_path / "f").read_text() == "precious"


def test_a_section_name_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with ContainerWriter(tmp_path / "f") as writer:
        writer.add("n" * 24, np.zeros(1))
        with pytest.raises(InputError, match="24 bytes"):
            writer.add("n" * 25, np.zeros(1))
    assert Container.open(tmp_path / "f").names() == ["n" * 24]


def test_as_many_sections_as_the_header_holds_fit_and_no_more(tmp_path: Path) -> None:
    with ContainerWriter(tmp_path / "f") as writer:
        for i in range(63):
            writer.add(f"s{i}", np.array([i], np.int32))
        with pytest.raises(InputError, match="63 sections"):
            writer.add("one more", np.zeros(1))
    container = Container.open(tmp_path / "f")
    assert [int(container.array(f"s{i}", np.int32)[0]) for i in range(63)] == list(range(63))


CONTENT: dict[str, Any] = {"ü": [1, 2.5, None, True, "\ud800"], "a": {"b": {}}}


def test_a_manifest_comes_back_as_it_went_in(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.json", CONTENT)
    assert read_manifest(tmp_path / "m.json") == CONTENT
    assert (tmp_path / "m.json").read_text(encoding="ascii").endswith("\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.json"]


def test_a_manifest_with_any_character_changed_is_refused_or_means_the_same(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    write_manifest(file, CONTENT)
    text = file.read_bytes()
    refused = 0
    for offset in range(len(text)):
        for byte in (text[offset] ^ 1, text[offset] ^ 0x80, ord("["), ord("9")):
            file.write_bytes(text[:offset] + bytes([byte]) + text[offset + 1 :])
            try:
                assert read_manifest(file) == CONTENT
            except DataError as error:
                assert "m.json" in str(error)
                refused += 1
    assert refused > 2 * len(text)


def test_a_truncated_or_nested_or_foreign_manifest_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    write_manifest(file, CONTENT)
    text = file.read_bytes()
    for content in (*(text[:cut] for cut in range(len(text) - 1)), b"[" * 200_000, b"{}", b"[]", b"null", b"\xff\xfe"):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"m\.json"):
            read_manifest(file)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"m\.json: is missing"):
        read_manifest(tmp_path / "m.json")


def test_a_failing_write_leaves_the_old_manifest(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.json", {"old": 1})
    with pytest.raises(TypeError):
        write_manifest(tmp_path / "m.json", {"new": object()})
    assert read_manifest(tmp_path / "m.json") == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.json"]


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_disk_that_fails_while_the_manifest_is_swapped_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_manifest(tmp_path / "m.json", {"old": 1})

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if step == "replace":
            patch.setattr(Path, "replace", fail)
        else:
            patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            write_manifest(tmp_path / "m.json", {"new": 2})
    assert read_manifest(tmp_path / "m.json") == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.json"]
