"""A loop that hydrates what thin events speak of, until it is told to stop."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motherlode.errors import ConflictError, InputError
from motherlode.lifecycle.record import Provider
from motherlode.lifecycle.recording import Tally

if TYPE_CHECKING:
    from motherlode.lifecycle.graph import LifecycleGraph

__all__ = ["WorkerReport", "run_worker"]

_logger = logging.getLogger("motherlode.lifecycle.worker")
_LONGEST_PAUSE_S = 300.0


@dataclass
class WorkerReport:
    """What a worker did. n_rounds: calls of `work` that ended; n_conflicts: those that met a locked graph."""

    n_rounds: int = 0
    n_conflicts: int = 0
    tally: Tally = field(default_factory=Tally)


def run_worker(
    graph: LifecycleGraph,
    providers: Sequence[Provider],
    *,
    every_s: float,
    stop: threading.Event,
    limit: int = 1000,
    n_rounds: int | None = None,
) -> WorkerReport:
    """Call ``graph.work(*providers)`` until `stop` is set, and say what was done.

    every_s: pause between two rounds; none after a round that found something to do. While the graph is locked, full or
        unreachable, pauses double up to 5 minutes; what cannot be hydrated waits longer with every try by itself
    stop: ends the loop after the round that runs, and a pause at once
    limit: notices a round; n_rounds: end after so many rounds, None never

    Raises InputError for a pause or a limit that is not positive, and what a provider raises besides LodeError. A
    worker may run beside others on the same graph: hydrating twice says nothing new.
    """
    if not (every_s > 0 and math.isfinite(every_s)):
        raise InputError(f"every_s={every_s}: expected a positive number of seconds")
    if limit < 1:
        raise InputError(f"limit={limit}: expected 1 or more notices a round")
    report, pause_s = WorkerReport(), every_s
    while not stop.is_set() and (n_rounds is None or report.n_rounds < n_rounds):
        report.n_rounds += 1
        try:
            done = graph.work(*providers, limit=limit)
        except ConflictError as error:
            report.n_conflicts += 1
            pause_s = min(2 * pause_s, max(_LONGEST_PAUSE_S, every_s))
            _logger.warning("the lifecycle graph cannot be written now, next try in %.0f s: %s", pause_s, error)
            stop.wait(pause_s)
            continue
        report.tally.add(done)
        pause_s = every_s
        if not done.n_items and not done.n_gone:
            stop.wait(every_s)
    return report
