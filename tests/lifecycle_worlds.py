"""Small worlds of the lifecycle graph: observations in a few words, opened as a graph. Shared by its tests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.naming import column_uri, dataset_uri, owner_uri, pipeline_uri, tag_uri
from motherlode.lifecycle.record import Edge, Item, Observation
from motherlode.lifecycle.uris import make_uri
from tests.nugget_worlds import START, Ticking

__all__ = [
    "START",
    "Ticking",
    "feature",
    "hops",
    "model",
    "opened",
    "place",
    "random_history",
    "said",
    "shop",
    "shop_items",
    "table",
]


def table(name: str, namespace: str = "postgres://db:5432") -> str:
    """The address of a table."""
    return dataset_uri(namespace, name)


def feature(name: str) -> str:
    """The address of a feature of the shop's store."""
    return make_uri("feature", "feast", f"shop/{name}")


def model(name: str) -> str:
    """The address of a registered model, or of a version of one: ``ranking@v5``."""
    return make_uri("model_version" if "@" in name else "model", "mlflow", name)


def said(
    subject: str,
    *edges: tuple[Any, ...],
    at: int = 10,
    aspect: str = "definition",
    columns: Iterable[str] = (),
    owner: str | None = None,
    tags: Iterable[str] = (),
    gone: bool = False,
    **attributes: Any,
) -> Observation:
    """What a provider says of a component, in one aspect.

    edges: ("relation", target) out of the subject, (source, "relation") into it, or three parts for others'
    """
    made = [Edge(subject, "has_column", column_uri(subject, column)) for column in columns]
    made += [Edge(subject, "owned_by", owner_uri(owner))] if owner else []
    made += [Edge(subject, "tagged", tag_uri(tag)) for tag in tags]
    for edge in edges:
        if len(edge) == 2:
            edge = (edge[0], edge[1], subject) if edge[0].startswith("lode://") else (subject, *edge)
        made.append(Edge(*edge))
    return Observation(subject, aspect, at, attributes=attributes, edges=tuple(made), gone=gone)


def opened(
    items: Iterable[Item], where: str | os.PathLike[str] = ":memory:", *, clock: Ticking | None = None
) -> LifecycleGraph:
    """A graph in which one program said all of it."""
    graph = open_lifecycle(where, clock=clock or Ticking())
    graph.add(items)
    return graph


ORDERS, FEATURES = table("shop.public.orders"), table("features/orders.parquet", "s3://lake")
JOB = pipeline_uri("airflow", "build_features")
VIEW = make_uri("feature_view", "feast", "shop/orders")
CHAMPION = make_uri("deployment", "mlflow", "ranking@champion")


def shop_items() -> list[Item]:
    """orders.amount → orders.amount_7d (file) → the feature → ranking@v5 → ranking, champion; v4 reads nothing."""
    amount, amount_7d = column_uri(ORDERS, "amount"), column_uri(FEATURES, "amount_7d")
    return [
        said(ORDERS, columns=("amount", "comment"), owner="team:shop", tags=("pii",), description="Orders as sold"),
        said(FEATURES, columns=("amount_7d",)),
        said(JOB, (ORDERS, "read_by"), ("writes", FEATURES), (amount, "derives", amount_7d)),
        said(VIEW, (FEATURES, "feeds"), ("has_feature", feature("orders.amount_7d"))),
        said(feature("orders.amount_7d"), (amount_7d, "feeds"), description="Sum of the last week"),
        said(
            model("ranking@v5"),
            (feature("orders.amount_7d"), "input_of", model("ranking@v5"), 0.9, "signature"),
            ("current_of", model("ranking")),
            (model("ranking"), "has_version"),
            ("deployed_as", CHAMPION),
        ),
        said(model("ranking@v4"), (model("ranking"), "has_version")),
        said(model("ranking"), owner="alice", tags=("tier=gold",)),
        said(CHAMPION),
    ]


def shop(where: str | os.PathLike[str] = ":memory:", clock: Ticking | None = None) -> LifecycleGraph:
    """The shop as an open graph."""
    return opened(shop_items(), where, clock=clock)


@contextmanager
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a graph may live, by the fixture's parameter "sqlite" or "postgresql": for fixtures of a whole module."""
    if request.param == "sqlite":
        yield ":memory:"
        return
    with request.getfixturevalue("postgres_server").database() as url:
        yield url


def hops(edges: Iterable[tuple[str, str]], start: str, *, upstream: bool = False) -> dict[str, int]:
    """The obvious lineage: how many edges each name is away from the start, which is 0 away."""
    pairs = {(target, source) if upstream else (source, target) for source, target in edges}
    found, edge_of_it = {start: 0}, {start}
    while edge_of_it:
        edge_of_it = {target for source, target in pairs if source in edge_of_it} - found.keys()
        found |= dict.fromkeys(edge_of_it, max(found.values()) + 1)
    return found


_FLOW = ("read_by", "writes", "derives", "feeds", "trains", "input_of", "has_column", "deployed_as", "supports")


def random_history(random: Random, graph: LifecycleGraph, clock: Ticking, n_steps: int) -> list[int]:
    """Say things of a dozen components at random, as several providers and aspects; the clock after each step."""
    names = [table(f"t{number}") for number in range(8)] + [model(f"m{number}") for number in range(4)]
    instants = []
    for _ in range(n_steps):
        items = []
        for _ in range(random.randrange(1, 4)):
            subject = random.choice(names)
            # Few ends and evidences, so that several providers and aspects say the same edge.
            edges = [
                (random.choice(names), random.choice(_FLOW[:3]), random.choice(names), 1.0, random.choice(("", "x")))
                for _ in range(random.randrange(4))
            ]
            items.append(
                said(
                    subject,
                    *edges,
                    at=START + random.randrange(100) * 1_000_000,
                    aspect=random.choice(("definition", "io")),
                    gone=random.random() < 0.15,
                    description=random.choice(("a", "b", None)),
                )
            )
        graph.add(items, provider=random.choice(("one", "two")), scope=random.choice(("", "other")))
        instants.append(clock.micros)
        clock.micros += 1_000_000
    return instants
