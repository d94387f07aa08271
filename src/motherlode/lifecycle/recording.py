"""One write transaction: what providers hand over becomes rows, and the components it touches findable anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from motherlode.core.sql import Session, next_id
from motherlode.errors import InputError
from motherlode.lifecycle.aspects import AspectKey, Aspects
from motherlode.lifecycle.components import Addresses, Interner
from motherlode.lifecycle.contents import Content, Contents, content_of
from motherlode.lifecycle.full_text import renew_texts
from motherlode.lifecycle.record import Item, Observation, Rejected, RunReport
from motherlode.lifecycle.runs import Runs
from motherlode.lifecycle.timeline import GONE, Point, Span

__all__ = ["HAS_RELATION", "Recording", "Source", "Tally"]

_BODY_CHARACTERS = 65536
HAS_RELATION = "has_relation_"
"""Names in lifecycle_state, with a relation's code: that an edge of it was ever recorded."""


@dataclass
class Tally:
    """What became of the items of an ingestion: aspects that changed, items that said nothing new, items refused."""

    n_items: int = 0
    n_changed: int = 0
    n_rejected: int = 0
    n_gone: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Sum up."""
        self.n_items += other.n_items
        self.n_changed += other.n_changed
        self.n_rejected += other.n_rejected
        self.n_gone += other.n_gone
        self.rejected = [*self.rejected, *other.rejected][:100]


@dataclass(frozen=True, slots=True)
class Source:
    """A provider's row. asked_at: microseconds since 1970 when the source was asked for what comes; nothing that the
    store saw before that can be newer than what a listing says.
    """

    id: int
    is_listing: bool
    asked_at: int
    swept_from: int | None


class Recording:
    """What one transaction records, at `stamp`, which is later than every earlier transaction's."""

    def __init__(self, session: Session, now: int, known: Addresses) -> None:
        self.session = session
        row = session.one("SELECT value FROM lifecycle_state WHERE name = 'stamp'")
        self.stamp = max(now, row[0] + 1 if row else now)
        self.components = Interner(session, known)
        self.contents = Contents(session)
        self.aspects = Aspects(session, self.contents, self.stamp)
        self._runs = Runs(session, self.components)

    def source(self, name: str, scope: str, *, is_listing: bool, asked_at: int | None = None) -> Source:
        """The provider's row, made at first use."""
        sql = "SELECT id, swept_from FROM lifecycle_providers WHERE name = ? AND scope = ?"
        row = self.session.one(sql, (name, scope))
        if row is None:
            row = (next_id(self.session, "lifecycle_providers"), None)
            self.session.execute(
                "INSERT INTO lifecycle_providers (id, name, scope, is_listing, n_rejected) VALUES (?, ?, ?, ?, 0)",
                (row[0], name, scope, int(is_listing)),
            )
        self.session.execute("UPDATE lifecycle_providers SET heard_at = ? WHERE id = ?", (self.stamp, row[0]))
        return Source(row[0], is_listing, self.stamp if asked_at is None else asked_at, row[1])

    def add(self, source: Source, items: Sequence[Item]) -> tuple[Tally, set[AspectKey]]:
        """Record items; what became of them, and the aspects they spoke of."""
        tally = Tally(n_items=len(items))
        observations: list[Observation] = []
        rejected: list[Rejected] = []
        reports: list[RunReport] = []
        for item in items:
            if isinstance(item, Observation):
                observations.append(item)
            elif isinstance(item, RunReport):
                reports.append(item)
            else:
                rejected.append(item)
        self.components.look_up(_addresses(observations, reports))
        observations += self._runs.unite(source.id, reports, rejected)
        points, refused = self._points(source, observations)
        rejected += refused
        known = self.aspects.spans(self._old_keys(key for key, _, _ in points))
        placed = [(key, _placed(point, source, known.get(key), is_fixed)) for key, point, is_fixed in points]
        tally.n_changed = self.aspects.record(placed, known)
        self._quarantine(source, rejected)
        tally.n_rejected, tally.rejected = len(rejected), rejected[:100]
        return tally, {key for key, _, _ in points}

    def _points(
        self, source: Source, observations: Sequence[Observation]
    ) -> tuple[list[tuple[AspectKey, Point, bool]], list[Rejected]]:
        """(aspect, point, whether its version is the source's own) of each observation; those that say nonsense."""
        made: list[tuple[Observation, int, Content | None]] = []
        rejected = []
        for seen in observations:
            try:
                subject = self.components.id_of(seen.subject)
                content = None if seen.gone else content_of(seen.attributes, seen.edges, self.components.ids)
                made.append((seen, subject, content))
            except InputError as error:
                rejected.append(Rejected(f"{seen.subject} ({seen.aspect})", str(error)))
        self.contents.intern([content for _, _, content in made if content is not None])
        points = []
        for seen, subject, content in made:
            version = source.asked_at if seen.version is None else seen.version
            valid_from = version if seen.valid_from is None else seen.valid_from
            number, rank = (GONE, "") if content is None else (self.contents.id_of(content), content.digest)
            key = (subject, source.id, seen.aspect)
            points.append((key, Point(version, seen.revision, valid_from, number, rank), seen.version is not None))
        return points, rejected

    def _old_keys(self, keys: Iterable[AspectKey]) -> Iterable[AspectKey]:
        """Those of components that were known before this transaction, or that it has written something of already."""
        return [key for key in keys if not self.components.is_new(key[0]) or key in self.aspects.recorded]

    def hydrate(self, source: Source, subject: str, items: Sequence[Item]) -> Tally:
        """Record the present state of one component; aspects of it that the source did not name are gone."""
        tally, seen = self.add(source, items)
        self.components.look_up([subject])
        number = self.components.id_of(subject)
        rows = self.session.execute(
            "SELECT DISTINCT aspect FROM lifecycle_spans WHERE provider = ? AND subject = ?", (source.id, number)
        )
        known_keys = {(number, source.id, aspect) for (aspect,) in rows}
        self.aspects.touch(known_keys & seen)
        tally.n_gone = self._mark_gone(source, known_keys - seen) if source.is_listing else 0
        return tally

    def end_sweep(self, source: Source, seen: set[AspectKey]) -> int:
        """Mark what the listing did not name as gone; how many aspects. Ends the epoch that began at asked_at."""
        n_gone = 0
        if source.is_listing:
            rows = self.session.execute(
                "SELECT DISTINCT subject, aspect FROM lifecycle_spans WHERE provider = ?", (source.id,)
            )
            missing = [key for subject, aspect in rows if (key := (subject, source.id, aspect)) not in seen]
            n_gone = self._mark_gone(source, missing)
        self.session.execute(
            "UPDATE lifecycle_providers SET swept_from = ?, swept_to = ?, error = NULL WHERE id = ?",
            (source.asked_at, self.stamp, source.id),
        )
        return n_gone

    def _mark_gone(self, source: Source, keys: Iterable[AspectKey]) -> int:
        known = self.aspects.spans(keys)
        gone = Point(0, 0, source.asked_at, GONE, "")
        points = [
            (key, _after(spans[-1], gone, source.asked_at))
            for key, (spans, seen_at) in known.items()
            if spans[-1].content != GONE and seen_at < source.asked_at
        ]
        return self.aspects.record(points, known)

    def _quarantine(self, source: Source, rejected: Iterable[Rejected]) -> None:
        first = next_id(self.session, "lifecycle_quarantine")
        rows = [
            (number, source.id, _text(r.what), _text(r.reason), _text(r.body)[:_BODY_CHARACTERS], self.stamp)
            for number, r in enumerate(rejected, first)
        ]
        self.session.execute_many(
            "INSERT INTO lifecycle_quarantine (id, provider, what, reason, body, seen_at) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (provider, what) DO UPDATE SET reason = excluded.reason, body = excluded.body, "
            "seen_at = excluded.seen_at",
            rows,
        )
        if rows:
            self.session.execute(
                "UPDATE lifecycle_providers SET n_rejected = (SELECT count(*) FROM lifecycle_quarantine "
                "WHERE provider = ?) WHERE id = ?",
                (source.id, source.id),
            )

    def finish(self) -> None:
        """Write what is still pending. The last call of a transaction."""
        changed = self.aspects.changed | set(self.components.new.values())
        self.components.flush()
        self.contents.flush()
        renew_texts(self.session, changed)
        state = [("stamp", self.stamp), *((f"{HAS_RELATION}{code}", 1) for code in sorted(self.aspects.relations))]
        self.session.execute_many(
            "INSERT INTO lifecycle_state (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            state,
        )


