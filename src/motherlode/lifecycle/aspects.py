"""Observations into rows: each aspect's spans, and the intervals of facts and edges that follow from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from motherlode.core.sql import Session, in_batches, next_id, places
from motherlode.core.time import EVER
from motherlode.lifecycle.contents import Content, Contents, EdgeKey
from motherlode.lifecycle.full_text import LABELS
from motherlode.lifecycle.timeline import GONE, Point, Span, insert, intervals

__all__ = ["AspectKey", "Aspects"]

AspectKey = tuple[int, int, str]
"""(subject, provider, aspect)."""

_Interval = tuple[int, int]


@dataclass
class Aspects:
    """Timelines inside one write transaction. stamp: its recorded time.

    changed: components whose facts or labels changed; closed, opened: edge rows of the transaction; recorded: aspects
    of which it has written spans; relations: codes of edges that it has written
    """

    session: Session
    contents: Contents
    stamp: int
    changed: set[int] = field(default_factory=set)
    closed: list[int] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    recorded: set[AspectKey] = field(default_factory=set)
    relations: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._next_edge = next_id(self.session, "lifecycle_edges")
        self._next_fact = next_id(self.session, "lifecycle_facts")

    def spans(self, keys: Iterable[AspectKey]) -> dict[AspectKey, tuple[list[Span], int]]:
        """The timeline of each known aspect and when its newest span was last seen."""
        wanted = set(keys)
        rows: dict[AspectKey, list[tuple[Span, int]]] = defaultdict(list)
        for batch in in_batches(sorted({subject for subject, _, _ in wanted})):
            found = self.session.execute(
                "SELECT s.subject, s.provider, s.aspect, s.first_version, s.last_version, s.revision, s.valid_from, "
                "s.content, s.seen_at, c.digest FROM lifecycle_spans s LEFT JOIN lifecycle_contents c "
                f"ON c.id = s.content WHERE s.subject IN ({places(batch)})",
                batch,
            )
            for subject, provider, aspect, first, last, revision, valid_from, content, seen_at, digest in found:
                if (subject, provider, aspect) in wanted:
                    span = Span(first, last, revision, valid_from, content, digest or "")
                    rows[subject, provider, aspect].append((span, seen_at))
        timelines = {}
        for key, spans in rows.items():
            spans.sort(key=lambda pair: pair[0].first)
            timelines[key] = ([span for span, _ in spans], spans[-1][1])
        return timelines

    def touch(self, keys: Iterable[AspectKey]) -> None:
        """Remember that the newest span of each aspect was seen now."""
        self.session.execute_many(
            "UPDATE lifecycle_spans SET seen_at = ? WHERE subject = ? AND provider = ? AND aspect = ?",
            [(self.stamp, *key) for key in keys],
        )

    def record(self, points: Sequence[tuple[AspectKey, Point]], known: dict[AspectKey, tuple[list[Span], int]]) -> int:
        """Add points to the timelines `known` (of `spans`); how many aspects now say something else."""
        grouped: dict[AspectKey, list[Point]] = {}
        for key, point in points:
            grouped.setdefault(key, []).append(point)
        fresh: dict[AspectKey, list[Span]] = {}
        renewed: dict[AspectKey, list[Span]] = {}
        for key, its_points in grouped.items():
            before = known[key][0] if key in known else []
            spans = before
            for point in its_points:
                spans = insert(spans, point)
            if spans != before:
                (renewed if before else fresh)[key] = spans
        self.recorded.update(fresh)
        self._write_spans(fresh, {})
        self._write_spans(renewed, {key: known[key][0] for key in renewed})
        moved = {key for key, spans in renewed.items() if intervals(spans) != intervals(known[key][0])}
        self._project_fresh(fresh)
        self._project_again({key: renewed[key] for key in moved})
        return len(fresh) + len(moved)

    def _write_spans(self, timelines: dict[AspectKey, list[Span]], before: dict[AspectKey, list[Span]]) -> None:
        gone, new = [], []
        for key, spans in timelines.items():
            old = before.get(key, [])
            gone += [(*key, span.first) for span in old if span not in spans]
            subject, provider, aspect = key
            new += [
                (provider, subject, aspect, s.first, s.last, s.revision, s.valid_from, s.content, self.stamp)
                for s in spans
                if s not in old
            ]
        if gone:
            self.session.execute_many(
                "DELETE FROM lifecycle_spans WHERE subject = ? AND provider = ? AND aspect = ? AND first_version = ?",
                gone,
            )
        self.session.execute_many(
            "INSERT INTO lifecycle_spans (provider, subject, aspect, first_version, last_version, revision, "
            "valid_from, content, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            new,
            trusted=True,
        )

    def _project_fresh(self, timelines: dict[AspectKey, list[Span]]) -> None:
        """Rows of aspects that had none."""
        contents = self.contents.load({s.content for spans in timelines.values() for s in spans} - {GONE})
        facts: list[tuple[AspectKey, tuple[int, int, int]]] = []
        rows: list[tuple[object, ...]] = []
        number, stamp, note = self._next_edge, self.stamp, self._note
        for key, spans in timelines.items():
            stretches = intervals(spans)
            facts += [(key, stretch) for stretch in stretches]
            if len(stretches) == 1:  # as good as always
                valid_from, valid_to, content = stretches[0]
                whole = [(valid_from, valid_to)]
                edges: Iterable[tuple[EdgeKey, list[_Interval]]] = ((e, whole) for e in contents[content].edges)
            else:
                edges = _edges_of(stretches, contents).items()
            for edge, its_stretches in edges:
                note(edge)
                for stretch in its_stretches:
                    rows.append((number, *edge, *key, *stretch, stamp, EVER))
                    number += 1
        self._open_facts(facts)
        self._insert_edges(rows)

    def _project_again(self, timelines: dict[AspectKey, list[Span]]) -> None:
        """Rows of aspects whose timeline changed: what is recorded no longer is closed, what is new is opened."""
        if not timelines:
            return
        contents = self.contents.load({s.content for spans in timelines.values() for s in spans} - {GONE})
        facts, edges = self._recorded(timelines)
        closed_facts, new_facts, closed_edges, new_edges = [], [], [], []
        for key, spans in timelines.items():
            wanted_facts = set(intervals(spans))
            recorded_facts = facts.get(key, {})
            closed_facts += [number for interval, number in recorded_facts.items() if interval not in wanted_facts]
            new_facts += [(key, interval) for interval in sorted(wanted_facts - recorded_facts.keys())]
            wanted_edges = {
                (edge, stretch)
                for edge, stretches in _edges_of(intervals(spans), contents).items()
                for stretch in stretches
            }
            recorded_edges = edges.get(key, {})
            for row, number in recorded_edges.items():
                if row not in wanted_edges:
                    closed_edges.append(number)
                    self._note(row[0])
            new_edges += [(key, *row) for row in sorted(wanted_edges - recorded_edges.keys())]
        self.changed.update(key[0] for key in timelines)
        self.session.execute_many(
            "UPDATE lifecycle_facts SET recorded_to = ? WHERE id = ?", [(self.stamp, number) for number in closed_facts]
        )
        self.close_edges(closed_edges)
        self._open_facts(new_facts)
        self.open_edges(new_edges)

    def _recorded(
        self, keys: Iterable[AspectKey]
    ) -> tuple[dict[AspectKey, dict[tuple[int, int, int], int]], dict[AspectKey, dict[tuple[EdgeKey, _Interval], int]]]:
        wanted = set(keys)
        facts: dict[AspectKey, dict[tuple[int, int, int], int]] = defaultdict(dict)
        edges: dict[AspectKey, dict[tuple[EdgeKey, _Interval], int]] = defaultdict(dict)
        for batch in in_batches(sorted({subject for subject, _, _ in wanted})):
            for number, component, provider, aspect, content, valid_from, valid_to in self.session.execute(
                "SELECT id, component, provider, aspect, content, valid_from, valid_to FROM lifecycle_facts "
                f"WHERE component IN ({places(batch)}) AND recorded_to = {EVER}",
                batch,
            ):
                if (component, provider, aspect) in wanted:
                    facts[component, provider, aspect][valid_from, valid_to, content] = number
            for number, subject, provider, aspect, *edge, valid_from, valid_to in self.session.execute(
                "SELECT id, subject, provider, aspect, source, relation, target, confidence, evidence, valid_from, "
                f"valid_to FROM lifecycle_edges WHERE subject IN ({places(batch)}) AND recorded_to = {EVER}",
                batch,
            ):
                if (subject, provider, aspect) in wanted:
                    source, relation, target, confidence, evidence = edge
                    edge_key = (source, relation, target, confidence, evidence)
                    edges[subject, provider, aspect][edge_key, (valid_from, valid_to)] = number
        return facts, edges

    def _open_facts(self, facts: Sequence[tuple[AspectKey, tuple[int, int, int]]]) -> None:
        rows = []
        for (subject, provider, aspect), (valid_from, valid_to, content) in facts:
            rows.append((self._next_fact, subject, provider, aspect, content, valid_from, valid_to, self.stamp, EVER))
            self._next_fact += 1
            self.changed.add(subject)
        self.session.execute_many(
            "INSERT INTO lifecycle_facts (id, component, provider, aspect, content, valid_from, valid_to, "
            "recorded_from, recorded_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
            trusted=True,
        )

    def open_edges(self, edges: Sequence[tuple[AspectKey, EdgeKey, _Interval]]) -> list[int]:
        """Insert rows of edges; their ids."""
        first, rows = self._next_edge, []
        for number, (key, edge, stretch) in enumerate(edges, first):
            rows.append((number, *edge, *key, *stretch, self.stamp, EVER))
            self._note(edge)
        self._insert_edges(rows)
        return list(range(first, self._next_edge))

    def _insert_edges(self, rows: Sequence[tuple[object, ...]]) -> None:
        self.session.execute_many(
            "INSERT INTO lifecycle_edges (id, source, relation, target, confidence, evidence, subject, provider, "
            "aspect, valid_from, valid_to, recorded_from, recorded_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
            trusted=True,
        )
        self.relations |= {row[2] for row in rows}  # type: ignore[misc]
        self.opened += range(self._next_edge, self._next_edge + len(rows))
        self._next_edge += len(rows)

    def _note(self, edge: EdgeKey) -> None:
        if edge[1] in LABELS:
            self.changed.add(edge[0])

    def close_edges(self, numbers: Sequence[int]) -> None:
        """End the recorded time of rows of edges."""
        self.session.execute_many(
            "UPDATE lifecycle_edges SET recorded_to = ? WHERE id = ?", [(self.stamp, number) for number in numbers]
        )
        self.closed += numbers


def _edges_of(
    stretches: Sequence[tuple[int, int, int]], contents: dict[int, Content]
) -> dict[EdgeKey, list[_Interval]]:
    """When each edge holds: stretches that follow one another are one."""
    edges: dict[EdgeKey, list[_Interval]] = {}
    for valid_from, valid_to, content in stretches:
        for edge in contents[content].edges:
            its = edges.setdefault(edge, [])
            if its and its[-1][1] == valid_from:
                its[-1] = (its[-1][0], valid_to)
            else:
                its.append((valid_from, valid_to))
    return edges
