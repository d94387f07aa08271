"""The scorecard: what can be had, what has it, what a person could mend first."""

from __future__ import annotations

from motherlode.lifecycle.doctor import Check, Quality, Suggestion
from motherlode.lifecycle.record import Rejected
from tests.lifecycle_worlds import FEATURES, ORDERS, START, Ticking, feature, model, opened, said, shop, table

A, B = table("a"), table("b")
ALIAS = table("A_UNDER_ANOTHER_NAME", "snowflake://acct")


def checks(quality: Quality) -> dict[str, Check]:
    return {check.name: check for check in quality.checks}


def counts(quality: Quality) -> dict[str, tuple[int, int]]:
    return {check.name: (check.n_good, check.n_all) for check in quality.checks}


def test_the_shop_by_hand() -> None:
    with shop() as graph:
        quality = graph.doctor()
        # Described: 2 datasets, 1 pipeline, 1 view, 1 feature, 2 versions, 1 model, 1 deployment.
        assert quality.n_components == 9
        assert counts(quality) == {
            "described": (2, 7),  # orders and the feature; versions need none
            "owned": (2, 7),  # orders and ranking
            "features with lineage": (1, 1),
            "tables with columns": (2, 2),
            "models with data": (1, 2),  # v4 has none
            "connected": (9, 9),
            "resolved": (12, 12),  # and three columns, which their tables have
        }
        assert checks(quality)["models with data"].examples == ("model_version:ranking@v4",)
        assert abs(quality.score - (2 / 7 + 2 / 7 + 1 + 1 + 0.5 + 1 + 1) / 7) < 1e-12
        with graph.database.read() as session:
            assert session.one("SELECT count(*) FROM lifecycle_edges") == (quality.n_edges,)


def test_an_empty_graph_has_nothing_to_mend() -> None:
    with opened([]) as graph:
        quality = graph.doctor()
        assert (quality.score, quality.n_components, quality.n_edges) == (1.0, 0, 0)
        assert all(check.score == 1.0 for check in quality.checks)


def test_orphans_and_dangling_references() -> None:
    with opened([said(A), said(B, ("feeds", feature("x")), owner="zoe")]) as graph:
        found = checks(graph.doctor())
        assert (found["connected"].n_good, found["connected"].n_all, found["connected"].examples) == (
            1,
            2,
            ("dataset:a",),
        )
        assert (found["resolved"].n_good, found["resolved"].n_all) == (2, 3)  # people and tags need no description
        assert found["resolved"].examples == ("feature:x",)
        graph.add([said(feature("x")), said(A, ("derives", B), at=20)])
        assert (checks(graph.doctor())["connected"].score, checks(graph.doctor())["resolved"].score) == (1.0, 1.0)


def test_a_blank_description_is_none() -> None:
    with opened([said(A, description="  "), said(B, description=None), said(FEATURES, description="yes")]) as graph:
        assert counts(graph.doctor())["described"] == (1, 3)


def test_what_one_address_has_all_have() -> None:
    with opened([said(A, owner="zoe", description="told", columns=("x",)), said(ALIAS), said(B)]) as graph:
        assert counts(graph.doctor())["owned"] == (1, 3)
        graph.add([said(A, ("same_as", ALIAS), aspect="alias")])
        found = counts(graph.doctor())
        assert (found["owned"], found["described"], found["tables with columns"]) == ((2, 3), (2, 3), (2, 3))
        assert found["connected"] == (2, 3)  # A by its column, the other by A


def test_an_identity_alone_is_no_lineage() -> None:
    with opened([said(A, ("same_as", ALIAS)), said(ALIAS)]) as graph:
        assert counts(graph.doctor())["connected"] == (0, 2)


def test_examples_are_those_with_the_most_lineage() -> None:
    readers = [said(table(f"t{number}"), *[("derives", model(f"m{k}")) for k in range(number)]) for number in range(9)]
    with opened(readers) as graph:
        assert checks(graph.doctor())["owned"].examples == tuple(f"dataset:t{number}" for number in (8, 7, 6, 5, 4))


def test_sources_with_their_age_and_quarantine() -> None:
    clock = Ticking()
    with opened([said(A), Rejected("line 1", "no JSON")], clock=clock) as graph:
        clock.micros += 90_000_000
        (health,) = graph.doctor().providers
        assert (health.name, health.scope, health.swept_at, health.n_quarantined, health.error) == (
            "python",
            "",
            None,
            1,
            None,
        )
        assert health.age_s is not None
        assert 89 < health.age_s <= 90
        assert clock.micros == START + 90_000_000


def test_what_may_be_one_thing_is_suggested_until_somebody_decides() -> None:
    twins = [table("x.shop.orders", "snowflake://acct"), table("y.shop.orders", "snowflake://acct")]
    with opened([]) as graph:
        mine = ORDERS.replace("shop.public", "z.shop")
        graph.add([said(mine)], provider="a")
        graph.add([said(uri) for uri in twins], provider="b")
        suggested = graph.doctor().suggestions
        assert {type(each) for each in suggested} == {Suggestion}
        assert {frozenset((each.first, each.second)) for each in suggested} == {frozenset((mine, uri)) for uri in twins}
        number = graph.refuse(twins[0], "same_as", mine, actor="me", reason="another shop")
        left = graph.doctor().suggestions
        assert mine not in {
            uri for each in left for uri in (each.first, each.second) if twins[0] in (each.first, each.second)
        }
        graph.undo(number, actor="me")
        assert len(graph.doctor().suggestions) == 2


def test_the_scorecard_of_a_moment_on_both_databases(sql_place: str) -> None:
    with opened([said(A, at=10), said(A, at=20, owner="zoe", description="told")], sql_place) as graph:
        assert counts(graph.doctor())["owned"] == (1, 1)
        past = graph.as_of(valid_at="1970-01-01T00:00:00.000015Z").doctor()
        assert (counts(past)["owned"], counts(past)["described"], past.n_edges) == ((0, 1), (0, 1), 0)
