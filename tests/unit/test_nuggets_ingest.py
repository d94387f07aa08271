"""Documents of files and folders into a store: what is recorded, passed over and quarantined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motherlode.errors import DataError, InputError
from motherlode.nuggets.extraction.offline import OfflineExtractor
from motherlode.nuggets.llm import LlmExtractor, Reply, Request
from motherlode.nuggets.record import Document
from motherlode.nuggets.store import NuggetStore, open_nuggets
from motherlode.workflows.nugget_ingest import (
    DocumentSource,
    IngestSummary,
    estimate_ingest,
    extractor_of,
    ingest_documents,
)

JOBS = "Steve Jobs was CEO of Apple from 1997 to 2011."
COOK = "Tim Cook has been CEO of Apple since 2011."


class Model:
    """A language model that takes 'A is B.' for a claim, and talks nonsense of what it is told to."""

    def __init__(self, nonsense: str = "never") -> None:
        self.nonsense = nonsense
        self.n_calls = 0

    def require(self, model: str) -> None:
        pass

    def price(self, model: str) -> tuple[float, float] | None:
        return 0.0, 0.001

    def complete(self, model: str, request: Request) -> Reply:
        self.n_calls += 1
        text = request.messages[1]["content"].split("<text>\n")[1].removesuffix("\n</text>")
        if self.nonsense in text:
            return Reply("I would rather talk of the weather.", 10, 10)
        subject, _, rest = text.partition(" is ")
        claim = {"subject": subject, "predicate": "is", "object": rest.rstrip("."), "quote": text}
        return Reply(json.dumps({"claims": [claim]}), 10, 10)


def _ceos(store: NuggetStore) -> list[tuple[str, str]]:
    return [(nugget.object, str(nugget.interval)) for nugget in store.history("Apple", "ceo")]


def _ingest(store: NuggetStore, *sources: Path) -> IngestSummary:
    return ingest_documents(store, DocumentSource(sources), OfflineExtractor())


def test_a_folder_is_read_whole_and_a_second_time_passed_over(tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_text(JOBS)
    (tmp_path / "cook.html").write_text(f"<html><title>Apple Inc.</title><body><p>{COOK}</p></body></html>")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with open_nuggets(":memory:") as store:
        first = _ingest(store, tmp_path)
        assert (first.n_documents, first.n_recorded, first.n_known, first.quarantined) == (2, 2, 0, [])
        assert first.notes == [f"1 skipped: no reader for .png (first: {tmp_path / 'picture.png'})"]
        assert _ceos(store) == [("Steve Jobs", "[1997, 2011)"), ("Tim Cook", "[2011, …)")]
        second = _ingest(store, tmp_path)
        assert (second.n_recorded, second.n_known, second.n_claims) == (0, 2, 0)


def test_records_of_one_id_are_versions_and_the_newest_counts(tmp_path: Path) -> None:
    rows = [
        {
            "id": "p",
            "text": "Ann Lee was CEO of Globex from 2001 to 2005.",
            "published_at": "2006",
            "publisher": "Post",
        },
        {"id": "p", "text": "Bob Ray was CEO of Globex from 2001 to 2005.", "published_at": "2007-03-01"},
    ]
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    with open_nuggets(":memory:") as store:
        assert _ingest(store, path).n_recorded == 2
        (holder,) = store.history("Globex", "ceo")
        assert holder.object == "Bob Ray"
        states = {(nugget.object, nugget.state) for nugget in store.nuggets("Globex", "ceo")}
        assert states == {("Ann Lee", "retracted"), ("Bob Ray", "active")}


def test_what_documents_do_not_state_is_taken_from_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(json.dumps({"id": 1, "text": JOBS, "date": 1998}) + "\n" + json.dumps({"id": 2, "text": COOK}))
    found = list(DocumentSource([path], version="3", published_at="2020-05", publisher="Post"))
    assert found == [
        Document("1", JOBS, published_at="1998", version="3", publisher="Post"),
        Document("2", COOK, published_at="2020-05", version="3", publisher="Post"),
    ]
    with pytest.raises(InputError, match="yesterday"):
        DocumentSource([path], published_at="yesterday")


def test_documents_that_fail_are_quarantined_with_the_reason_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.bin.txt").write_bytes(b"PK\0\0")
    (tmp_path / "b.late.txt").write_bytes(b"x" * 9000 + b"\0")
    (tmp_path / "c.txt").write_bytes(bytes(range(128, 256)) * 4)
    (tmp_path / "d.jsonl").write_text(json.dumps({"id": "when", "text": JOBS, "date": "long ago"}))
    (tmp_path / "e.txt").write_text(JOBS)
    with open_nuggets(":memory:") as store:
        summary = _ingest(store, tmp_path)
        reasons = dict(summary.quarantined)
        assert set(reasons) == {str(tmp_path / "a.bin.txt"), str(tmp_path / "c.txt"), "b.late.txt", "when"}
        assert reasons[str(tmp_path / "a.bin.txt")] == "binary"
        assert "NUL characters" in reasons["b.late.txt"]
        assert "'long ago' is not a date" in reasons["when"]
        assert (summary.n_documents, summary.n_recorded) == (5, 1)
        assert json.loads(json.dumps(summary.to_dict()))["quarantined"][0]["reason"] == "binary"


def test_another_text_under_a_recorded_version_is_quarantined() -> None:
    with open_nuggets(":memory:") as store:
        documents = [Document("d", JOBS, version=1), Document("d", COOK, version=1)]
        summary = ingest_documents(store, documents, None)
        ((name, reason),) = summary.quarantined
        assert (name, summary.n_recorded) == ("d", 1)
        assert "recorded with another text" in reason


def test_a_broken_line_is_named_and_what_came_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(json.dumps({"id": "a", "text": JOBS}) + "\n{oops\n")
    with open_nuggets(":memory:") as store:
        with pytest.raises(DataError, match=r"pages\.jsonl:2: not JSON"):
            _ingest(store, path)
        assert _ceos(store) == [("Steve Jobs", "[1997, 2011)")]


def test_a_model_is_asked_in_batches_and_its_nonsense_is_quarantined() -> None:
    model = Model(nonsense="cats")
    extractor = LlmExtractor("m", client=model, backoff_s=0.0)
    documents = [Document(f"d{i}", f"Sky {i} is blue.") for i in range(20)]
    documents[7:7] = [Document("odd", "Talk of cats is loud."), Document("nul", "A\0B is c.")]
    with open_nuggets(":memory:") as store:
        summary = ingest_documents(store, documents, extractor)
        assert (summary.n_documents, summary.n_recorded, summary.n_claims) == (22, 20, 20)
        assert {name for name, _ in summary.quarantined} == {"odd", "nul"}
        assert summary.cost_usd == pytest.approx(0.01 * model.n_calls)
        n_calls = model.n_calls
        again = ingest_documents(store, documents[:5], extractor)
        assert (again.n_known, model.n_calls) == (5, n_calls)


def test_a_model_s_answers_are_kept_in_the_store_and_an_estimate_asks_nobody() -> None:
    model = Model()
    document = Document("d", "Grass is green.")
    with open_nuggets(":memory:") as store:
        extractor = extractor_of("llm:m", store, client=model)
        assert extractor is not None
        before = estimate_ingest(store, [document], extractor)
        assert (before.n_documents, before.n_cached, model.n_calls) == (1, 0, 0)
        ingest_documents(store, [document], extractor)
        other = extractor_of("llm:m", store, client=model)
        assert other is not None
        assert estimate_ingest(store, [document], other).n_documents == 0
        assert estimate_ingest(store, [Document("e", "Grass is green.")], other).n_cached == 1
        with pytest.raises(InputError, match="for language models"):
            estimate_ingest(store, [document], OfflineExtractor())


def test_extractors_have_names_and_another_name_is_refused() -> None:
    assert extractor_of("none") is None
    assert extractor_of("offline") is not None
    for name in ("", "llm", "llm:", "offline:2", "gpt"):
        with pytest.raises(InputError, match="no such extractor"):
            extractor_of(name)
    with pytest.raises(InputError, match="costs nothing"):
        extractor_of("offline", budget_usd=1.0)
