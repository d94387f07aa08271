"""What a person may type for a component, and what it means."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from motherlode.errors import InputError
from motherlode.lifecycle.components import backwards, default_name, ends_with, qualified_name
from motherlode.lifecycle.full_text import spellings
from motherlode.lifecycle.graph import LifecycleGraph
from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.targets import candidates, find, suggestions, types_of
from motherlode.lifecycle.uris import make_uri
from tests.lifecycle_worlds import FEATURES, ORDERS, feature, model, opened, place, said, shop_items, table

SPACED = table("odd/with spaces", "file")
PERCENT = table("100%_sure*", "file")
UPPER, LOWER = table("Warehouse.Sales", "snowflake://acct"), table("warehouse.sales", "snowflake://other")
GREEK = table("πωλήσεις.ΟΔΌΣ", "file")
VERSION = make_uri("model_version", "mlflow", "churn/7")
REVIEW = make_uri("dataset", "file", "reviews/orders")
RUN = make_uri("pipeline_run", "mlflow", "0af3c7")
KARAT = make_uri("tag", "label", "team:shop")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def graph(request: pytest.FixtureRequest) -> Iterator[LifecycleGraph]:
    more = [
        *(said(uri) for uri in (SPACED, PERCENT, UPPER, LOWER, GREEK, VERSION, KARAT, table("100x_surely", "file"))),
        said(RUN, name="Happy  Fox"),
    ]
    with place(request) as where, opened([*shop_items(), *more], where) as world:
        yield world


def means(graph: LifecycleGraph, target: str) -> list[str]:
    with graph.database.read() as session:
        return sorted(row.uri for row in candidates(session, target))


@pytest.mark.parametrize(
    ("target", "uris"),
    [
        (ORDERS, [ORDERS]),
        ("model:ranking", [model("ranking")]),
        ("model:ranking@v5", [model("ranking@v5")]),
        ("model:ranking@5", [model("ranking@v5")]),
        ("model_version:churn@v7", [VERSION]),
        ("churn@7", [VERSION]),
        ("churn/7", []),  # the name of a version is churn@v7, whatever the slash of its address
        ("column:orders.amount", [column_uri(ORDERS, "amount")]),
        ("column:shop.public.orders.amount", [column_uri(ORDERS, "amount")]),
        ("column:AMOUNT_7D", [column_uri(FEATURES, "amount_7d")]),
        ("feature:orders.amount_7d", [feature("orders.amount_7d")]),
        ("feature:shop/orders.amount_7d", [feature("orders.amount_7d")]),
        ("dataset:orders", [ORDERS]),
        ("dataset:public.orders", [ORDERS]),
        ("table:Shop.Public.Orders", [ORDERS]),
        ("dataset:features/orders.parquet", [FEATURES]),
        ("dataset:rders", []),  # an end begins at a boundary
        ('dataset:"with spaces"', [SPACED]),
        ("dataset:with%20spaces", [SPACED]),
        ("  dataset:with spaces ", [SPACED]),
        ("lode://dataset/file/odd/with spaces", [SPACED]),
        ("lode://dataset/file/nothing/at/all", []),
        ("lode://dataset", []),
        ("dataset:100%_sure*", [PERCENT]),  # no pattern: % _ * stand for themselves
        ("dataset:100__sure*", []),
        ("Warehouse.Sales", [UPPER]),  # the exact case before any case
        ("warehouse.sales", [LOWER]),
        ("WAREHOUSE.SALES", [UPPER, LOWER]),
        ("Sales", [UPPER]),  # also at the end of a path
        ("SALES", [UPPER, LOWER]),
        ("dataset:οδός", [GREEK]),  # the final sigma folds
        ("team:shop", ["lode://team/directory/shop"]),
        ("tag:team:shop", [KARAT]),  # a name may have the look of a type
        ("run:happy fox", [RUN]),  # the name that its provider gives
        ("run:0af3c7", [RUN]),
        ("modle:ranking", []),
        ("", []),
        (".", []),
        ("/", []),
        ("nothing", []),
    ],
)
def test_what_a_person_types_means(graph: LifecycleGraph, target: str, uris: list[str]) -> None:
    assert means(graph, target) == sorted(uris)


def test_a_name_that_its_provider_takes_back_is_the_last_part_of_its_address_again(sql_place: str) -> None:
    with opened([said(RUN, name="Happy Fox")], sql_place) as graph:
        assert means(graph, "run:happy fox") == [RUN]
        graph.add([said(RUN, at=20, name="Sad Fox")])
        assert (means(graph, "run:happy fox"), means(graph, "run:sad fox")) == ([], [RUN])
        graph.add([said(RUN, at=30)])
        assert (means(graph, "run:sad fox"), means(graph, "run:0af3c7")) == ([], [RUN])


def test_of_several_providers_names_the_last_by_provider_is_shown() -> None:
    with opened([said(RUN, name="from python")]) as graph:
        graph.add([said(RUN, name="from b")], provider="b")
        assert (means(graph, "from b"), means(graph, "from python")) == ([], [RUN])
        graph.add([said(RUN, name="from z")], provider="z")
        assert (means(graph, "from z"), means(graph, "from python")) == ([RUN], [])


def test_several_things_of_one_name_are_refused_with_their_addresses(graph: LifecycleGraph) -> None:
    with pytest.raises(InputError, match="names 2 different things") as caught:
        graph.downstream("WAREHOUSE.SALES")
    assert UPPER in str(caught.value)
    assert LOWER in str(caught.value)


def test_a_word_for_several_types_means_the_first_that_is_there(graph: LifecycleGraph) -> None:
    assert means(graph, "model:ranking") == [model("ranking")]
    assert means(graph, "experiment:nothing") == []
    assert means(graph, "model_instance:ranking") == []


@pytest.mark.parametrize(
    ("target", "near"),
    [
        ("feature:orders.amount_8d", "feature:orders.amount_7d"),
        ("feature:ordres.amount_7d", "feature:orders.amount_7d"),
        ("column:orders.amuont", "column:orders.amount"),
        ("model:rankin", "model:ranking"),
        ("dataset:oders", "dataset:shop.public.orders"),
        ("table:shop.pub.orders", "dataset:shop.public.orders"),
    ],
)
def test_what_is_not_found_is_answered_with_what_is_near(graph: LifecycleGraph, target: str, near: str) -> None:
    with graph.database.read() as session, pytest.raises(InputError, match="did you mean") as caught:
        find(session, target)
    said_near = str(caught.value).partition("did you mean ")[2].rstrip("?").split(", ")
    assert said_near[0] == near


def test_where_nothing_is_near_the_error_says_what_else_to_do(graph: LifecycleGraph) -> None:
    with graph.database.read() as session:
        with pytest.raises(InputError, match="`search` finds names by their words"):
            find(session, "zzzzqqqq")
        assert suggestions(session, '"*" NEAR(^ -') == []


def test_a_filter_of_types_takes_words_for_them_and_refuses_others(graph: LifecycleGraph) -> None:
    with graph.database.read() as session:
        assert types_of(session, ["table", "model", "job"]) == ("dataset", "model", "pipeline")
        assert types_of(session, "model_instance") == ("model_version",)
        with pytest.raises(InputError, match="did you mean dataset"):
            types_of(session, ["datset"])


def test_a_type_of_ones_own_is_a_type_once_it_is_there() -> None:
    with opened([said("lode://notebook/jupyter/eda/orders")]) as graph:
        assert means(graph, "notebook:orders") == ["lode://notebook/jupyter/eda/orders"]
        with graph.database.read() as session:
            assert types_of(session, ["notebook"]) == ("notebook",)


def test_the_range_of_an_ending_holds_the_paths_that_end_so_and_no_others() -> None:
    paths = ["a.orders", "a/orders", "orders", "reorders", "a-orders", "a0orders", "a:orders", "ORDERS", "orders/a"]
    first, end = ends_with("Orders")
    inside = [path for path in paths if first <= backwards(make_uri("dataset", "file", path)) < end]
    assert inside == ["a.orders", "a/orders", "orders", "ORDERS"]


@pytest.mark.parametrize(
    ("uri", "name", "path"),
    [
        (column_uri(ORDERS, "amount"), "orders.amount", "db:5432/shop.public.orders.amount"),
        (column_uri(FEATURES, "a.b"), "orders.a.b", "lake/features/orders.a.b"),
        (column_uri(table("x/parquet.parquet", "file"), "a"), "parquet.a", "x/parquet.parquet.a"),
        (make_uri("column", "file", "bare"), "bare", "bare"),
        (VERSION, "churn@v7", "churn@v7"),
        (make_uri("model_version", "m", "a/churn/prod"), "churn@prod", "a/churn@prod"),
        (make_uri("dataset", "file", "a/b/"), "b", "a/b"),
        (make_uri("dataset", "file", "///"), "///", "///"),
    ],
)
def test_names_and_paths_of_addresses(uri: str, name: str, path: str) -> None:
    assert (default_name(uri), qualified_name(uri)) == (name, path)


def test_a_very_long_name_is_found_by_itself_on_both_databases(sql_place: str) -> None:
    long = make_uri("dataset", "file", "x" * 2000)  # a longer address does not fit PostgreSQL's index
    with opened([said(long), said(long + "y")], sql_place) as graph:
        assert means(graph, "x" * 2000) == [long]


def test_spellings_are_one_slip_away() -> None:
    near = spellings("orders")
    assert {"ordres", "order", "oorders", "xrders", "orderss"} <= set(near)
    assert "orde" not in near
    assert spellings("ab") == ["ab"]
    assert spellings("x" * 17) == ["x" * 17]
