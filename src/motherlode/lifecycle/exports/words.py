"""An answer in sentences, for people: what happens to whom, in how many words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from motherlode.core.sql import in_batches, places
from motherlode.lifecycle.components import default_name
from motherlode.lifecycle.exports.answers import Row
from motherlode.lifecycle.impact import ImpactReport
from motherlode.lifecycle.lineage import Lineage
from motherlode.lifecycle.propagation import Severity
from motherlode.lifecycle.uris import parse_uri
from motherlode.lifecycle.walking import walking

__all__ = ["Account", "counted", "doing_of", "headline", "hops", "one_line", "spoken", "target_name", "target_names"]

_BATCH = 1000
_DOING = {
    "drop": "Dropping {}",
    "delete": "Deleting {}",
    "rename": "Renaming {}",
    "retype": "Another type of {}",
    "null_rate": "More missing values in {}",
    "distribution": "Another distribution of {}",
    "freshness": "Late data in {}",
    "deprecate": "Deprecating {}",
}
_EFFECT = {
    "BREAKS": "breaks {}",
    "DEGRADES": "degrades {}",
    "STALE": "leaves {} stale",
    "INFORM": "concerns {}",
    "MASKED": "breaks nothing: it stops at {}",
}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str) -> str:
    """Without line breaks and characters that steer a display."""
    return " ".join(_CONTROL.sub(" ", text).split()) or "(no name)"


def counted(n: int, noun: str) -> str:
    """``1 model``, ``2 feature views``, ``3 people``."""
    word = noun.replace("_", " ")
    if n != 1:
        ending = "es" if word.endswith(("s", "x", "ch", "sh")) else "s"
        word = f"{word[:-1]}ies" if word.endswith("y") else f"{word}{ending}"
    return f"{n:,} {word}"


def target_name(uri: str) -> str:
    """``feature:orders.amount_7d``, as its address says."""
    return one_line(f"{parse_uri(uri).type}:{default_name(uri)}")


def target_names(answer: ImpactReport | Lineage) -> dict[str, str]:
    """``feature:orders.amount_7d`` by address of the answer's targets, as their sources call them."""
    names = {uri: target_name(uri) for uri in answer.targets}
    with walking(answer.view) as walk:
        for batch in in_batches(answer.targets):
            for uri, kind, name in walk.reading.session.execute(
                f"SELECT uri, type, name FROM lifecycle_components WHERE uri IN ({places(batch)})", batch
            ):
                names[uri] = one_line(f"{kind}:{name}")
    return names


@dataclass
class Account:
    """What an answer's rows amount to. by_type: of the worst severity, of lineage all; owners: with how many rows that
    are affected more than MASKED; n_unowned: such rows without any
    """

    by_severity: Mapping[str, int]
    worst: str | None
    by_type: Counter[str] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)
    n_unowned: int = 0

    @classmethod
    def of(cls, answer: ImpactReport | Lineage) -> Account:
        """Counts types and owners of all of it; of an impact without reading a path."""
        if isinstance(answer, ImpactReport):
            return cls._of_impact(answer)
        owners = Counter(owner for row in answer.rows for owner in row.owners)
        types = Counter(row.type for row in answer.rows)
        return cls({}, None, types, owners, sum(1 for row in answer.rows if not row.owners))

    @classmethod
    def _of_impact(cls, report: ImpactReport) -> Account:
        found = np.bincount(report.severities, minlength=len(Severity))
        counts = {each.name: int(found[each]) for each in sorted(Severity, reverse=True) if found[each]}
        account = cls(counts, report.worst)
        worst = None if report.worst is None else Severity[report.worst]
        with walking(report.view) as walk:
            for begin in range(0, len(report), _BATCH):
                ids = report.ids[begin : begin + _BATCH].tolist()
                rows, owners = walk.reading.components(ids), walk.reading.labels(ids, "owned_by")
                for number, severity in zip(ids, report.severities[begin : begin + _BATCH].tolist(), strict=True):
                    if severity == worst:
                        account.by_type[rows[number].type] += 1
                    if severity != Severity.MASKED:
                        account.owners.update(owner.name for owner in owners.get(number, ()))
                        account.n_unowned += number not in owners
        return account


def doing_of(change: str, targets: Iterable[str]) -> str:
    """The change in words: ``Dropping feature:orders.amount_7d``. targets: names, each told once."""
    names = list(dict.fromkeys(targets))
    return _DOING[change].format(_listed(names[:3] + ([f"{len(names) - 3} more"] if len(names) > 3 else [])))


def headline(answer: ImpactReport, account: Account) -> str:
    """One sentence: ``Dropping feature:orders.amount_7d breaks 1 deployment, 1 model and 1 model version.``"""
    doing = doing_of(answer.change, target_names(answer).values())
    if account.worst is None:
        return f"{doing} reaches nothing that is known here."
    types = [counted(n, kind) for kind, n in sorted(account.by_type.items(), key=lambda item: (-item[1], item[0]))]
    if len(types) > 4:
        types = [*types[:3], f"{len(types) - 3} other types of component"]
    text = f"{doing} {_EFFECT[account.worst].format(_listed(types))}."
    others = [f"{n:,} {spoken(name)}" for name, n in account.by_severity.items() if name != account.worst]
    return f"{text} Also {_listed(others)}." if others else text


def spoken(severity: str) -> str:
    """The severity as what has become of a component."""
    return {
        "BREAKS": "broken", "DEGRADES": "degraded", "STALE": "stale", "INFORM": "to be informed",
        "MASKED": "reached without harm",
    }[severity]  # fmt: skip


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else "nothing"


def hops(row: Row, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """The path as (how, name) a hop, from the first component ("" as its how) on; how: ``–feeds→``, or ``←feeds–`` for
    a hop against the edge's direction. names: by address, where they are known
    """
    if not row.path:
        return []
    first = row.path[0]
    found = [("", first.source if first.forward else first.target)]
    found += [(f"–{s.relation}→", s.target) if s.forward else (f"←{s.relation}–", s.source) for s in row.path]
    return [(how, one_line(names.get(uri) or default_name(uri))) for how, uri in found]