def _addresses(observations: Iterable[Observation], reports: Iterable[RunReport]) -> set[str]:
    found: set[str] = set()
    add = found.add
    for seen in observations:
        add(seen.subject)
        for edge in seen.edges:
            add(edge[0])
            add(edge[2])
    for report in reports:
        found.update((report.run, report.job))
        for edge in report.edges:
            found.update((edge[0], edge[2]))
    return found


def _placed(point: Point, source: Source, known: tuple[list[Span], int] | None, is_fixed: bool) -> Point:
    """The point with the version that it counts with.

    A listing reads what its source has now. Where the source went back (a restored backup, something brought back from
    the trash), or has no clock, its newest state is what it says now, whatever the versions say: unless the store
    heard otherwise after the listing had begun.
    """
    if known is None:
        return point
    newest, seen_at = known[0][-1], known[1]
    if not is_fixed and newest.content == point.content:
        return Point(newest.last, newest.revision, newest.valid_from, newest.content, newest.rank)
    is_older = (point.version, point.revision, point.rank) < (newest.last, newest.revision, newest.rank)
    was_seen = max(seen_at, source.swept_from or 0)
    if source.is_listing and is_older and newest.content != point.content and was_seen < source.asked_at:
        return _after(newest, point, source.asked_at)
    return point


def _after(newest: Span, point: Point, asked_at: int) -> Point:
    """The point as what the source says since `asked_at`, newer than everything it said before."""
    version = max(asked_at, newest.last)
    revision = newest.revision + 1 if version == newest.last else 0
    return Point(version, revision, max(point.valid_from, asked_at), point.content, point.rank)


def _text(value: str) -> str:
    """Foreign text that a database keeps: without NUL and half characters."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
