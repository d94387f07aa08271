"""Haystack: a retriever component over a nugget store, and a component that governs what another retriever found.

``pip install haystack-ai``. Loading a serialised pipeline with them needs
``Pipeline.load(…, allowed_modules=["motherlode.integrations.haystack"])``.
"""

# Haystack reads the annotations of run(…) as objects, so they must not be postponed.

from dataclasses import replace
from typing import Any

from motherlode import govern, hit_passage, open_nuggets
from motherlode.errors import InputError, UnsupportedError

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.utils import Secret
except ImportError as error:
    raise UnsupportedError(
        f"haystack-ai cannot be imported ({error}); it comes with: pip install 'haystack-ai>=3.0'"
    ) from error

__all__ = ["NuggetGovernor", "NuggetRetriever"]


class _Place:
    """A store that is given, or where to find one: opened at first use, and named when the component is serialised."""

    def __init__(self, store: Any, where: str | Secret | None) -> None:
        if (store is None) == (where is None):
            raise InputError("give store= (of open_nuggets) or where= (its file or URL, or a Secret with it), not both")
        self.where = where
        self._store = store

    @property
    def store(self) -> Any:
        """The store, opened if need be."""
        if self._store is None:
            where: Any = self.where.resolve_value() if isinstance(self.where, Secret) else self.where
            self._store = open_nuggets(where, create=False)
        return self._store

    def to_init(self) -> str | dict[str, Any]:
        """What ``where`` is in a serialised component; a URL may hold a password and is only named by a Secret."""
        if isinstance(self.where, Secret):
            return self.where.to_dict()
        where = str(self.store.database.where) if self.where is None else self.where
        if where == ":memory:" or "://" in where:
            raise InputError(
                "a store in memory or at a URL cannot be named in a serialised pipeline; give the component "
                'where=Secret.from_env_var("…"), with the file or URL in that variable'
            )
        return where


@component
class NuggetRetriever:
    """Answers of a nugget store as documents: a fact each, with its times, state and evidence in ``meta``.

    store: of `open_nuggets`, or where: its file, or a Secret with its file or URL; opened by ``warm_up`` or the first
        run. top_k: answers at most. valid_at, known_at: as for `ask`; by default the question's own date
    """

    def __init__(
        self,
        store: Any = None,
        where: str | Secret | None = None,
        top_k: int = 10,
        valid_at: str | None = None,
        known_at: str | None = None,
    ) -> None:
        self._place = _Place(store, where)
        self.top_k, self.valid_at, self.known_at = top_k, valid_at, known_at

    def warm_up(self) -> None:
        """Open the store."""
        _ = self._place.store

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, for `from_dict`."""
        return default_to_dict(
            self, where=self._place.to_init(), top_k=self.top_k, valid_at=self.valid_at, known_at=self.known_at
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NuggetRetriever":
        """The component that `to_dict` described."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, top_k: int | None = None, valid_at: str | None = None, known_at: str | None = None
    ) -> dict[str, list[Document]]:
        """Answer a question; arguments win over the component's own."""
        hits = self._place.store.ask(
            query,
            valid_at=self.valid_at if valid_at is None else valid_at,
            known_at=self.known_at if known_at is None else known_at,
            k=self.top_k if top_k is None else top_k,
        )
        documents = []
        for hit in hits:
            passage = hit_passage(hit)
            meta = dict(passage.metadata)
            documents.append(Document(id=passage.id or "", content=passage.text, meta=meta, score=hit.score))
        return {"documents": documents}


@component
class NuggetGovernor:
    """Drops superseded documents and marks contested ones; the others are returned as they are, in their order.

    store or where: as for `NuggetRetriever`. at: the asked time; by default the query's own, else now. The other
    arguments are those of `govern`. A changed document has ``governance`` in its meta: verdict, action, notes.
    """

    def __init__(
        self,
        store: Any = None,
        where: str | Secret | None = None,
        at: str | None = None,
        known_at: str | None = None,
        drop: list[str] | None = None,
        mark: list[str] | None = None,
        strict: bool = False,
        prefix: str = "[DISPUTED]",
        extractor: Any = None,
    ) -> None:
        self._place = _Place(store, where)
        self.at, self.known_at, self.strict, self.prefix, self.extractor = at, known_at, strict, prefix, extractor
        self.drop = ["superseded", "deprecated"] if drop is None else list(drop)
        self.mark = ["contested"] if mark is None else list(mark)

    def warm_up(self) -> None:
        """Open the store."""
        _ = self._place.store

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, for `from_dict`; an extractor cannot be described."""
        if self.extractor is not None:
            raise InputError("an extractor cannot be named in a serialised pipeline; set it after loading")
        return default_to_dict(
            self, where=self._place.to_init(), at=self.at, known_at=self.known_at, drop=self.drop, mark=self.mark,
            strict=self.strict, prefix=self.prefix,
        )  # fmt: skip

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NuggetGovernor":
        """The component that `to_dict` described."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(
        self, documents: list[Document], query: str | None = None, at: str | None = None
    ) -> dict[str, list[Document]]:
        """The documents that should reach the reader; those without text stay as they are."""
        read = [one for one in documents if one.content is not None]
        kept = govern(
            self._place.store, read, query, self.at if at is None else at, self.drop, self.mark,
            known_at=self.known_at, extractor=self.extractor, strict=self.strict, prefix=self.prefix,
        )  # fmt: skip
        governed = {
            id(one.passage): one.passage
            if one.action == "kept"
            else replace(one.passage, content=one.text, meta={**one.passage.meta, "governance": one.governance})
            for one in kept
        }
        found = [one if one.content is None else governed.get(id(one)) for one in documents]
        return {"documents": [one for one in found if one is not None]}
