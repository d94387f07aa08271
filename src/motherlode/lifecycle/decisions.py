"""What people decide about edges: confirmed or refused for good, until they take it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from motherlode.core.sql import next_id
from motherlode.core.time import EVER, from_micros
from motherlode.errors import ConflictError, InputError
from motherlode.lifecycle.inference.formation import INFERENCE
from motherlode.lifecycle.recording import Recording
from motherlode.lifecycle.relations import RELATION_NAMES, RELATIONS
from motherlode.lifecycle.walking import Walk, seeds_of, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.graph import LifecycleGraph

__all__ = ["PEOPLE", "Decision", "confirm", "decisions", "refuse", "undo"]

PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word about an edge. undone_at: when it was taken back."""

    id: int
    verdict: str
    source: str
    relation: str
    target: str
    actor: str
    reason: str
    decided_at: datetime | None
    undone_at: datetime | None
    undone_by: str | None


def confirm(graph: LifecycleGraph, source: str, relation: str, target: str, *, actor: str, reason: str) -> int:
    """Says that an edge is there, whoever else says so: certain from now on, whatever becomes of its premises.

    ``confirm(a, "same_as", b)`` merges two addresses of one thing. Returns the decision's number, for `undo`. Raises
    InputError for unknown or ambiguous names or an unknown relation, ConflictError when it was refused before.
    """
    return _decide(graph, "confirm", source, relation, target, actor, reason)


def refuse(graph: LifecycleGraph, source: str, relation: str, target: str, *, actor: str, reason: str) -> int:
    """Says that an edge that was concluded is wrong: it goes, with what rests on it, and is never concluded again.

    What a provider states is corrected there, not here: then this raises ConflictError, as when it was confirmed
    before. Returns the decision's number, for `undo`.
    """
    return _decide(graph, "refuse", source, relation, target, actor, reason)


def _decide(
    graph: LifecycleGraph, verdict: str, source: str, relation: str, target: str, actor: str, reason: str
) -> int:
    if relation not in RELATIONS:
        raise InputError(f"relation {relation!r} is not declared; choose one of {', '.join(sorted(RELATIONS))}")
    for name, value in (("actor", actor), ("reason", reason)):
        if not value.strip() or "\0" in value:
            raise InputError(f"{name}={value!r}: a decision stands for good, so say who decides and why")
    with walking(graph) as walk:
        first, last = (_one(walk, name) for name in (source, target))
    if first[0] == last[0]:
        raise InputError(f"{source!r} and {target!r} are the same address")
    if relation == "same_as" and first[1] > last[1]:
        first, last = last, first
    edge = (first[0], RELATIONS[relation].code, last[0])
    with graph.ingestion.recording() as recording:
        _check_free(recording, verdict, edge)
        number = _keep(recording, verdict, edge, actor, reason)
        if verdict == "confirm":
            _state(recording, edge, f"confirmed by {actor}: {reason}")
        else:
            _withdraw(recording, edge)
    graph.form()
    return number


def _one(walk: Walk, name: str) -> tuple[int, str]:
    """The address itself where one was given; otherwise the name's, which may have merged ones."""
    rows = seeds_of(walk, name)
    exact = [row for row in rows if row.uri == name]
    row = exact[0] if exact else min(rows, key=lambda row: row.id)
    return row.id, row.uri


def _check_free(recording: Recording, verdict: str, edge: tuple[int, int, int]) -> None:
    row = recording.session.one(
        "SELECT id, verdict, actor, reason FROM lifecycle_decisions WHERE source = ? AND relation = ? AND target = ? "
        "AND undone_at IS NULL",
        edge,
    )
    if row is not None:
        raise ConflictError(f"{row[2]} decided {row[1]!r} on this edge before ({row[3]}); undo decision {row[0]} first")
    if verdict == "refuse":
        stated = recording.session.one(
            "SELECT p.name, p.scope FROM lifecycle_edges e JOIN lifecycle_providers p ON p.id = e.provider "
            f"WHERE e.source = ? AND e.relation = ? AND e.target = ? AND e.recorded_to = {EVER} "
            f"AND e.valid_to = {EVER} AND p.name <> '{INFERENCE}'",
            edge,
        )
        if stated is not None:
            raise ConflictError(
                f"{stated[0]} ({stated[1]}) states this edge, nobody concluded it: correct it there, and read it again"
            )


def _keep(recording: Recording, verdict: str, edge: tuple[int, int, int], actor: str, reason: str) -> int:
    number = next_id(recording.session, "lifecycle_decisions")
    recording.session.execute(
        "INSERT INTO lifecycle_decisions (id, verdict, source, relation, target, actor, reason, decided_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (number, verdict, *edge, actor, reason, recording.stamp),
    )
    return number


def _state(recording: Recording, edge: tuple[int, int, int], evidence: str) -> None:
    people = recording.source(PEOPLE, "", is_listing=False)
    source, relation, target = edge
    row = (source, relation, target, 1.0, evidence)
    recording.aspects.open_edges([((source, people.id, "decision"), row, (0, EVER))])


def _rows(recording: Recording, edge: tuple[int, int, int], provider: str) -> list[int]:
    rows = recording.session.execute(
        "SELECT e.id FROM lifecycle_edges e JOIN lifecycle_providers p ON p.id = e.provider "
        f"WHERE e.source = ? AND e.relation = ? AND e.target = ? AND p.name = ? AND e.recorded_to = {EVER}",
        (*edge, provider),
    )
    return [number for (number,) in rows]


def _withdraw(recording: Recording, edge: tuple[int, int, int]) -> None:
    rows = _rows(recording, edge, INFERENCE)
    recording.aspects.close_edges(rows)
    recording.session.execute_many("DELETE FROM lifecycle_premises WHERE edge = ?", [(number,) for number in rows])


def undo(graph: LifecycleGraph, decision: int, *, actor: str) -> None:
    """Takes a decision back: what it added goes, what it kept away may be concluded again.

    Raises InputError for an unknown decision, ConflictError for one that was taken back before.
    """
    with graph.ingestion.recording() as recording:
        row = recording.session.one(
            "SELECT verdict, source, relation, target, undone_at FROM lifecycle_decisions WHERE id = ?", (decision,)
        )
        if row is None:
            raise InputError(f"there is no decision {decision}; `decisions` lists them")
        if row[4] is not None:
            raise ConflictError(f"decision {decision} was taken back before")
        edge = (row[1], row[2], row[3])
        if row[0] == "confirm":
            recording.aspects.close_edges(_rows(recording, edge, PEOPLE))
        recording.session.execute(
            "UPDATE lifecycle_decisions SET undone_at = ?, undone_by = ? WHERE id = ?",
            (recording.stamp, actor, decision),
        )
    graph.form(again=[edge[0], edge[2]])


def decisions(graph: LifecycleGraph) -> Sequence[Decision]:
    """All of them, in order, those taken back too."""
    with graph.database.read() as session:
        rows = session.execute(
            "SELECT d.id, d.verdict, s.uri, d.relation, t.uri, d.actor, d.reason, d.decided_at, d.undone_at, "
            "d.undone_by FROM lifecycle_decisions d JOIN lifecycle_components s ON s.id = d.source "
            "JOIN lifecycle_components t ON t.id = d.target ORDER BY d.id"
        )
    return [
        Decision(
            row[0],
            row[1],
            row[2],
            RELATION_NAMES[row[3]],
            row[4],
            row[5],
            row[6],
            from_micros(row[7]),
            None if row[8] is None else from_micros(row[8]),
            row[9],
        )
        for row in rows
    ]
