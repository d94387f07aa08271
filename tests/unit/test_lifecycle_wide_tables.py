"""Columns of two addresses of one table meet by name, however many there are."""

from __future__ import annotations

import pytest

from motherlode.lifecycle import Edge, Observation, make_uri, open_lifecycle
from motherlode.lifecycle.naming import column_uri

N_COLUMNS = 1500


def wide(platform: str, name: str, spelled: str) -> Observation:
    table = make_uri("dataset", platform, name)
    edges = tuple(Edge(table, "has_column", column_uri(table, spelled.format(n))) for n in range(N_COLUMNS))
    return Observation(table, version=1, edges=edges)


@pytest.mark.timeout(60)  # a million and more pairs one by one would take minutes
def test_two_wide_tables_that_are_one_have_each_column_once() -> None:
    with open_lifecycle(":memory:") as graph:
        graph.add([wide("postgres", "h/shop.public.orders", "c{}")], provider="one")
        graph.add([wide("snowflake", "a/SHOP.PUBLIC.ORDERS", "C{}")], provider="other")
        found = graph.diff("1970-01-01", "2100-01-01").edges_added
        merged = [edge for edge in found if edge.provider == "inference" and "lode://dataset" in edge.source]
        columns = [edge for edge in found if edge.provider == "inference" and "lode://column" in edge.source]
        assert len(merged) == 1
        assert len(columns) == N_COLUMNS
        assert all(e.source.rpartition("::")[2].casefold() == e.target.rpartition("::")[2].casefold() for e in columns)
