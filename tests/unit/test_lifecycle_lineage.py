"""Upstream, downstream, path and unused: what data flows from and to."""

from __future__ import annotations

from random import Random

import pytest

from motherlode.errors import InputError
from motherlode.lifecycle.naming import column_uri, pipeline_uri
from motherlode.lifecycle.uris import make_uri
from tests.lifecycle_worlds import FEATURES, JOB, ORDERS, VIEW, Ticking, feature, hops, model, opened, said, shop, table

AMOUNT, COMMENT = column_uri(ORDERS, "amount"), column_uri(ORDERS, "comment")
A, B, C, D = (table(name) for name in "abcd")
DASHBOARD = pipeline_uri("bi", "dashboard")


def test_downstream_by_depth_with_paths_and_owners() -> None:
    with shop() as graph:
        found = graph.downstream("column:orders.amount")
        assert [(row.depth, row.uri) for row in found.rows] == [
            (1, column_uri(FEATURES, "amount_7d")),
            (2, feature("orders.amount_7d")),
            (3, model("ranking@v5")),
            (4, model("ranking")),
            (4, "lode://deployment/mlflow/ranking@champion"),
            (5, model("ranking@v4")),
        ]
        ranking = found.rows[3]
        assert (ranking.owners, ranking.described, ranking.type, ranking.name) == (("alice",), True, "model", "ranking")
        assert [(step.source, step.relation) for step in ranking.path][-1] == (model("ranking@v5"), "current_of")
        assert (found.truncated, found.complete, len(found)) == (False, True, 6)


def test_upstream_and_types() -> None:
    with shop() as graph:
        assert [row.uri for row in graph.upstream("model:ranking@v5", types=["table"]).rows] == [FEATURES, ORDERS]
        assert len(graph.upstream("model:ranking@v5", types=["table"])) == 2
        assert {row.uri for row in graph.upstream(FEATURES).rows} == {JOB, ORDERS}
        with pytest.raises(InputError, match="did you mean dataset"):
            graph.upstream(FEATURES, types=["datset"])


def test_bounds_say_whether_they_left_something_out() -> None:
    with opened([said(A, ("derives", B)), said(B, ("derives", C)), said(C, ("derives", D)), said(D)]) as graph:
        for max_depth, n, truncated in ((0, 0, True), (2, 2, True), (3, 3, False), (9, 3, False)):
            found = graph.downstream(A, max_depth=max_depth)
            assert (len(found), found.truncated) == (n, truncated)
            assert found.complete is not truncated
        for n_max, n, truncated in ((1, 1, True), (2, 2, True), (3, 3, False), (9, 3, False)):
            found = graph.downstream(A, n_max=n_max)
            assert (len(found), found.truncated) == (n, truncated)
        found = graph.downstream(A, max_depth=2, n_max=2)  # as many as allowed, and more beyond the depth
        assert (len(found), found.truncated) == (2, True)


def test_a_merge_is_no_hop_and_can_be_asked_by_each_address() -> None:
    alias = table("ALIAS", "snowflake://acct")
    items = [
        said(A, ("same_as", alias)),
        said(alias, ("derives", B)),
        said(B, ("same_as", C)),
        said(C, ("derives", D)),
        said(D),
    ]
    with opened(items) as graph:
        for target in (A, alias):
            assert [(row.depth, row.uri) for row in graph.downstream(target).rows] == [(1, B), (1, C), (2, D)]
        assert [(row.depth, row.uri) for row in graph.upstream(D).rows] == [(1, B), (1, C), (2, A), (2, alias)]
        assert [step.relation for step in graph.path(A, D)][-1] == "derives"
        with pytest.raises(InputError, match="the same thing"):
            graph.path(A, alias)


def test_lineage_as_of_a_moment() -> None:
    clock = Ticking()
    with opened([said(A, ("derives", B)), said(B)], clock=clock) as graph:
        known = clock()
        clock.micros += 1_000_000
        graph.add([said(A, ("derives", C), at=20), said(C)])
        assert [row.uri for row in graph.downstream(A).rows] == [C]
        assert [row.uri for row in graph.as_of(known_at=known).downstream(A).rows] == [B]
        assert [row.uri for row in graph.as_of(valid_at="1970-01-01T00:00:00.000015Z").downstream(A).rows] == [B]


