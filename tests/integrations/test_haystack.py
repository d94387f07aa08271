"""The door to Haystack, with haystack-ai itself. Skipped without it; test_environments.py runs it there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # before it is imported: that is when it asks
pytest.importorskip("haystack", reason="Haystack has an environment of its own: tests/integrations/environment.py")

from haystack import Document, Pipeline
from haystack.utils import Secret

from motherlode import InputError
from motherlode.integrations.haystack import NuggetGovernor, NuggetRetriever
from motherlode.nuggets.store import NuggetStore
from tests.integrations.governed_world import DISPUTED, JOBS_LINE, MARKED, NEW, OLD, RAIN, make_store

DOOR = "motherlode.integrations.haystack"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    make_store(tmp_path / "facts.db").close()
    return tmp_path / "facts.db"


@pytest.fixture
def store() -> Iterator[NuggetStore]:
    with make_store() as made:
        yield made


def test_the_retriever_answers_with_facts_as_documents(store: NuggetStore) -> None:
    retriever = NuggetRetriever(store=store, top_k=1)
    [document] = retriever.run(query="Who was CEO of Apple in 2005?")["documents"]
    assert document.content == JOBS_LINE
    assert document.id == document.meta["id"]
    assert document.meta["source"] == "biography"
    assert document.score > 0
    [document] = retriever.run(query="Who was CEO of Apple?", valid_at="2012")["documents"]
    assert document.meta["object"] == "Tim Cook"
    assert len(retriever.run(query="Who is CEO?", top_k=2)["documents"]) == 2


def test_the_governor_drops_marks_and_leaves_alone(store: NuggetStore) -> None:
    given = [Document(content=text, meta={"page": i}) for i, text in enumerate([RAIN, OLD, DISPUTED, NEW])]
    given.insert(1, Document(content=None, meta={"image": True}))
    kept = NuggetGovernor(store=store).run(documents=given, query="Who is CEO?")["documents"]
    assert [document.content for document in kept] == [RAIN, None, MARKED, NEW]
    assert kept[0] is given[0]
    assert kept[1] is given[1]
    assert (kept[2].id, kept[2].meta["page"]) == (given[3].id, 2)
    assert kept[2].meta["governance"]["verdict"] == "contested"
    assert given[3].content == DISPUTED  # a copy was changed
    assert len(NuggetGovernor(store=store).run(documents=given, at="2016")["documents"]) == 4
    assert NuggetGovernor(store=store).run(documents=[])["documents"] == []


def test_a_pipeline_survives_being_serialised(file: Path) -> None:
    pipeline = Pipeline()
    pipeline.add_component("facts", NuggetRetriever(where=str(file), top_k=1))
    pipeline.add_component("govern", NuggetGovernor(where=str(file), strict=True, prefix="(!)"))
    pipeline.connect("facts.documents", "govern.documents")
    question = "Who was CEO of Apple in 2005?"
    loaded = Pipeline.loads(pipeline.dumps(), allowed_modules=[DOOR])
    for one in (pipeline, loaded):
        answer = one.run({"facts": {"query": question}, "govern": {"query": question}})
        assert [document.content for document in answer["govern"]["documents"]] == [JOBS_LINE]
    assert loaded.dumps() == pipeline.dumps()


def test_a_component_describes_itself(file: Path) -> None:
    plain = NuggetRetriever(where=str(file), top_k=3, valid_at="2005").to_dict()
    assert plain == {
        "type": f"{DOOR}.NuggetRetriever",
        "init_parameters": {"where": str(file), "top_k": 3, "valid_at": "2005", "known_at": None},
    }
    assert NuggetRetriever.from_dict(plain).to_dict() == plain
    with make_store(file) as opened:
        assert NuggetGovernor(store=opened).to_dict()["init_parameters"]["where"] == str(file)


def test_a_place_that_is_secret_is_named_and_not_shown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTS", str(file))
    governor = NuggetGovernor(where=Secret.from_env_var("FACTS"))
    plain = governor.to_dict()
    assert str(file) not in str(plain)
    again = NuggetGovernor.from_dict(plain)
    again.warm_up()
    assert again.run(documents=[Document(content=OLD)])["documents"] == []
    with pytest.raises(InputError, match="from_env_var"):
        NuggetGovernor(where="postgresql://me:secret@host/facts").to_dict()


def test_a_store_in_memory_an_extractor_or_two_places_are_refused_by_name(store: NuggetStore) -> None:
    with pytest.raises(InputError, match="in memory"):
        NuggetRetriever(store=store).to_dict()
    with pytest.raises(InputError, match="an extractor"):
        NuggetGovernor(store=store, extractor=object()).to_dict()
    with pytest.raises(InputError, match="store= .* or where="):
        NuggetRetriever()


def test_making_a_component_opens_nothing(tmp_path: Path) -> None:
    NuggetRetriever(where=str(tmp_path / "not-there.db"))
    with pytest.raises(InputError, match=r"not-there\.db"):
        NuggetRetriever(where=str(tmp_path / "not-there.db")).warm_up()
