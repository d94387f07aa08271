"""Builds and ingestions announce themselves: what they write, where, and what a broken graph does to them."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode.core.ports import LifecycleSink, Place, TokenVectors, WorkRecord
from motherlode.lifecycle.graph import open_lifecycle
from motherlode.lifecycle.local_names import Project, find_project
from motherlode.lifecycle.record import Observation
from motherlode.nuggets.store import open_nuggets
from motherlode.retrieval.build import build_index
from motherlode.retrieval.shard_build import build_sharded_index
from motherlode.retrieval.stream import build_index_stream
from motherlode.workflows import lifecycle_sink as sinks
from motherlode.workflows.lifecycle_sink import GraphSink, lifecycle_sink
from motherlode.workflows.nugget_ingest import DocumentSource, extractor_of, ingest_claims, ingest_documents
from motherlode.workflows.text_index import Corpus, build_text_index

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class LengthEncoder:
    """One vector a text, from its length: enough to build an index."""

    name, dim = "lengths", 2

    @property
    def config(self) -> Mapping[str, Any]:
        return {"kind": "lengths", "cache": str(Path.home() / "models")}

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {}

    def encode_documents(self, texts: Any) -> TokenVectors:
        vectors = np.array([[1.0, len(text)] for text in texts], np.float32)
        return TokenVectors(vectors, np.arange(len(texts) + 1, dtype=np.int64), np.zeros(len(texts), np.int32))

    def encode_queries(self, texts: Any) -> TokenVectors:
        return self.encode_documents(texts)


class Listener:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[WorkRecord] = []

    def announce(self, record: WorkRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder `shop` to work in, and nothing warned of yet."""
    root = tmp_path / "shop"
    (root / "handbook").mkdir(parents=True)
    (root / "handbook" / "returns.md").write_text("# Returns\n\nGoods come back within 14 days.\n")
    monkeypatch.chdir(root)
    monkeypatch.delenv("LODE_LIFECYCLE", raising=False)
    sinks._warned.clear()
    return root


def built(out: str = "docs-index") -> Any:
    return build_text_index(out, Corpus(["handbook"]), LengthEncoder(), overwrite=True)


