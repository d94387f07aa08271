"""Layers of a graph that may have cycles: every arrow that closes no cycle goes to a later layer."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["layers_of"]


def layers_of(n_nodes: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each node: 0 without predecessors, else one more than the furthest of them (longest path).

    Arrows that close a cycle, as a walk from the first node on meets them, count for nothing. Linear.
    """
    after: list[list[int]] = [[] for _ in range(n_nodes)]
    for source, target in arrows:
        if source != target:
            after[source].append(target)
    layers = [0] * n_nodes
    for node in reversed(_finished(after)):  # sources first
        for other in after[node]:
            layers[other] = max(layers[other], layers[node] + 1)
    return layers


def _finished(after: list[list[int]]) -> list[int]:
    """Nodes in the order in which a depth-first walk leaves them; drops the arrows back to a node that is open."""
    order: list[int] = []
    state = [0] * len(after)  # 1: open, 2: left
    for start in range(len(after)):
        if state[start]:
            continue
        state[start] = 1
        open_nodes = [(start, 0)]
        while open_nodes:
            node, at = open_nodes.pop()
            if at == len(after[node]):
                state[node] = 2
                order.append(node)
                continue
            other = after[node][at]
            if state[other] == 1:
                after[node].pop(at)
                open_nodes.append((node, at))
                continue
            open_nodes.append((node, at + 1))
            if state[other] == 0:
                state[other] = 1
                open_nodes.append((other, 0))
    return order
