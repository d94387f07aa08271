"""LlamaIndex: a retriever over a nugget store, and a node postprocessor that governs what another retriever found.

``pip install llama-index-core``; nothing else of LlamaIndex is needed.
"""

from __future__ import annotations

from typing import Any

from motherlode import Passage, govern, hit_passage
from motherlode.errors import UnsupportedError

try:
    from llama_index.core.bridge.pydantic import Field
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
except ImportError as error:
    raise UnsupportedError(
        f"llama-index-core cannot be imported ({error}); it comes with: pip install 'llama-index-core>=0.14'"
    ) from error

__all__ = ["NuggetGovernor", "NuggetRetriever"]

_GOVERNANCE = "governance"


class NuggetRetriever(BaseRetriever):
    """Answers of a nugget store as nodes: a fact each, with its times, state and evidence as metadata.

    store: of `open_nuggets`. k: answers at most. valid_at, known_at: as for `ask`; by default the question's own date.
    Metadata stay out of what models read: the text says it all.
    """

    def __init__(self, store: Any, k: int = 10, valid_at: Any = None, known_at: Any = None, **options: Any) -> None:
        self._store, self._k, self._valid_at, self._known_at = store, k, valid_at, known_at
        super().__init__(**options)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._store.ask(query_bundle.query_str, valid_at=self._valid_at, known_at=self._known_at, k=self._k)
        found = []
        for hit in hits:
            passage = hit_passage(hit)
            hidden = list(passage.metadata)
            node = TextNode(
                text=passage.text,
                id_=passage.id,
                metadata=dict(passage.metadata),
                excluded_llm_metadata_keys=hidden,
                excluded_embed_metadata_keys=hidden,
            )
            found.append(NodeWithScore(node=node, score=hit.score))
        return found


class NuggetGovernor(BaseNodePostprocessor):
    """Drops superseded nodes and marks contested ones; the others are returned as they are, in their order.

    store: of `open_nuggets`. at: the asked time; by default the query's own, else now. The other fields are the
    arguments of `govern`. A changed node is a copy with ``governance`` in its metadata: verdict, action, notes.
    """

    store: Any = Field(exclude=True, repr=False)
    at: Any = None
    known_at: Any = None
    drop: tuple[str, ...] = ("superseded", "deprecated")
    mark: tuple[str, ...] = ("contested",)
    strict: bool = False
    prefix: str = "[DISPUTED]"
    extractor: Any = Field(default=None, exclude=True, repr=False)

    @classmethod
    def class_name(cls) -> str:
        """Its name in serialised pipelines."""
        return "NuggetGovernor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = None if query_bundle is None else query_bundle.query_str
        kept = govern(
            self.store, [_passage(node) for node in nodes], query, self.at, self.drop, self.mark,
            known_at=self.known_at, extractor=self.extractor, strict=self.strict, prefix=self.prefix,
        )  # fmt: skip
        return [
            nodes[one.position] if one.action == "kept" else _changed(nodes[one.position], one.text, one.governance)
            for one in kept
        ]


def _passage(scored: NodeWithScore) -> Passage:
    node = scored.node
    metadata = dict(node.metadata)
    if node.ref_doc_id:
        metadata.setdefault("ref_doc_id", node.ref_doc_id)
    text = node.get_content(metadata_mode=MetadataMode.NONE)
    return Passage(text, node.node_id, metadata.get("published_at"), metadata)


def _changed(scored: NodeWithScore, text: str, governance: dict[str, Any]) -> NodeWithScore:
    node = scored.node.model_copy(deep=True)
    node.set_content(text)
    node.metadata[_GOVERNANCE] = governance
    node.excluded_llm_metadata_keys = [*node.excluded_llm_metadata_keys, _GOVERNANCE]
    node.excluded_embed_metadata_keys = [*node.excluded_embed_metadata_keys, _GOVERNANCE]
    return NodeWithScore(node=node, score=scored.score)
