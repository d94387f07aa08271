"""A building site beside an index: documents and their token vectors on disk, continued after an interruption.

Files in ``<index>.building/``: ``spool.json`` (what this build is, swapped atomically), ``<name>.bytes`` and
``<name>.lengths`` for ids, titles, texts and metadata (JSON), ``vectors.bin``, ``lengths.bin`` (int32, tokens of each
document), ``token_ids.bin``, ``arrays/*.npy`` (of the encoder) and ``commits.bin``. Data files only grow. A commit
syncs them and then appends one record with their sizes and a CRC; opening goes back to the last whole record and cuts
off what a killed process wrote after it. Nothing here outlives the build, so the format may change with any version.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import read_manifest, write_manifest
from motherlode.core.ports import TokenVectors
from motherlode.errors import ConflictError, DataError, InputError
from motherlode.retrieval.metadata.values import packed_row, unpacked_row
from motherlode.retrieval.texts import TextList

__all__ = ["Spool", "open_spool", "spool_path", "unfinished_build"]

_logger = logging.getLogger("motherlode.retrieval.spool")
_FORMAT = 2
_STATE = "spool.json"
_COMMIT = struct.Struct("<QQI")  # documents with vectors, tokens, CRC-32 of the two
_TEXT_NAMES = ("ids", "titles", "texts", "metadata")


def spool_path(path: str | os.PathLike[str]) -> Path:
    """Where the building site of the index at ``path`` stands: beside it, so that the rename at the end is one."""
    target = Path(path)
    return target.with_name(f"{target.name}.building")


def unfinished_build(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """(documents encoded, documents in all) of the build that stands beside ``path``; None where there is none."""
    folder = spool_path(path)
    state = _read_state(folder)
    if state is None or not state["sealed"]:
        return None
    return _last_commit(folder)[0], int(state["sealed"]["n_docs"])


def open_spool(folder: Path, fingerprint: Mapping[str, Any], *, replace_other: bool = False) -> Spool:
    """Continue the build in ``folder``, or begin one.

    fingerprint: JSON values that say what is built (encoder, sources, options); the same ones continue
    replace_other: throw another build away instead of refusing

    Errors: ConflictError where another build stands there, naming what differs, or where a process works on it now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = _locked(folder)
    try:
        state = _read_state(folder)
        wanted = json.loads(json.dumps(fingerprint))
        if state is not None and state["fingerprint"] != wanted and replace_other:
            state = None
        if state is not None and state["fingerprint"] != wanted:
            found = state["fingerprint"]
            differing = [k for k in {**found, **wanted} if found.get(k) != wanted.get(k)]
            raise ConflictError(
                f"{folder} holds an unfinished build with other {' and '.join(differing) or 'settings'}: finish it "
                "with what it was started with, or start anew with overwrite=True."
            )
        if state is None or not state["sealed"]:
            _clear(folder)
            state = {"format": _FORMAT, "fingerprint": wanted, "sealed": None, "vectors": None, "arrays": []}
        return Spool(folder, state, lock)
    except BaseException:
        lock.close()
        raise


