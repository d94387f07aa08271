"""What programs say themselves: runs, decorated functions, declarations, and how they name things."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from motherlode.core.ports import Place, WorkRecord
from motherlode.errors import InputError
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.reading import Moment, Reading
from motherlode.lifecycle.record import Observation
from motherlode.lifecycle.short_forms import address_of
from motherlode.lifecycle.tracking import relation_between
from motherlode.workflows.lifecycle_sink import GraphSink

FEATURE = "lode://feature/feast/shop/orders.amount_7d"
ORDERS = "lode://dataset/postgres/db:5432/shop.public.orders"
LAKE = "lode://dataset/s3/lake/features/orders.parquet"


@pytest.fixture
def graph() -> Iterator[LifecycleGraph]:
    """A graph that knows one feature of a feature store."""
    with open_lifecycle(":memory:") as opened:
        opened.add([Observation(FEATURE, version=1)], provider="feast")
        yield opened


def facts(graph: LifecycleGraph, uri: str) -> dict[str, Any]:
    """The newest attributes of a component."""
    with graph.database.read() as session:
        row = session.one("SELECT id FROM lifecycle_components WHERE uri = ?", (uri,))
        assert row is not None, uri
        return Reading(session, Moment(1 << 60, 1 << 60)).attributes([row[0]])[row[0]]


def states(graph: LifecycleGraph) -> list[str]:
    with graph.database.read() as session:
        return [state for (state,) in session.execute("SELECT state FROM lifecycle_runs ORDER BY run")]


def test_a_run_connects_what_it_reads_with_what_it_writes(graph: LifecycleGraph) -> None:
    with graph.run("build features", inputs=["dataset:postgres://db:5432/shop.public.orders"], scope="shop") as run:
        run.log_output("dataset:s3://lake/features/orders.parquet", "model_version:python/ranker@v3")
        run.log_metric("rows", 10)
        run.log_metric("rows", 12)
        run.log_metric("loss", float("nan"))
        assert states(graph) == ["START"]
    assert states(graph) == ["COMPLETE"]
    assert run.job == "lode://pipeline/python/shop/build%20features"
    below = {row.uri: row for row in graph.impact(ORDERS, "drop").rows}
    assert below[run.job].severity == "BREAKS"
    assert {LAKE, "lode://model_version/python/ranker@v3"} <= set(below)
    assert facts(graph, run.uri)["metrics"] == {"rows": 12, "loss": "nan"}


def test_a_run_that_fails_says_with_what_and_the_exception_goes_on_unchanged(graph: LifecycleGraph) -> None:
    raised = KeyError("amount")
    with pytest.raises(KeyError) as caught:
        with graph.run("job", inputs=["dataset:raw/orders"]) as run:
            raise raised
    assert caught.value is raised
    assert states(graph) == ["FAIL"]
    assert facts(graph, run.uri)["error"] == "KeyError"
    with pytest.raises(KeyboardInterrupt):
        with graph.run("job") as stopped:
            raise KeyboardInterrupt
    assert states(graph) == ["FAIL", "ABORT"]
    assert facts(graph, stopped.uri)["error"] == "KeyboardInterrupt"


def test_a_graph_that_fails_does_not_hide_why_the_body_failed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_lifecycle(tmp_path / "g.db", timeout_s=0.2) as graph:
        holder = sqlite3.connect(tmp_path / "g.db", isolation_level=None)

        def fail() -> None:
            holder.execute("BEGIN EXCLUSIVE")
            raise ZeroDivisionError

        with caplog.at_level(logging.WARNING, "motherlode"), pytest.raises(ZeroDivisionError):
            with graph.run("job"):
                fail()
        holder.execute("ROLLBACK")
        holder.close()
        assert "ended with ZeroDivisionError" in caplog.text
        assert states(graph) == ["START"]


def test_what_a_run_announced_counts_until_one_has_completed(graph: LifecycleGraph) -> None:
    with pytest.raises(ValueError, match="no"):
        with graph.run("job", inputs=["dataset:raw/a"], outputs=["dataset:raw/out"]):
            raise ValueError("no")
    assert [row.name for row in graph.upstream("dataset:out").rows] == ["job", "a"]
    with graph.run("job", inputs=["dataset:raw/b"], outputs=["dataset:raw/out"]):
        pass
    assert {row.name for row in graph.upstream("dataset:out").rows} == {"job", "b"}


def test_every_call_of_a_tracked_function_is_a_run(graph: LifecycleGraph) -> None:
    @graph.track(inputs=["dataset:raw/a"], outputs=["dataset:raw/b"], name="double")
    def double(value: int, *, times: int = 2) -> int:
        """Say it again."""
        return value * times

    @graph.track(name="wait")
    async def wait(value: int) -> int:
        if value < 0:
            raise ValueError(value)
        return value

    assert (double(4), double(4, times=3), double.__doc__, double.__name__) == (8, 12, "Say it again.", "double")
    assert asyncio.run(wait(5)) == 5
    with pytest.raises(ValueError, match="-1"):
        asyncio.run(wait(-1))
    assert states(graph) == ["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"]
    assert [row.name for row in graph.downstream("dataset:a", types=["dataset"]).rows] == ["b"]
    with pytest.raises(InputError, match="generator"):

        @graph.track()
        def numbers() -> Iterator[int]:
            yield 1


def test_runs_and_metrics_of_many_threads_are_all_kept(tmp_path: Path) -> None:
    with open_lifecycle(tmp_path / "g.db") as graph, graph.run("outer") as outer:

        def one(number: int) -> None:
            with graph.run(f"job {number}", inputs=[f"dataset:raw/{number}"]) as run:
                run.log_output(f"dataset:out/{number}")
                outer.log_output(f"dataset:shared/{number}")
                outer.log_metric(f"m{number}", number)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with open_lifecycle(tmp_path / "g.db") as graph:
        assert states(graph).count("COMPLETE") == 9
        assert len(facts(graph, outer.uri)["metrics"]) == 8
        assert len(graph.downstream(outer.job, types=["dataset"]).rows) == 8


def test_a_declared_model_is_what_a_change_of_its_feature_reaches(graph: LifecycleGraph) -> None:
    said: dict[str, Any] = {
        "inputs": ["feature:Orders.amount_7d", Path("data/train.csv")],
        "owners": ["team:search", "ann"],
        "tags": ["pii"],
        "description": "ranks results",
    }
    uri = graph.declare("model:ranking", **said)
    assert uri == "lode://model/python/ranking"
    (row,) = graph.impact(FEATURE, "drop").rows
    assert (row.uri, row.severity) == (uri, "BREAKS")
    assert {owner.rpartition("/")[2] for owner in row.owners} == {"search", "ann"}
    before = contents(graph)
    assert graph.declare("model:ranking", **said) == uri
    assert contents(graph) == before
    graph.declare("model:ranking", inputs=[ORDERS])
    assert graph.impact(FEATURE, "drop").rows == []
    assert [row.uri for row in graph.impact(ORDERS, "drop").rows] == [uri]
    graph.withdraw("model:ranking")
    assert graph.impact(ORDERS, "drop").rows == []


def contents(graph: LifecycleGraph) -> list[Any]:
    with graph.database.read() as session:
        return list(session.execute("SELECT component, content, valid_from, valid_to FROM lifecycle_facts ORDER BY id"))


def test_declarations_of_two_scopes_stand_side_by_side(graph: LifecycleGraph) -> None:
    graph.declare(LAKE, inputs=["dataset:raw/a"], scope="one")
    graph.declare(LAKE, inputs=["dataset:raw/b"], scope="two")
    assert {row.name for row in graph.upstream(LAKE).rows} == {"a", "b"}
    graph.withdraw(LAKE, scope="one")
    assert {row.name for row in graph.upstream(LAKE).rows} == {"b"}


@pytest.mark.parametrize(
    ("named", "address"),
    [
        (FEATURE, FEATURE),
        ("feature:ORDERS.amount_7d", FEATURE),
        ("feature:amount_7d", "lode://feature/python/app/amount_7d"),  # the end of a name is another name
        ("feature:feast/shop/orders.amount_7d", FEATURE),
        ("dataset:postgresql://db:5432/shop.public.orders", ORDERS),
        ("dataset:s3a://lake/features/orders.parquet", LAKE),
        ("dataset:/data/orders.csv", "lode://dataset/file//data/orders.csv"),
        ("dataset:warehouse/orders", "lode://dataset/warehouse/orders"),
        ("dataset:orders", "lode://dataset/python/app/orders"),
        ("model_version:mlflow/ranking@v5", "lode://model_version/mlflow/ranking@v5"),
        ("model:the ranker", "lode://model/python/app/the%20ranker"),
        ("team:search", "lode://team/directory/search"),
        ("user:ann", "lode://user/directory/ann"),
        ("tag:pii", "lode://tag/label/pii"),
    ],
)
def test_a_short_form_means_one_address(graph: LifecycleGraph, named: str, address: str) -> None:
    with graph.database.read() as session:
        assert address_of(session, named, "app") == address


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("orders", "does not say what it is"),
        ("s3://lake/orders", "does not say what it is"),
        ("model:https://hub/x", "only datasets"),
        ("lode://model/mlflow", "no component's address"),
        ("lode://model/mlflow/a b", "one spelling"),
        ("dataset: ", "does not say what it is"),
        ("model:/ranking", "begins with a slash"),
        (7, "names no component"),
    ],
)
def test_a_name_that_says_too_little_is_refused_with_what_to_write(
    graph: LifecycleGraph, named: Any, reason: str
) -> None:
    with graph.database.read() as session, pytest.raises(InputError, match=reason):
        address_of(session, named)


def test_a_name_that_several_bear_is_refused_with_their_addresses(graph: LifecycleGraph) -> None:
    graph.add([Observation("lode://feature/feast/other/orders.amount_7d", version=1)])
    with pytest.raises(InputError, match="feast/other.*give one's address|feast/shop.*give one's address"):
        graph.declare("model:ranking", inputs=["feature:orders.amount_7d"])


def test_a_list_that_is_one_text_and_an_unknown_relation_are_refused(graph: LifecycleGraph) -> None:
    with pytest.raises(InputError, match="write \\['dataset:raw/a'\\]"):
        graph.run("job", inputs="dataset:raw/a")
    with pytest.raises(InputError, match="write \\['ann'\\]"):
        graph.declare("model:ranking", owners="ann")
    with pytest.raises(InputError, match="relation 'likes'"):
        graph.declare("model:ranking", inputs=[FEATURE], relation="likes")
    with pytest.raises(InputError, match="needs the name"):
        graph.run(" ")
    assert states(graph) == []


def test_types_suggest_the_relation_and_a_caller_may_say_another(graph: LifecycleGraph) -> None:
    model, cell = "lode://model/python/m", "lode://ab_cell/python/c"
    assert relation_between(FEATURE, model) == "input_of"
    assert relation_between(ORDERS, model) == "trains"
    assert relation_between(model, ORDERS) == "scored"
    assert relation_between(ORDERS, LAKE) == "derives"
    assert relation_between(ORDERS, FEATURE) == "feeds"
    assert relation_between(model, cell) == "tested_in"
    assert relation_between(cell, model) == "supports"
    graph.declare(model, inputs=[ORDERS], relation="evaluates")
    assert [row.severity for row in graph.impact(ORDERS, "drop").rows] == ["INFORM"]


def test_runs_declarations_and_announcements_are_the_same_on_both_databases(sql_place: str) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    GraphSink(sql_place).announce(WorkRecord("index", "i", "i", noon, noon, inputs=(Place("s3://lake/docs"),)))
    with open_lifecycle(sql_place) as graph:
        with graph.run("job", inputs=["dataset:s3://lake/raw"], outputs=["dataset:s3://lake/docs"]):
            pass
        graph.declare("deployment:site search", inputs=["index:I"])
        reached = [row.uri for row in graph.impact("dataset:raw", "drop").rows]
        assert "lode://deployment/python/site%20search" in reached
        assert states(graph) == ["COMPLETE", "COMPLETE"]
