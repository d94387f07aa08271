"""LangChain: a retriever over a nugget store, and a document compressor that governs what another retriever found.

``pip install langchain-core``; nothing else of LangChain is needed. Wrap a retriever with langchain's
``ContextualCompressionRetriever(base_compressor=NuggetGovernor(store=…), base_retriever=…)``, or pipe the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motherlode import govern, hit_passage
from motherlode.errors import UnsupportedError

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
    from langchain_core.documents import BaseDocumentCompressor, BaseDocumentTransformer, Document
    from langchain_core.retrievers import BaseRetriever
    from pydantic import ConfigDict, Field
except ImportError as error:
    raise UnsupportedError(
        f"langchain-core cannot be imported ({error}); it comes with: pip install 'langchain-core>=1.0'"
    ) from error

__all__ = ["NuggetGovernor", "NuggetRetriever"]


class NuggetRetriever(BaseRetriever):
    """Answers of a nugget store as documents: a fact each, with its times, state and evidence as metadata.

    store: of `open_nuggets`. k: answers at most. valid_at, known_at: as for `ask`; by default the question's own date
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    store: Any = Field(exclude=True, repr=False)
    k: int = 10
    valid_at: Any = None
    known_at: Any = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        hits = self.store.ask(query, valid_at=self.valid_at, known_at=self.known_at, k=self.k)
        found = map(hit_passage, hits)
        return [Document(page_content=one.text, id=one.id, metadata=dict(one.metadata)) for one in found]


class NuggetGovernor(BaseDocumentCompressor, BaseDocumentTransformer):
    """Drops superseded documents and marks contested ones; the others are returned as they are, in their order.

    store: of `open_nuggets`. at: the asked time; by default the query's own, else now. The other fields are the
    arguments of `govern`. A changed document has ``governance`` in its metadata: verdict, action, notes.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    store: Any = Field(exclude=True, repr=False)
    at: Any = None
    known_at: Any = None
    drop: tuple[str, ...] = ("superseded", "deprecated")
    mark: tuple[str, ...] = ("contested",)
    strict: bool = False
    prefix: str = "[DISPUTED]"
    extractor: Any = Field(default=None, exclude=True, repr=False)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """The documents that should reach the reader of an answer to a query."""
        return self._governed(documents, query)

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> Sequence[Document]:
        """The same without a query: every fact of a document counts. ``query`` may be given by name."""
        return self._governed(documents, kwargs.get("query"))

    def _governed(self, documents: Sequence[Document], query: str | None) -> list[Document]:
        kept = govern(
            self.store, documents, query, self.at, self.drop, self.mark,
            known_at=self.known_at, extractor=self.extractor, strict=self.strict, prefix=self.prefix,
        )  # fmt: skip
        return [
            one.passage
            if one.action == "kept"
            else one.passage.model_copy(
                update={"page_content": one.text, "metadata": {**one.passage.metadata, "governance": one.governance}}
            )
            for one in kept
        ]