class Spool:
    """An open building site; made by ``open_spool``, used from one thread, a context manager."""

    def __init__(self, folder: Path, state: dict[str, Any], lock: IO[bytes]) -> None:
        self.folder = folder
        self._state = state
        self._lock = lock
        self._files: dict[str, IO[bytes]] = {}
        self.n_docs = int(state["sealed"]["n_docs"]) if state["sealed"] else 0
        self.n_encoded = 0
        self.n_tokens = 0
        if state["sealed"] and state["vectors"]:
            try:
                self._go_back_to_last_commit()
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_sealed(self) -> bool:
        """Whether all documents are in; their vectors may still be missing."""
        return self._state["sealed"] is not None

    def add_documents(
        self,
        ids: Sequence[str],
        titles: Sequence[str],
        texts: Sequence[str],
        metadata: Sequence[Mapping[str, Any] | None] = (),
    ) -> None:
        """Append documents; those of an unsealed spool are forgotten when the process dies.

        Raises InputError, naming the document, for metadata that a column cannot keep.
        """
        rows = [packed_row(row, name) for row, name in zip(metadata or [None] * len(ids), ids, strict=True)]
        for name, values in zip(_TEXT_NAMES, (ids, titles, texts, rows), strict=True):
            encoded = [value.encode("utf-8", errors="replace") for value in values]
            self._file(f"{name}.bytes").write(b"".join(encoded))
            self._file(f"{name}.lengths").write(np.array([len(b) for b in encoded], dtype=np.int32).tobytes())
        self.n_docs += len(ids)

    def seal_documents(self) -> None:
        """All documents are in and on disk: from here on the build continues after an interruption."""
        self._sync([f"{name}.{part}" for name in _TEXT_NAMES for part in ("bytes", "lengths")])
        self._state["sealed"] = {"n_docs": self.n_docs}
        self._write_state()

    def store_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep small arrays of the encoder, so that a continued build encodes alike."""
        folder = self.folder / "arrays"
        folder.mkdir(exist_ok=True)
        for name, array in arrays.items():
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                _sync_file(file)
        self._state["arrays"] = sorted(arrays)
        if self.is_sealed:
            self._write_state()

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What ``store_arrays`` kept."""
        folder = self.folder / "arrays"
        return {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in self._state["arrays"]}

    def append_vectors(self, batch: TokenVectors, dtype: np.dtype[Any] | None = None) -> None:
        """Append the vectors of the next documents, kept as ``dtype`` (that of the first batch when None).

        Refused: another dim than before, NaN or infinite values; the message names the document.
        """
        vectors = np.ascontiguousarray(batch.vectors)
        if self._state["vectors"] is None:
            if vectors.dtype not in (np.float16, np.float32):
                raise InputError(f"vectors are {vectors.dtype}, expected float16 or float32.")
            self._state["vectors"] = {
                "dim": int(vectors.shape[1]),
                "dtype": np.dtype(dtype or vectors.dtype).name,
                "token_ids": batch.token_ids is not None,
            }
            if self.is_sealed:
                self._write_state()
        self._check(vectors, batch)
        lengths = np.diff(batch.offsets).astype(np.int32)
        self._file("vectors.bin").write(vectors.astype(self._state["vectors"]["dtype"], copy=False).tobytes())
        self._file("lengths.bin").write(lengths.tobytes())
        if batch.token_ids is not None:
            self._file("token_ids.bin").write(np.ascontiguousarray(batch.token_ids, dtype=np.int32).tobytes())
        self.n_encoded += len(lengths)
        self.n_tokens += len(vectors)

    def commit(self) -> None:
        """What was appended is on disk and survives ``kill -9`` and a power cut."""
        self._sync(["vectors.bin", "lengths.bin", "token_ids.bin"])
        record = struct.pack("<QQ", self.n_encoded, self.n_tokens)
        file = self._file("commits.bin")
        file.write(record + struct.pack("<I", zlib.crc32(record)))
        _sync_file(file)

    @property
    def ids(self) -> TextList:
        return self._texts("ids")

    @property
    def titles(self) -> TextList:
        return self._texts("titles")

    @property
    def texts(self) -> TextList:
        return self._texts("texts")

    def metadata(self) -> Iterator[dict[str, Any]]:
        """One dict for each document, in order; nothing where no document has any."""
        rows = self._texts("metadata")
        return map(unpacked_row, rows) if rows.size_bytes else iter(())

    @property
    def vectors(self) -> NDArray[Any]:
        """[n_tokens, dim], memory-mapped."""
        state = self._state["vectors"] or {"dim": 1, "dtype": "float16"}
        return self._mapped("vectors.bin", np.dtype(state["dtype"])).reshape(-1, state["dim"])[: self.n_tokens]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """int64 [n_encoded + 1]."""
        lengths = self._mapped("lengths.bin", np.dtype(np.int32))[: self.n_encoded]
        return _offsets(lengths)

    @property
    def token_ids(self) -> NDArray[np.int32] | None:
        if not (self._state["vectors"] and self._state["vectors"]["token_ids"]):
            return None
        return self._mapped("token_ids.bin", np.dtype(np.int32))[: self.n_tokens]

    def close(self) -> None:
        """Close the files and let others in; what was committed stays."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._lock.close()

    def delete(self) -> None:
        """Close, and remove the building site."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self, vectors: NDArray[Any], batch: TokenVectors) -> None:
        state = self._state["vectors"]
        if vectors.ndim != 2 or vectors.shape[1] != state["dim"]:
            raise InputError(
                f"vectors have shape {vectors.shape} from document {self.n_encoded} on, expected [n, {state['dim']}]."
            )
        if (batch.token_ids is not None) != state["token_ids"]:
            raise InputError("token ids came with some documents and not with others: give all or none.")
        if int(batch.offsets[-1]) != len(vectors) or (
            batch.token_ids is not None and len(batch.token_ids) != len(vectors)
        ):
            n_ids = "no" if batch.token_ids is None else len(batch.token_ids)
            raise InputError(
                f"{len(vectors)} vectors, {n_ids} token ids and offsets up to {int(batch.offsets[-1])} came together "
                f"from document {self.n_encoded} on: they must agree."
            )
        with np.errstate(over="ignore"):
            finite = np.isfinite(vectors.astype(state["dtype"], copy=False)).all(axis=1)
        if not finite.all():
            row = int(np.argmin(finite))
            position = self.n_encoded + int(np.searchsorted(batch.offsets, row, side="right")) - 1
            raise InputError(
                f"document {position} has a NaN or infinite value (or one beyond {state['dtype']}) in token "
                f"{row - int(batch.offsets[position - self.n_encoded])}: vectors must be finite."
            )

    def _go_back_to_last_commit(self) -> None:
        self.n_encoded, self.n_tokens, n_records = _last_commit(self.folder)
        state = self._state["vectors"]
        row_bytes = state["dim"] * np.dtype(state["dtype"]).itemsize
        sizes = {
            "vectors.bin": self.n_tokens * row_bytes,
            "lengths.bin": self.n_encoded * 4,
            "token_ids.bin": self.n_tokens * 4 if state["token_ids"] else 0,
            "commits.bin": n_records * _COMMIT.size,
        }
        for name, size in sizes.items():
            file = self._file(name)
            found = os.fstat(file.fileno()).st_size
            if found < size:
                raise DataError(
                    f"{self.folder / name} has {found} bytes, but {size} were committed: the unfinished build is "
                    "damaged. Start anew with overwrite=True.",
                    path=str(self.folder / name),
                    found=found,
                    expected=size,
                )
            file.truncate(size)
            file.seek(size)
        _logger.info("continuing %s after %d of %d documents", self.folder, self.n_encoded, self.n_docs)

    def _file(self, name: str) -> IO[bytes]:
        if name not in self._files:
            self._files[name] = (self.folder / name).open("ab")
        return self._files[name]

    def _sync(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._files:
                _sync_file(self._files[name])

    def _texts(self, name: str) -> TextList:
        lengths = self._mapped(f"{name}.lengths", np.dtype(np.int32))
        return TextList(_offsets(lengths), self._mapped(f"{name}.bytes", np.dtype(np.uint8)), name)

    def _mapped(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        if name in self._files:
            self._files[name].flush()
        path = self.folder / name
        n_items = path.stat().st_size // dtype.itemsize if path.exists() else 0
        # An empty file cannot be mapped.
        return np.memmap(path, dtype=dtype, mode="r", shape=(n_items,)) if n_items else np.empty(0, dtype)

    def _write_state(self) -> None:
        write_manifest(self.folder / _STATE, self._state)


def _last_commit(folder: Path) -> tuple[int, int, int]:
    """(documents, tokens, number of whole records)."""
    path = folder / "commits.bin"
    content = path.read_bytes() if path.exists() else b""
    last = (0, 0, 0)
    for at in range(0, len(content) - _COMMIT.size + 1, _COMMIT.size):
        n_encoded, n_tokens, crc = _COMMIT.unpack_from(content, at)
        if zlib.crc32(content[at : at + 16]) != crc:
            break
        last = (n_encoded, n_tokens, last[2] + 1)
    return last


def _offsets(lengths: NDArray[Any]) -> NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _sync_file(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _read_state(folder: Path) -> dict[str, Any] | None:
    """What ``spool.json`` says; None where there is none that this version could continue."""
    try:
        state = read_manifest(folder / _STATE)
    except DataError:
        return None
    return state if state.get("format") == _FORMAT else None


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()


def _locked(folder: Path) -> IO[bytes]:
    """Hold the building site; the system lets go when the process ends, however it ends."""
    lock = (folder / "lock").open("ab")
    try:
        import fcntl
    except ImportError:
        return lock  # Windows: no advisory locks in the standard library's portable part
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConflictError(
            f"another process is building in {folder}: wait for it, or choose another target."
        ) from error
    return lock
