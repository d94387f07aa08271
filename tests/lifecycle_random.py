"""Random small histories of a lifecycle graph: few components, so that the rules and the merges have work to do."""

from __future__ import annotations

import random

from motherlode.lifecycle.record import Edge, Item, Observation, RunReport
from motherlode.lifecycle.uris import make_uri

__all__ = ["component", "edge", "items", "stated"]

_SHAPES = {
    "read_by": ("dataset", "pipeline"),
    "writes": ("pipeline", "dataset"),
    "derives": ("column", "column"),
    "has_column": ("dataset", "column"),
    "trains": ("dataset", "pipeline_run"),
    "produced": ("pipeline_run", "model_version"),
    "has_run": ("pipeline", "pipeline_run"),
    "deployed_as": ("model_version", "deployment"),
    "tested_in": ("deployment", "ab_cell"),
    "cell_of": ("ab_cell", "ab_test"),
    "current_of": ("model_version", "model"),
    "same_as": ("dataset", "dataset"),
    "owned_by": ("dataset", "user"),
}


def component(rng: random.Random, kind: str, n: int = 3) -> str:
    """One of n components of a type."""
    number = rng.randrange(n)
    name = f"t{number}::c{rng.randrange(2)}" if kind == "column" else f"x{number}"
    return make_uri(kind, "test", name)


def edge(rng: random.Random) -> Edge:
    """One edge of a plausible shape, now and then of another."""
    relation = rng.choice(list(_SHAPES))
    source, target = (component(rng, kind) for kind in _SHAPES[relation])
    if rng.random() < 0.1:  # a cycle, a self-edge
        target = component(rng, _SHAPES[relation][0])
    return Edge(source, relation, target, rng.choice([1.0, 0.9, 0.5]), rng.choice(["", "seen"]))


def items(rng: random.Random, n: int) -> list[Item]:
    """Observations of few versions and reports of few runs, so that they meet."""
    made: list[Item] = []
    for _ in range(n):
        edges = tuple(edge(rng) for _ in range(rng.randrange(4)))
        if rng.random() < 0.25:
            run = make_uri("pipeline_run", "test", f"r{rng.randrange(3)}")
            job = make_uri("pipeline", "test", "x0")
            made.append(
                RunReport(run, job, rng.randrange(1, 9), rng.choice(["START", "RUNNING", "COMPLETE", "FAIL"]), edges)
            )
            continue
        kind = rng.choice(["dataset", "pipeline", "model_version", "model", "ab_cell"])
        made.append(
            Observation(
                component(rng, kind),
                rng.choice(["definition", "schema"]),
                rng.randrange(1, 6),
                rng.randrange(2),
                attributes={"n": rng.randrange(3)},
                edges=edges,
                gone=rng.random() < 0.15,
            )
        )
    return made


def stated(rng: random.Random, kind: str) -> Observation:
    """A component that says nothing of itself."""
    return Observation(component(rng, kind), version=1)
