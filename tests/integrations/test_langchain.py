"""The door to LangChain, with langchain-core itself. Skipped without it; test_environments.py runs it there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

pytest.importorskip(
    "langchain_core", reason="LangChain has an environment of its own: tests/integrations/environment.py"
)

from langchain_core.documents import BaseDocumentCompressor, BaseDocumentTransformer, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from motherlode.integrations.langchain import NuggetGovernor, NuggetRetriever
from motherlode.nuggets.store import NuggetStore
from tests.integrations.governed_world import DISPUTED, JOBS_LINE, MARKED, NEW, OLD, RAIN, make_store


@pytest.fixture
def store() -> Iterator[NuggetStore]:
    with make_store() as made:
        yield made


def test_the_retriever_answers_with_facts_as_documents(store: NuggetStore) -> None:
    retriever = NuggetRetriever(store=store, k=1)
    assert isinstance(retriever, BaseRetriever)
    [document] = retriever.invoke("Who was CEO of Apple in 2005?")
    assert document.page_content == JOBS_LINE
    assert document.id == document.metadata["id"]
    assert document.metadata["source"] == "biography"
    assert document.metadata["certainty"] == "certain"
    [document] = NuggetRetriever(store=store, k=1, valid_at="2012").invoke("Who was CEO of Apple?")
    assert document.metadata["object"] == "Tim Cook"
    [[document]] = retriever.batch(["Who was CEO of Apple in 2005?"])
    assert document.page_content == JOBS_LINE
    [document] = asyncio.run(retriever.ainvoke("Who was CEO of Apple in 2005?"))
    assert document.page_content == JOBS_LINE


def test_the_governor_drops_marks_and_leaves_alone(store: NuggetStore) -> None:
    governor = NuggetGovernor(store=store)
    assert isinstance(governor, BaseDocumentCompressor)
    texts = [RAIN, OLD, DISPUTED, NEW]
    given = [Document(page_content=text, id=f"d{i}", metadata={"page": i}) for i, text in enumerate(texts)]
    kept = governor.compress_documents(given, "Who is CEO?")
    assert [document.page_content for document in kept] == [RAIN, MARKED, NEW]
    assert kept[0] is given[0]
    assert kept[2] is given[3]
    assert (kept[1].id, kept[1].metadata["page"]) == ("d2", 2)
    assert kept[1].metadata["governance"]["verdict"] == "contested"
    assert given[2].page_content == DISPUTED  # a copy was changed
    assert asyncio.run(governor.acompress_documents(given, "Who is CEO?")) == kept
    assert [d.page_content for d in governor.compress_documents(given, "Who was CEO in 2005?")][1] == OLD


def test_the_governor_is_a_transformer_and_part_of_a_chain(store: NuggetStore) -> None:
    governor = NuggetGovernor(store=store, at="2005", drop=("future",))
    assert isinstance(governor, BaseDocumentTransformer)
    given = [Document(page_content=text) for text in (OLD, NEW)]
    assert [document.page_content for document in governor.transform_documents(given)] == [OLD]
    chain = RunnableLambda(lambda _: given) | RunnableLambda(governor.transform_documents)
    assert [document.page_content for document in chain.invoke("anything")] == [OLD]


def test_what_the_retriever_found_passes_the_governor(store: NuggetStore) -> None:
    found = NuggetRetriever(store=store).invoke("Who was CEO of Apple in 2005?")
    kept = NuggetGovernor(store=store).compress_documents(found, "Who was CEO of Apple in 2005?")
    assert kept[0].page_content == JOBS_LINE


def test_the_store_stays_out_of_what_is_shown(store: NuggetStore) -> None:
    assert "store" not in NuggetRetriever(store=store).model_dump()
    assert "NuggetStore" not in repr(NuggetGovernor(store=store))