def test_an_index_is_what_a_change_of_its_documents_reaches(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LODE_LIFECYCLE", "graph.db")
    index = built()
    with open_lifecycle("graph.db", read_only=True) as graph:
        rows = {(row.type, row.uri): row for row in graph.impact("dataset:handbook", "drop").rows}
        job = "lode://pipeline/motherlode/index/shop/docs-index"
        assert [step.relation for step in rows["pipeline", job].path] == ["read_by"]
        made = rows["index", "lode://index/motherlode/shop/docs-index"]
        assert (made.severity, made.path[-1].target) == ("STALE", made.uri)
        assert [row.uri for row in graph.downstream(job, max_depth=1, types=["index"]).rows] == [made.uri]
        sources = [row.uri for row in graph.upstream("index:docs-index").rows]
        assert "lode://model/motherlode/lengths" in sources
        assert {row.name: row.severity for row in graph.impact("model:lengths", "drop").rows}["docs-index"] == "BREAKS"
    assert index.n_docs == 1


def test_what_is_written_names_no_home_and_tells_settings_counts_and_the_manifests_digest(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = project.parent
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    (home / "elsewhere").mkdir()
    (home / "elsewhere" / "note.txt").write_text("a note")
    monkeypatch.setenv("LODE_LIFECYCLE", "graph.db")
    build_text_index("i", Corpus(["handbook/returns.md", home / "elsewhere"]), LengthEncoder())
    with sqlite3.connect("graph.db") as raw:
        contents = [json.loads(text) for (text,) in raw.execute("SELECT attributes FROM lifecycle_contents")]
        uris = {uri for (uri,) in raw.execute("SELECT uri FROM lifecycle_components")}
    raw.close()
    assert str(home) not in json.dumps([contents, sorted(uris)])
    assert {"lode://dataset/motherlode/shop/handbook/returns.md", "lode://dataset/file/~/elsewhere"} <= uris
    run = next(found for found in contents if "metrics" in found)
    assert run["parameters"]["encoder"]["cache"] == str(Path("~") / "models")
    assert run["metrics"]["n_docs"] == 2
    assert run["code_version"].startswith("motherlode ")
    assert run["state"] == "COMPLETE"
    assert any(str(found.get("version")).startswith("sha256:") for found in contents)
    md5 = hashlib.md5((project / "handbook" / "returns.md").read_bytes()).hexdigest()
    assert {"hashes": {"md5": md5}} in contents


def test_off_and_no_default_graph_touch_no_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built()
    assert sorted(path.name for path in project.iterdir()) == ["docs-index", "handbook"]
    (project / ".lode").mkdir()
    with open_lifecycle(project / ".lode" / "lifecycle.db"):
        pass
    before = {path: path.read_bytes() for path in (project / ".lode").iterdir()}
    monkeypatch.setenv("LODE_LIFECYCLE", "OFF")
    built()
    assert {path: path.read_bytes() for path in (project / ".lode").iterdir()} == before


def test_the_default_graph_is_written_when_it_exists(project: Path) -> None:
    (project / ".lode").mkdir()
    with open_lifecycle(".lode/lifecycle.db"):
        pass
    built()
    with open_lifecycle(".lode/lifecycle.db", read_only=True) as graph:
        assert [row.type for row in graph.downstream("dataset:handbook").rows].count("index") == 1


def _foreign(path: Path) -> None:
    path.write_text("this is a diary, not a database; " * 100)


def _other_tables(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE lifecycle_components (what TEXT)")
    raw.close()


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [_foreign, _other_tables, _folder])
def test_a_graph_that_cannot_be_written_warns_once_and_the_build_succeeds(
    spoil: Any, project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = project / "graph.db"
    spoil(place)
    before = place.read_bytes() if place.is_file() else None
    monkeypatch.setenv("LODE_LIFECYCLE", str(place))
    with caplog.at_level(logging.WARNING, "motherlode"):
        assert built().n_docs == 1
        assert built("second").n_docs == 1
    (said,) = [record.getMessage() for record in caplog.records]
    assert "index 'docs-index'" in said
    assert "LODE_LIFECYCLE=off" in said
    if spoil is _foreign:
        assert place.read_bytes() == before


def test_a_locked_graph_is_waited_for_a_bounded_time(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_lifecycle("graph.db"):
        pass
    record = WorkRecord("index", "i", "i", NOON, NOON)
    with sqlite3.connect("graph.db", isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        GraphSink("graph.db", timeout_s=0.3).announce(record)
        waited_s = time.monotonic() - began
        holder.execute("ROLLBACK")
    holder.close()
    assert len(caplog.records) == 1
    assert 0.2 < waited_s < 5
    GraphSink("graph.db").announce(record)
    with open_lifecycle("graph.db", read_only=True) as graph:
        assert graph.upstream("index:i").rows


def test_a_store_depends_on_everything_that_was_ever_put_into_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LODE_LIFECYCLE", "graph.db")
    (project / "more.txt").write_text("The shop opens at nine.")
    claim = {"subject": "Shop", "predicate": "opens at", "object": "nine", "source": "more.txt"}
    (project / "facts.claims.jsonl").write_text(json.dumps(claim) + "\n")
    with open_nuggets("facts.db") as store:
        for source in ("handbook", "more.txt", "handbook"):
            ingest_documents(store, DocumentSource([source]), extractor_of("offline"))
        assert ingest_claims(store, "facts.claims.jsonl") == 1
    with open_nuggets(":memory:") as store:
        ingest_documents(store, DocumentSource(["handbook"]), None)
    with open_lifecycle("graph.db", read_only=True) as graph:
        sources = {row.uri for row in graph.upstream("nugget_store:facts.db").rows if row.type == "dataset"}
        stores = [row.uri for row in graph.downstream("dataset:handbook").rows if row.type == "nugget_store"]
    prefix = "lode://dataset/motherlode/shop"
    assert sources == {f"{prefix}/handbook", f"{prefix}/more.txt", f"{prefix}/facts.claims.jsonl"}
    assert stores == ["lode://nugget_store/motherlode/shop/facts.db"]


def test_an_index_that_is_built_anew_of_other_documents_forgets_the_old_ones(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LODE_LIFECYCLE", "graph.db")
    built()
    (project / "other.txt").write_text("Something else.")
    build_text_index("docs-index", Corpus(["other.txt"]), LengthEncoder(), overwrite=True)
    with open_lifecycle("graph.db", read_only=True) as graph:
        assert [row.name for row in graph.upstream("index:docs-index", types=["dataset"]).rows] == ["other.txt"]


def test_a_file_that_another_tool_tracks_is_known_by_its_hash(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LODE_LIFECYCLE", "graph.db")
    md5 = hashlib.md5((project / "handbook" / "returns.md").read_bytes()).hexdigest()
    tracked = "lode://dataset/dvc/shop-docs/published/rules.md"
    with open_lifecycle("graph.db") as graph:
        graph.add([Observation(tracked, version=1, attributes={"hashes": {"md5": md5}})], provider="dvc")
    build_text_index("docs-index", Corpus(["handbook/returns.md"]), LengthEncoder())
    with open_lifecycle("graph.db", read_only=True) as graph:
        assert "docs-index" in [row.name for row in graph.downstream(tracked, types=["index"]).rows]


def test_builds_from_vectors_tell_the_sink_they_are_given(project: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((8, 4)).astype(np.float32)
    np.save("vectors.npy", vectors)
    offsets = np.arange(0, 9, 2)
    heard = Listener()
    assert isinstance(heard, LifecycleSink)
    build_index("one", np.load("vectors.npy", mmap_mode="r"), offsets, sink=heard)
    build_sharded_index("two", "vectors.npy", offsets, n_shards=2, sink=heard)
    build_index_stream("three", [("a", vectors)], sink=heard)
    build_index("four", vectors, offsets, sink=heard)
    files = [[Path(place.where).name for place in record.inputs] for record in heard.records]
    assert files == [["vectors.npy"], ["vectors.npy"], [], []]
    assert [record.name for record in heard.records] == ["one", "two", "three", "four"]
    assert len({record.version for record in heard.records[:3]}) == 3  # the fourth may be the first one anew
    assert [record.metrics["n_docs"] for record in heard.records] == [4, 4, 1, 4]


def test_a_training_is_a_pipeline_from_its_data_to_its_checkpoint(project: Path) -> None:
    record = WorkRecord(
        kind="model",
        name="two-tower",
        address="checkpoints/two-tower",
        inputs=(Place("s3://user:secret@lake/clicks.parquet?signature=x", n_rows=1000),),
        outputs=(Place("exports/items.npy", n_rows=50),),
        models=("intfloat/e5-small", "./start"),
        parameters={"learning_rate": 1e-3, "path": Path("x")},
        metrics={"loss": 0.25},
        started_at=NOON,
        ended_at=NOON,
        code_version="git:abc",
    )
    GraphSink("graph.db").announce(record)
    with open_lifecycle("graph.db", read_only=True) as graph:
        made = {row.uri for row in graph.downstream("lode://dataset/s3/lake/clicks.parquet").rows}
        needed = {row.uri for row in graph.upstream("model:two-tower").rows}
    assert {
        "lode://model/motherlode/shop/checkpoints/two-tower",
        "lode://dataset/motherlode/shop/exports/items.npy",
    } <= made
    assert {"lode://model/huggingface/intfloat/e5-small", "lode://model/motherlode/shop/start"} <= needed


def test_paths_are_named_within_the_project_that_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "people" / "ann"))
    root = tmp_path / "people" / "ann" / "shop"
    (root / "src" / "deep").mkdir(parents=True)
    (root / ".git").mkdir()
    project = find_project(root / "src" / "deep")
    assert (project.root, project.name) == (root, "shop")
    assert project.dataset(root / "data" / "a.csv") == "lode://dataset/motherlode/shop/data/a.csv"
    assert project.dataset(root) == "lode://dataset/motherlode/shop"
    assert project.dataset("~/b.csv") == "lode://dataset/file/~/b.csv"
    assert project.dataset("file:///data/c.csv") == "lode://dataset/file//data/c.csv"
    assert project.dataset("python:stdlib") == "lode://dataset/python/stdlib"
    assert project.dataset("s3a://bucket/d/e.parquet") == "lode://dataset/s3/bucket/d/e.parquet"
    assert project.component("nugget_store", "postgresql://me:pw@db:5432/facts?sslmode=off") == (
        "lode://nugget_store/motherlode/db:5432/facts"
    )
    assert project.component("index", "/data/i") == "lode://index/motherlode//data/i"
    # Without a mark the folder itself, and a neighbour that begins alike is not below the home.
    assert find_project(tmp_path / "people").name == "people"
    assert (
        Project(root).local_name(tmp_path / "people" / "anna" / "x") == (tmp_path / "people" / "anna" / "x").as_posix()
    )


def test_the_environment_chooses_the_sink(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not isinstance(lifecycle_sink(), GraphSink)
    monkeypatch.setenv("LODE_LIFECYCLE", "some.db")
    assert isinstance(lifecycle_sink(), GraphSink)
    assert not (project / "some.db").exists()
    monkeypatch.setenv("LODE_LIFECYCLE", "off")
    assert not isinstance(lifecycle_sink(), GraphSink)
