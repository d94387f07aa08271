"""What extractors read, kept in the store itself: shared by processes, erased with the document."""

from __future__ import annotations

from motherlode.nuggets.access import StoreAccess

__all__ = ["StoreExtractionCache"]


class StoreExtractionCache:
    """An extraction cache (`llm.ExtractionCache`) in the store's database; `erase` forgets a document's part of it.

    Give it to an extractor: ``LlmExtractor(models, cache=StoreExtractionCache(store))``.
    """

    def __init__(self, store: StoreAccess) -> None:
        self._store = store

    def get(self, key: str) -> str | None:
        """What was kept under a key."""
        with self._store.reading() as session:
            row = session.one("SELECT value FROM nugget_extractions WHERE cache_key = ?", (key,))
        return None if row is None else str(row[0])

    def put(self, key: str, document_id: str, value: str) -> None:
        """Keep a value, as one of a document's."""
        with self._store.database.write() as session:
            session.execute(
                "INSERT INTO nugget_extractions (cache_key, source, value) VALUES (?, ?, ?) "
                "ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, source = excluded.source",
                (key, document_id, value),
            )

    def purge(self, document_id: str) -> int:
        """Forget what was kept for a document; how many values that were."""
        with self._store.database.write() as session:
            keys = [
                row[0]
                for row in session.execute("SELECT cache_key FROM nugget_extractions WHERE source = ?", (document_id,))
            ]
            if keys:
                session.execute("DELETE FROM nugget_extractions WHERE source = ?", (document_id,))
        return len(keys)