def test_a_path_is_a_shortest_one_or_none() -> None:
    with shop() as graph:
        steps = graph.path("column:orders.amount", "model:ranking")
        assert [step.relation for step in steps] == ["derives", "feeds", "input_of", "current_of"]
        assert steps[2].confidence == 0.9
        assert graph.path("model:ranking", "column:orders.amount") == []
        with pytest.raises(InputError, match="nothing here is called"):
            graph.path("column:orders.amount", "model:nothing")


@pytest.mark.parametrize("seed", range(5))
def test_lineage_and_paths_are_those_of_the_obvious_search(seed: int) -> None:
    random = Random(seed)
    nodes = [table(f"n{number}") for number in range(25)]
    edges = [(random.choice(nodes), random.choice(nodes)) for _ in range(40)]
    with opened([said(uri, *[("derives", to) for at, to in edges if at == uri]) for uri in nodes]) as graph:
        for uri in nodes:
            far, near = hops(edges, uri), hops(edges, uri, upstream=True)
            assert {row.uri: row.depth for row in graph.downstream(uri).rows} | {uri: 0} == far
            assert {row.uri: row.depth for row in graph.upstream(uri).rows} | {uri: 0} == near
            other = random.choice([each for each in nodes if each != uri])
            assert len(graph.path(uri, other)) == far.get(other, 0)


def unused(items: list[object], *types: str) -> list[str]:
    with opened(items) as graph:  # type: ignore[arg-type]
        return [row.uri for row in (graph.unused(types) if types else graph.unused())]


def test_the_shop_uses_everything_but_what_nothing_reads() -> None:
    with shop() as graph:
        graph.add([said(A, columns=("x",), owner="bob"), said(feature("idle"), (AMOUNT, "feeds"))])
        found = graph.unused()
        assert [(row.type, row.uri, row.owners) for row in found] == [
            ("dataset", A, ("bob",)),
            ("feature", feature("idle"), ()),
        ]
        assert [row.uri for row in graph.unused(["feature_view", "model"])] == []
        assert [row.uri for row in graph.unused(["column"])] == [column_uri(A, "x"), COMMENT]
        with pytest.raises(InputError, match="did you mean dataset"):
            graph.unused(["datset"])


def test_parts_are_no_use_but_use_of_a_part_is() -> None:
    version = make_uri("dataset_version", "postgres", "db:5432/a@1")
    items = [
        said(A, ("has_version", version), columns=("x",)),
        said(version),
        said(model("m"), ("has_version", model("m@v1")), ("has_version", model("m@v2"))),
        said(model("m@v2"), ("current_of", model("m"))),
    ]
    assert unused([*items]) == [A, model("m")]
    assert unused([*items, said(column_uri(A, "x"), ("feeds", feature("f")))]) == [model("m")]
    assert unused([*items, said(version, ("trains", model("m@v1")), aspect="use")]) == [model("m")]
    assert unused([*items, said(model("m@v1"), ("deployed_as", "lode://deployment/k8s/m"), aspect="use")]) == [A]


def test_use_under_another_address_counts_and_reading_oneself_does_not() -> None:
    assert unused([said(A, ("same_as", B)), said(B, ("same_as", C)), said(C)]) == [A, B, C]
    assert unused([said(A, ("same_as", B)), said(B, ("same_as", C)), said(C, ("read_by", DASHBOARD))]) == []
    assert unused([said(A, ("derives", A))]) == [A]


def test_a_component_whose_only_reader_is_gone_is_unused() -> None:
    items = [said(A, ("read_by", DASHBOARD)), said(DASHBOARD, at=10)]
    assert unused([*items]) == []
    assert unused([*items, said(DASHBOARD, at=20, gone=True)]) == [A]
    assert unused([said(A, ("read_by", DASHBOARD))]) == []  # never described is not gone
    assert unused([said(A), said(DASHBOARD, (A, "read_by"), at=10), said(DASHBOARD, at=20, gone=True)]) == [A]


def test_what_is_itself_gone_or_never_described_is_not_listed() -> None:
    assert unused([said(A), said(A, at=20, gone=True), said(model("m"), (B, "trains"))]) == [model("m")]


def test_unused_as_of_a_moment() -> None:
    with opened([said(A, at=10), said(A, ("read_by", DASHBOARD), at=20)]) as graph:
        assert graph.unused() == []
        view = graph.as_of(valid_at="1970-01-01T00:00:00.000015Z")
        assert [row.uri for row in view.unused()] == [A]
        assert VIEW not in {row.uri for row in view.unused()}
