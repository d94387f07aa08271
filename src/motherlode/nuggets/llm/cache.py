"""What was paid for once: answers kept by text, date and extractor, and purged with the document that they quote."""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from motherlode.core.files import sync_directory
from motherlode.nuggets.record import digest

__all__ = ["ExtractionCache", "FileExtractionCache", "MemoryExtractionCache"]


class ExtractionCache(Protocol):
    """Keeps text under a key; every entry belongs to the document that it was made from, for erasure."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, document_id: str, value: str) -> None: ...
    def purge(self, document_id: str) -> int:
        """Forgets what was put for a document; how many entries that were."""
        ...


class MemoryExtractionCache:
    """Keeps answers as long as the process lives."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._keys_of: defaultdict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        return self._values.get(key)

    def put(self, key: str, document_id: str, value: str) -> None:
        with self._lock:
            self._values[key] = value
            self._keys_of[document_id].add(key)

    def purge(self, document_id: str) -> int:
        with self._lock:
            keys = self._keys_of.pop(document_id, set())
            return sum(self._values.pop(key, None) is not None for key in keys)


class FileExtractionCache:
    """Keeps answers in a folder, one JSON file for each, which several processes may share.

    ``answers/KEY.json`` holds an answer; ``documents/DIGEST/KEY``, an empty file written before it, says whose it is,
    so that a crash between the two leaves nothing that `purge` would miss. Files appear whole, by a rename. A file that
    is damaged is a miss. Names of documents are not in names of files.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def get(self, key: str) -> str | None:
        try:
            entry = json.loads(self._answer(key).read_text("utf-8"))
            value = entry["value"]
            return value if isinstance(value, str) and entry["digest"] == digest(value) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, document_id: str, value: str) -> None:
        mark = self._document(document_id) / key
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        sync_directory(mark.parent)
        path = self._answer(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{key}.{uuid4().hex}.tmp")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                json.dump({"digest": digest(value), "value": value}, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def purge(self, document_id: str) -> int:
        marks = self._document(document_id)
        if not marks.is_dir():
            return 0
        n_purged = 0
        for mark in list(marks.iterdir()):
            answers = [self._answer(mark.name), *self._answers.glob(f".{mark.name}.*.tmp")]
            n_purged += answers[0].exists()
            for path in answers:
                path.unlink(missing_ok=True)
            mark.unlink(missing_ok=True)
        marks.rmdir()
        if self._answers.is_dir():
            sync_directory(self._answers)
        return n_purged

    @property
    def _answers(self) -> Path:
        return self.folder / "answers"

    def _answer(self, key: str) -> Path:
        return self._answers / f"{key}.json"

    def _document(self, document_id: str) -> Path:
        return self.folder / "documents" / digest(document_id)
