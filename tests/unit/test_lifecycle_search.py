"""One search over all components: order, filters, texts of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from motherlode.errors import InputError
from motherlode.lifecycle.full_text import words_of
from motherlode.lifecycle.graph import LifecycleGraph
from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.uris import make_uri
from tests.lifecycle_worlds import ORDERS, Ticking, feature, model, opened, place, said, shop_items, table

JAPANESE = table("注文データ", "file")
THAI = table("ยอดขายรายวัน", "file")
HINDI = table("हिन्दी बिक्री", "file")
ACCENTED = table("Café_Größe", "file")
NOTES = table("notes", "file")
OPERATOR = table("and", "file")
BANG = table("!!!", "file")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def graph(request: pytest.FixtureRequest) -> Iterator[LifecycleGraph]:
    more = [
        *(said(uri) for uri in (JAPANESE, THAI, HINDI, ACCENTED, OPERATOR, BANG)),
        said(NOTES, description="how the ranking reads the orders, in prose"),
        said(table("orders_daily", "file")),
        said(table("customerChurnScores", "file")),
    ]
    with place(request) as where, opened([*shop_items(), *more], where) as world:
        yield world


def names(graph: LifecycleGraph, text: str, **filters: object) -> list[str]:
    return [found.name for found in graph.search(text, **filters)]  # type: ignore[arg-type]


def test_names_come_before_words_elsewhere_and_exact_ones_first(graph: LifecycleGraph) -> None:
    found = names(graph, "orders", types=["dataset", "feature_view"])
    assert found[0] == "orders"  # the feature view, by its whole name
    assert found[1] == "shop.public.orders"  # the end of a path
    assert set(found[2:-1]) == {"orders.parquet", "orders_daily"}  # names with the word
    assert found[-1] == "notes"  # only its description has it


def test_a_search_shows_what_a_reader_wants_to_know(graph: LifecycleGraph) -> None:
    (found,) = graph.search(ORDERS.rpartition("/")[2], types=["dataset"], limit=1)
    assert (found.uri, found.type, found.domain, found.name) == (ORDERS, "dataset", "Data", "shop.public.orders")
    assert (found.description, found.owners, found.tags, found.described) == (
        "Orders as sold", ("shop",), ("pii",), True,
    )  # fmt: skip
    assert found.score >= 15


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("amount_7d", "orders.amount_7d"),
        ("amount 7", "orders.amount_7d"),  # the last word unfinished
        ("ord am", "orders.amount"),  # any word unfinished
        ("o", "orders"),  # one letter
        ("churn scores", "customerChurnScores"),  # camelCase
        ("cafe groß", "Café_Größe"),
        ("CAFÉ GRÖSSE", "Café_Größe"),
        ("注文", "注文データ"),
        ("データ", "注文データ"),  # the middle of what has no spaces
        ("文デ", "注文データ"),
        ("タ", "注文データ"),
        ("รายวัน", "ยอดขายรายวัน"),
        ("हिन्दी", "हिन्दी बिक्री"),
        ("ordres amuont", "orders.amount"),  # spelled nearly so
        ("rankng", "ranking"),
        ("sohp pubilc", "shop.public.orders"),
        ("raking orders", "notes"),
        ("and", "and"),  # an operator of query languages is a word
        ("AND", "and"),
        ("!!!", "!!!"),
        ("sum week", "orders.amount_7d"),
        ("alice", "alice"),
        ("orders xylophone", "orders"),  # nothing has both
        ("customrchrnscores", "customerChurnScores"),
    ],
)
def test_a_text_finds_first(graph: LifecycleGraph, text: str, first: str) -> None:
    assert names(graph, text)[:1] == [first]


@pytest.mark.parametrize(
    "text",
    ['"', "'", "''; DROP TABLE x --", '"orders', "orders*", "NEAR(a b)", "names : orders", "-orders", "^orders",
     "orders AND", "NOT", "(((", "a:*", "orders & | ! <->", "\\", "%", "_", "{names} : x", "+", "orders OR OR"],
)  # fmt: skip
def test_no_text_is_a_query_language(graph: LifecycleGraph, text: str) -> None:
    for found in graph.search(text, limit=5):
        assert found.name


def test_hostile_lengths_are_answered(graph: LifecycleGraph) -> None:
    assert graph.search("x" * 100_000) == []
    assert names(graph, " ".join(f"w{number}" for number in range(5000))) == []
    assert names(graph, "orders " * 5000, types=["feature_view"]) == ["orders"]


def test_an_empty_text_lists_by_name_within_the_filters(graph: LifecycleGraph) -> None:
    assert names(graph, "", types=["feature", "model"]) == ["orders.amount_7d", "ranking"]
    assert names(graph, "", types=["model_version"]) == ["ranking@v4", "ranking@v5"]
    assert names(graph, "??", owner="ALICE") == ["ranking"]
    assert names(graph, "", tag="pii") == ["shop.public.orders"]
    assert names(graph, "", tag="tier=gold", owner="alice") == ["ranking"]
    assert names(graph, "", tag="pii", owner="alice") == []
    assert names(graph, "", owner="nobody") == []


def test_filters_hold_for_every_way_of_being_found(graph: LifecycleGraph) -> None:
    assert names(graph, "orders", owner="shop") == ["shop.public.orders"]
    assert names(graph, "ordres", tag="pii") == ["shop.public.orders"]
    assert names(graph, "shop xylophone", owner="shop") == ["shop.public.orders"]
    assert set(names(graph, "orders", types=["table"])) >= {"shop.public.orders", "orders_daily"}
    assert "orders" not in names(graph, "orders", types=["table"])  # which is a feature view


def test_a_type_is_not_found_by_a_part_of_its_name(graph: LifecycleGraph) -> None:
    assert {found.type for found in graph.search("ranking", types=["model"])} == {"model"}
    assert {found.type for found in graph.search("ranking", types=["model_version"])} == {"model_version"}


def test_bad_arguments_are_named(graph: LifecycleGraph) -> None:
    with pytest.raises(InputError, match="limit=0"):
        graph.search("orders", limit=0)
    with pytest.raises(InputError, match="did you mean dataset"):
        graph.search("orders", types=["datset"])


def test_a_filter_loses_nothing_behind_many_others(sql_place: str) -> None:
    crowd = [said(table(f"crowd_{number:05}", "file")) for number in range(1200)]
    owned = said(table("crowd_with_a_long_name_behind_all_others", "file"), owner="zoe")
    with opened([*crowd, owned], sql_place) as graph:
        assert names(graph, "crowd", owner="zoe") == ["crowd_with_a_long_name_behind_all_others"]
        assert names(graph, "", owner="zoe") == ["crowd_with_a_long_name_behind_all_others"]
        assert names(graph, "crowd", types=["user"]) == []
        assert names(graph, "file", owner="zoe") == ["crowd_with_a_long_name_behind_all_others"]
        assert len(graph.search("crowd", limit=1100)) == 1100


def test_what_is_gone_is_found_only_at_moments_when_it_was_there() -> None:
    clock = Ticking()
    with opened([said(table("ghost", "file")), said(table("stays", "file"))], clock=clock) as graph:
        then = clock()
        clock.micros += 3_600_000_000
        graph.add([said(table("ghost", "file"), at=clock.micros, gone=True)])
        assert names(graph, "ghost") == []
        assert names(graph, "") == ["stays"]
        view = graph.as_of(valid_at=then, known_at=then + timedelta(seconds=1))
        assert [found.name for found in view.search("ghost")] == ["ghost"]


def test_what_is_only_referred_to_is_found_and_said_to_be_undescribed() -> None:
    with opened([said(model("m"), (table("unknown", "file"), "trains"))]) as graph:
        (found,) = graph.search("unknown")
        assert (found.name, found.described) == ("unknown", False)


def test_words_follow_what_is_recorded_now() -> None:
    with opened([said(ORDERS, owner="team:shop", description="Sold")]) as graph:
        graph.add([said(ORDERS, at=20, owner="team:finance", description="Booked")])
        assert names(graph, "sold") == []
        assert names(graph, "finance booked") == ["shop.public.orders"]


def test_labels_are_words_also_behind_a_long_description() -> None:
    long = " ".join(f"word{number}" for number in range(1000))
    with opened([said(NOTES, owner="zoe", tags=("pii",), description=long)]) as graph:
        assert names(graph, "zoe pii word1", types=["dataset"]) == ["notes"]


def test_a_word_of_many_letters_is_stored_on_both_databases(sql_place: str) -> None:
    with opened([said(NOTES, description="x" * 10_000)], sql_place) as graph:
        assert names(graph, "x" * 10_000) == ["notes"]


def test_columns_keep_the_name_of_their_table() -> None:
    with opened([said(column_uri(ORDERS, "amount"), name="amount")]) as graph:
        assert [found.name for found in graph.search("amount")] == ["orders.amount"]


def test_words_of_texts() -> None:
    assert words_of("snake_case camelCase/path.to-9") == ["snake", "case", "camel", "case", "path", "to", "9"]
    assert words_of("注文x2データ") == ["注文", "文", "x2", "テー", "ータ", "タ"]
    assert words_of("¡…! ") == []
    assert words_of(make_uri("tag", "label", "Straße")) == ["lode", "tag", "label", "strasse"]
    assert feature("a").endswith("shop/a")
