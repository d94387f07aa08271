"""The obvious version of `motherlode.lifecycle.kernels.reach`: label-correcting over dictionaries, in plain Python.

A label says how well a node can be had in a condition: (depth, identities since depth or condition changed), the
smaller the better. Labels are improved over all arcs until nothing changes. Slow on purpose; tests compare with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

__all__ = ["Answer", "Arc", "affected", "counting_arcs"]


class Arc(NamedTuple):
    """One directed arc; valid in [valid_from, valid_to), None: always."""

    source: int
    target: int
    arc_class: int
    edge: int
    valid: tuple[int, int] | None = None


class Answer(NamedTuple):
    """What a node gets; parent (node, edge), or (−1, −1) for a seed."""

    condition: int
    depth: int
    parent: tuple[int, int]


def counting_arcs(
    base: Iterable[Arc], added: Iterable[Arc] = (), removed_edges: Container[int] = (), at: int | None = None
) -> list[Arc]:
    """The arcs that count: the base's without the removed edges, and the added ones, valid at the instant."""
    arcs = [arc for arc in base if arc.edge not in removed_edges] + list(added)
    return [arc for arc in arcs if at is None or arc.valid is None or arc.valid[0] <= at < arc.valid[1]]


def affected(
    arcs: Sequence[Arc],
    seeds: Iterable[tuple[int, int]],
    transfer: Sequence[Sequence[int]],
    identity: Sequence[bool],
    *,
    upstream: bool = False,
    max_depth: int | None = None,
) -> dict[int, Answer]:
    """Node → answer, for seeds (node, condition)."""
    given = {(node, condition) for node, condition in seeds}
    if upstream:
        arcs = [arc._replace(source=arc.target, target=arc.source) for arc in arcs]
    arcs = [arc for arc in arcs if arc.arc_class < len(transfer)]
    labels: dict[tuple[int, int], tuple[int, int]] = dict.fromkeys(given, (0, 0))
    parents: dict[tuple[int, int], tuple[int, int]] = dict.fromkeys(given, (-1, -1))
    leaving: dict[int, list[Arc]] = defaultdict(list)
    for arc in arcs:
        leaving[arc.source].append(arc)
    waiting = list(given)
    while waiting:
        node, condition = state = waiting.pop()
        for arc in leaving[node]:
            after = transfer[arc.arc_class][condition]
            depth, identities = labels[state]
            if not identity[arc.arc_class]:
                label = (depth + 1, 0)
            else:
                label = (depth, identities + 1 if after == condition else 0)
            if not after or (max_depth is not None and label[0] > max_depth):
                continue
            reached = (arc.target, after)
            if reached not in labels or label < labels[reached]:
                labels[reached] = label
                waiting.append(reached)
    _choose_parents(arcs, labels, parents, transfer, identity)
    answers: dict[int, Answer] = {}
    for (node, condition), (depth, _) in labels.items():
        if node not in answers or condition > answers[node].condition:
            answers[node] = Answer(condition, depth, parents[node, condition])
    return answers


def _choose_parents(
    arcs: Sequence[Arc],
    labels: dict[tuple[int, int], tuple[int, int]],
    parents: dict[tuple[int, int], tuple[int, int]],
    transfer: Sequence[Sequence[int]],
    identity: Sequence[bool],
) -> None:
    """Of all arcs that give a state its label, the one from the smallest node, then over the smallest edge."""
    for arc in arcs:
        for condition, after in enumerate(transfer[arc.arc_class]):
            if not after or (arc.source, condition) not in labels:
                continue
            depth, identities = labels[arc.source, condition]
            if not identity[arc.arc_class]:
                label = (depth + 1, 0)
            else:
                label = (depth, identities + 1 if after == condition else 0)
            reached, parent = (arc.target, after), (arc.source, arc.edge)
            if labels.get(reached) == label and parent < parents.get(reached, (1 << 62, 0)):
                parents[reached] = parent
