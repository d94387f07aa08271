"""Everything of one component, and whom to ask about it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from motherlode.errors import InputError
from motherlode.lifecycle.naming import column_uri, pipeline_uri
from tests.lifecycle_worlds import FEATURES, ORDERS, START, Ticking, feature, model, opened, said, shop, table

ALIAS, A, B, C = table("ORDERS", "snowflake://acct"), table("a"), table("b"), table("c")


def test_a_component_with_what_is_said_of_it_and_its_neighbours() -> None:
    with shop() as graph:
        shown = graph.show("dataset:orders")
        assert (shown.uri, shown.also, shown.type, shown.domain) == (ORDERS, (), "dataset", "Data")
        assert (shown.platform, shown.name) == ("postgres", "shop.public.orders")
        assert shown.attributes == {"description": "Orders as sold"}
        assert (shown.owners, shown.tags, shown.groups) == (("shop",), ("pii",), ())
        (statement,) = shown.statements
        assert (statement.provider, statement.aspect, statement.valid_from) == ("python", "definition", 10)
        assert {(each.word, each.uri, each.outward, each.flow) for each in shown.neighbours} == {
            ("has_column", column_uri(ORDERS, "amount"), True, True),
            ("has_column", column_uri(ORDERS, "comment"), True, True),
            ("owned_by", "lode://team/directory/shop", True, False),
            ("tagged", "lode://tag/label/pii", True, False),
            ("read_by", pipeline_uri("airflow", "build_features"), True, True),
        }
        assert shown.n_neighbours == 5
        assert [each.word for each in graph.show("column:orders.comment").neighbours] == ["column_of"]
        with pytest.raises(InputError, match="nothing here is called"):
            graph.show("dataset:nothing")


def test_merged_addresses_are_one_thing_and_each_edge_is_shown_once() -> None:
    items = [
        said(ORDERS, ("same_as", ALIAS), ("read_by", pipeline_uri("x", "p")), owner="a", rows=1),
        said(ALIAS, ("same_as", B), owner="b", description="the same"),
        said(B, (ORDERS, "derives")),  # an edge between two addresses of one thing
    ]
    with opened(items) as graph:
        for target, others in ((ORDERS, (ALIAS, B)), (ALIAS, (ORDERS, B)), (B, (ORDERS, ALIAS))):
            shown = graph.show(target)
            assert (shown.uri, shown.also) == (target, tuple(sorted(others)))
            assert shown.attributes == {"rows": 1, "description": "the same"}
            assert set(shown.owners) == {"a", "b"}
            assert [each.word for each in shown.neighbours].count("same_as") == 2
            assert len(shown.neighbours) == shown.n_neighbours == 6
        assert graph.show("dataset:b").uri == B  # the address that was meant, not the first one recorded


def test_a_hub_shows_some_and_counts_all() -> None:
    readers = [("read_by", pipeline_uri("x", f"p{number}")) for number in range(50)]
    with opened([said(A, *readers)]) as graph:
        shown = graph.show(A, n_max=7)
        assert (len(shown.neighbours), shown.n_neighbours) == (7, 50)
        assert len(graph.show(A).neighbours) == 50
        with pytest.raises(InputError, match="n_max=-1"):
            graph.show(A, n_max=-1)


def test_a_component_as_of_a_moment() -> None:
    clock = Ticking()
    with opened([said(A, owner="old", at=10)], clock=clock) as graph:
        known = clock()
        clock.micros += 1_000_000
        graph.add([said(A, owner="new", at=20)])
        assert graph.show(A).owners == ("new",)
        assert graph.show(A).enriched_at == START + 1_000_000
        assert graph.as_of(known_at=known).show(A).owners == ("old",)
        assert graph.as_of(valid_at="1970-01-01T00:00:00.000015Z").show(A).owners == ("old",)


def test_owners_of_the_target_come_before_those_around_it() -> None:
    with shop() as graph:
        assert [(o.name, o.of, o.distance) for o in graph.owners("dataset:orders")] == [("shop", ORDERS, 0)]
        assert [(o.name, o.of, o.distance) for o in graph.owners("column:orders.amount")] == [("shop", ORDERS, -1)]
        assert [(o.name, o.of, o.distance) for o in graph.owners("model:ranking@v5")] == [
            ("alice", model("ranking"), -1)
        ]
        assert [(o.name, o.distance) for o in graph.owners(FEATURES)] == [("shop", -2)]
        assert [(o.name, o.distance) for o in graph.owners(feature("orders.amount_7d"))] == [("alice", 2)]


def test_owners_further_than_three_hops_are_not_guessed() -> None:
    chain = [table(f"n{number}") for number in range(5)]
    items = [said(one, ("derives", other)) for one, other in pairwise(chain)]
    with opened([*items, said(chain[4], owner="far")]) as graph:
        assert graph.owners(chain[0]) == []
        assert [(o.name, o.distance) for o in graph.owners(chain[1])] == [("far", 3)]


def test_owners_of_a_merged_thing_are_its_own() -> None:
    with opened([said(A, ("same_as", ALIAS)), said(ALIAS, owner="zoe"), said(C)]) as graph:
        assert [(o.name, o.of, o.distance) for o in graph.owners(A)] == [("zoe", ALIAS, 0)]
        assert graph.owners(C) == []
