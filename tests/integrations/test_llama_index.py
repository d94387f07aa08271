"""The door to LlamaIndex, with llama-index-core itself. Skipped without it; test_environments.py runs it there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

pytest.importorskip(
    "llama_index.core", reason="LlamaIndex has an environment of its own: tests/integrations/environment.py"
)

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import MetadataMode, NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode

from motherlode.integrations.llama_index import NuggetGovernor, NuggetRetriever
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import NuggetStore
from tests.integrations.governed_world import DISPUTED, JOBS_LINE, MARKED, NEW, OLD, RAIN, make_store


@pytest.fixture
def store() -> Iterator[NuggetStore]:
    with make_store() as made:
        yield made


def nodes(*texts: str) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(text=text, id_=f"n{i}", metadata={"page": i}), score=1 - i / 10)
        for i, text in enumerate(texts)
    ]


def test_the_retriever_answers_with_facts_as_nodes(store: NuggetStore) -> None:
    retriever = NuggetRetriever(store, k=1)
    assert isinstance(retriever, BaseRetriever)
    [found] = retriever.retrieve("Who was CEO of Apple in 2005?")
    assert found.node.get_content(metadata_mode=MetadataMode.LLM) == JOBS_LINE
    assert found.node.node_id == found.node.metadata["id"]
    assert found.node.metadata["source"] == "biography"
    assert found.score is not None
    assert found.score > 0
    assert asyncio.run(retriever.aretrieve("Who was CEO of Apple in 2005?"))[0].node.metadata["object"] == "Steve Jobs"
    [found] = NuggetRetriever(store, k=1, valid_at="2012").retrieve("Who was CEO of Apple?")
    assert found.node.metadata["object"] == "Tim Cook"


def test_the_governor_drops_marks_and_leaves_alone(store: NuggetStore) -> None:
    governor = NuggetGovernor(store=store)
    assert isinstance(governor, BaseNodePostprocessor)
    given = nodes(RAIN, OLD, DISPUTED, NEW)
    kept = governor.postprocess_nodes(given, query_str="Who is CEO?")
    assert [one.node.get_content() for one in kept] == [RAIN, MARKED, NEW]
    assert kept[0] is given[0]
    assert (kept[1].node.node_id, kept[1].score, kept[1].node.metadata["page"]) == ("n2", 0.8, 2)
    assert kept[1].node.metadata["governance"]["action"] == "marked"
    assert kept[1].node.get_content(metadata_mode=MetadataMode.LLM) == f"page: 2\n\n{MARKED}"
    assert given[2].node.get_content() == DISPUTED  # a copy was changed
    again = asyncio.run(governor.apostprocess_nodes(given, query_str="Who is CEO?"))
    assert [one.node.get_content() for one in again] == [RAIN, MARKED, NEW]
    assert [one.node.node_id for one in governor.postprocess_nodes(given, query_str="CEO in 2005?")] == [
        "n0", "n1", "n2", "n3",
    ]  # fmt: skip
    assert len(governor.postprocess_nodes(given)) == 3


def test_the_document_of_a_node_is_its_source(store: NuggetStore) -> None:
    said = Claim("Initech", "ceo", "Max", source="page", text="He is it.", span=(0, 9))
    store.ingest(Document("page", "He is it.", version=1), claims=[said])
    store.ingest(Document("page", "No more.", version=2), claims=[])
    node = TextNode(text="He is it.")
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="page")
    assert NuggetGovernor(store=store).postprocess_nodes([NodeWithScore(node=node)]) == []


def test_the_store_stays_out_of_what_is_serialised(store: NuggetStore) -> None:
    plain = NuggetGovernor(store=store, strict=True).to_dict()
    assert plain["class_name"] == "NuggetGovernor"
    assert plain["strict"] is True
    assert "store" not in plain
