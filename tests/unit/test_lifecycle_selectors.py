"""Selections in one line, as dbt has them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from motherlode.errors import InputError
from motherlode.lifecycle.graph import LifecycleGraph
from motherlode.lifecycle.naming import column_uri
from tests.lifecycle_worlds import (
    FEATURES,
    JOB,
    ORDERS,
    VIEW,
    Ticking,
    hops,
    model,
    opened,
    place,
    said,
    shop_items,
    table,
)

ODD, PLUS, COLON, WILD = (table(name, "file") for name in ("with, comma and space", "c++", "tier:gold", "what*?"))
FEATURE = "lode://feature/feast/shop/orders.amount_7d"
AMOUNT, COMMENT, AMOUNT_7D = (
    column_uri(ORDERS, "amount"),
    column_uri(ORDERS, "comment"),
    column_uri(FEATURES, "amount_7d"),
)
RANKING, V4, V5 = model("ranking"), model("ranking@v4"), model("ranking@v5")
CHAMPION = "lode://deployment/mlflow/ranking@champion"
MADE_OF_AMOUNT = {AMOUNT, AMOUNT_7D, FEATURE, V5, RANKING, V4, CHAMPION}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def graph(request: pytest.FixtureRequest) -> Iterator[LifecycleGraph]:
    more = [said(uri) for uri in (ODD, PLUS, COLON, WILD, table("whatever", "file"), table("100%_x", "file"))]
    with place(request) as where, opened([*shop_items(), *more], where) as world:
        yield world


def chosen(graph: LifecycleGraph, selection: str, exclude: str | None = None) -> set[str]:
    return {row.uri for row in graph.select(selection, exclude=exclude)}


@pytest.mark.parametrize(
    ("selection", "uris"),
    [
        ("model:ranking", {RANKING}),
        ("model:ranking@v5", {V5}),  # an @ inside a name is a part of it
        (ORDERS, {ORDERS}),
        ("column:orders.*", {AMOUNT, COMMENT, AMOUNT_7D}),
        ("column:ORDERS.AM?UNT", {AMOUNT}),
        ("table:public.ord*", {ORDERS}),  # a pattern may be the end of a path
        ("lode://column/postgres/*", {AMOUNT, COMMENT}),
        ("lode://COLUMN/*", set()),
        ("type:column", {AMOUNT, COMMENT, AMOUNT_7D}),
        ("type:job", {JOB}),
        ("platform:FEAST", {VIEW, FEATURE}),
        ("platform:mlf*", {RANKING, V4, V5, CHAMPION}),
        ("tag:pii", {ORDERS}),
        ("tag:tier=*", {RANKING}),
        ("owner:Alice", {RANKING}),
        ("owner:*", {RANKING, ORDERS}),
        ("group:none", set()),
        ("tag:pii owner:alice", {ORDERS, RANKING}),
        ("tag:pii,owner:alice", set()),
        (" tag:pii , type:table   owner:alice ", {ORDERS, RANKING}),
        ("column:orders.amount+1", {AMOUNT, AMOUNT_7D}),
        ("column:orders.amount+", MADE_OF_AMOUNT),
        ("@column:orders.amount", MADE_OF_AMOUNT | {ORDERS, FEATURES, JOB, VIEW}),
        ("1+feature:orders.amount_7d", {FEATURE, AMOUNT_7D, VIEW}),
        ("1+feature:orders.amount_7d+1", {FEATURE, AMOUNT_7D, VIEW, V5}),
        ("+model:ranking,type:dataset", {ORDERS, FEATURES}),
        ("0+model:ranking+0", {RANKING}),
        ('"with, comma and space"', {ODD}),
        ('dataset:"with, comma and space"', {ODD}),
        ('dataset:"c++"', {PLUS}),
        ('"c++"+1', {PLUS}),
        ("tier:gold", {COLON}),
        ("dataset:tier:gold", {COLON}),
        ('dataset:"what*?"', {WILD}),
        ("dataset:what*", {WILD, table("whatever", "file")}),
        ("dataset:100%_*", {table("100%_x", "file")}),
        ("dataset:nothing", set()),
        ("dataset:nothing+", set()),
    ],
)  # fmt: skip
def test_a_selection_means(graph: LifecycleGraph, selection: str, uris: set[str]) -> None:
    assert chosen(graph, selection) == uris


def test_what_is_excluded_is_not_selected(graph: LifecycleGraph) -> None:
    assert chosen(graph, "type:column", "*comment*") == {AMOUNT, AMOUNT_7D}
    assert chosen(graph, "type:column", "type:column") == set()


def test_a_selection_is_sorted_by_type_and_name(graph: LifecycleGraph) -> None:
    rows = graph.select("type:column type:model type:dataset")
    assert [(row.type, row.name, row.uri) for row in rows] == sorted((row.type, row.name, row.uri) for row in rows)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("", "an empty selection"),
        ("   ", "an empty selection"),
        ("+", "expected"),
        ("++x", "expected"),
        ("a,", "a comma needs something on both sides"),
        (",a", "a comma needs something on both sides"),
        ("a,,b", "a comma needs something on both sides"),
        ('dataset:"open', "a double quote is not closed"),
        ("modle:ranking", "did you mean model"),
        ("modle:rank*", "did you mean model"),
        ("type:datset", "did you mean dataset"),
        ("tag:none,type:datset", "did you mean dataset"),  # also behind what is empty anyway
    ],
)
def test_what_cannot_be_read_is_refused(graph: LifecycleGraph, selection: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        graph.select(selection)


def test_what_is_gone_is_not_selected_any_more() -> None:
    clock = Ticking()
    with opened([said(ORDERS), said(FEATURES)], clock=clock) as graph:
        then = clock()
        clock.micros += 3_600_000_000
        graph.add([said(ORDERS, at=clock.micros, gone=True)])
        assert chosen(graph, "type:dataset") == {FEATURES}
        assert {row.uri for row in graph.as_of(valid_at=then).select("type:dataset")} == {ORDERS, FEATURES}


@pytest.mark.parametrize("seed", range(5))
def test_selections_are_set_algebra_over_the_graph(seed: int) -> None:
    random = Random(seed)
    names = [f"n{number}" for number in range(30)]
    edges = [(random.choice(names), random.choice(names)) for _ in range(40)]

    def term() -> tuple[str, set[str]]:
        name, up, down = random.choice(names), random.choice((None, "", 1, 2)), random.choice((None, "", 1, 2))
        if random.random() < 0.2:
            below = set(hops(edges, name))
            return f"@{name}", below.union(*(hops(edges, node, upstream=True) for node in below))
        nodes = {name}
        for given, upstream in ((up, True), (down, False)):
            if given is not None:
                bound = len(names) if given == "" else int(given)
                nodes |= {node for node, depth in hops(edges, name, upstream=upstream).items() if depth <= bound}
        return f"{'' if up is None else f'{up}+'}{name}{'' if down is None else f'+{down}'}", nodes

    items = [
        said(table(name, "file"), *[("derives", table(to, "file")) for at, to in edges if at == name]) for name in names
    ]
    with opened(items) as graph:
        for _ in range(60):
            parts = [[term() for _ in range(random.choice((1, 1, 2)))] for _ in range(random.choice((1, 2)))]
            selection = " ".join(",".join(text for text, _ in part) for part in parts)
            expected = set[str]().union(*(set.intersection(*(nodes for _, nodes in part)) for part in parts))
            assert {row.name for row in graph.select(selection)} == expected, selection
