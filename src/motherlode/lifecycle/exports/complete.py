"""CSV and JSON of complete sets, piece by piece; and JSON read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from motherlode.core.time import EVER, NEVER, parse_instant
from motherlode.errors import DataError
from motherlode.lifecycle.exports.answers import Head, Row, head_of, instant_text, json_text, rows_of
from motherlode.lifecycle.exports.whole import Whole, WholeComponent, whole_of
from motherlode.lifecycle.impact import ImpactReport
from motherlode.lifecycle.lineage import Lineage
from motherlode.lifecycle.reading import EdgeRow
from motherlode.lifecycle.view import GraphView
from motherlode.lifecycle.walking import Step

__all__ = ["SavedAnswer", "answer_csv", "answer_json", "graph_csv", "graph_json", "read_answer"]

_FORMAT = "motherlode.lifecycle"
_VERSION = 1
_COLUMNS = (
    *("role", "uri", "type", "name", "severity", "depth", "owners", "confidence", "path", "evidence", "provider"),
    *("confirmed_at", "complete", "why_incomplete"),
)
_EDGE_COLUMNS = (
    *("source", "relation", "target", "provider", "scope", "aspect", "confidence", "evidence"),
    *("valid_from", "valid_to", "recorded_from", "recorded_to"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """An answer as JSON had it: equal to what `rows_of` and `head_of` gave when it was written."""

    head: Head
    rows: tuple[Row, ...]


def answer_csv(answer: ImpactReport | Lineage) -> Iterator[str]:
    """One line a component, the changed ones first with depth 0; lists inside a cell are parted by `` | ``.

    Each line says whether the answer is complete. A foreign text that a spreadsheet would run as a formula has an
    apostrophe before it; addresses never do.
    """
    head = head_of(answer)
    whole = ("yes" if head.complete else "no", " | ".join(head.why_incomplete))
    yield _line(_COLUMNS)
    for uri in head.targets:
        parts = uri.split("/", 3)
        yield _line(("changed" if head.change else "target", uri, parts[2], "", "", 0, "", 1.0, "", "", "", "", *whole))
    role = "affected" if head.change else head.kind
    for row in rows_of(answer):
        steps = row.path
        yield _line(
            (
                *(role, row.uri, row.type, _inert(row.name), row.severity or "", row.depth),
                *(_inert(" | ".join(row.owners)), row.confidence, _path_text(steps)),
                _inert(" | ".join(step.evidence for step in steps)),
                " | ".join(step.provider for step in steps),
                " | ".join(instant_text(step.confirmed_at) or "" for step in steps),
                *whole,
            )
        )


def _path_text(steps: Sequence[Step]) -> str:
    return " | ".join(f"{step.source} {step.relation} {step.target}" for step in steps)


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def graph_csv(view: GraphView) -> Iterator[str]:
    """One line an edge; the open ends of intervals are empty. Components without an edge are in the JSON only."""
    yield _line(_EDGE_COLUMNS)
    for edge in whole_of(view).edges():
        told = _edge_dict(edge)
        told["evidence"] = _inert(edge.evidence)
        yield _line("" if told[name] is None else told[name] for name in _EDGE_COLUMNS)


def answer_json(answer: ImpactReport | Lineage) -> Iterator[str]:
    """One object: the head's fields, then ``rows``, one a line."""
    head = asdict(head_of(answer))
    yield from _object(head, {"rows": (row.to_dict() for row in rows_of(answer))})


def graph_json(view: GraphView) -> Iterator[str]:
    """One object: the moment, what is known to be missing, then ``components`` and ``edges``, one a line."""
    whole = whole_of(view)
    head = {
        "kind": "graph",
        "valid_at": instant_text(whole.moment.valid_at),
        "known_at": instant_text(whole.moment.known_at),
        "min_confidence": view.min_confidence,
        "complete": not whole.why_incomplete,
        "why_incomplete": whole.why_incomplete,
    }
    yield from _object(head, {"components": _components(whole), "edges": map(_edge_dict, whole.edges())})


def _components(whole: Whole) -> Iterator[dict[str, Any]]:
    yield from map(_component_dict, whole.components())


def _component_dict(found: WholeComponent) -> dict[str, Any]:
    return {
        "uri": found.row.uri,
        "type": found.row.type,
        "name": found.row.name,
        "described": found.attributes is not None,
        "owners": list(found.owners),
        "tags": list(found.tags),
        "attributes": found.attributes or {},
    }


def _edge_dict(edge: EdgeRow) -> dict[str, Any]:
    told = {name: getattr(edge, name) for name in _EDGE_COLUMNS}
    for name in ("valid_from", "valid_to", "recorded_from", "recorded_to"):
        told[name] = None if told[name] in {EVER, NEVER} else instant_text(told[name])
    return told


def _object(head: dict[str, Any], lists: dict[str, Iterator[dict[str, Any]]]) -> Iterator[str]:
    """A JSON object whose lists are written item by item."""
    yield "{" + ", ".join(
        f"{json_text(k)}: {json_text(v)}" for k, v in {"format": _FORMAT, "version": _VERSION, **head}.items()
    )
    for name, items in lists.items():
        yield f",\n{json_text(name)}: ["
        for at, item in enumerate(items):
            yield f"{',' if at else ''}\n{json_text(item)}"
        yield "\n]"
    yield "}\n"


def read_answer(text: str) -> SavedAnswer:
    """An answer back from its JSON. Raises DataError for what is no such JSON, or of a newer version."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataError(f"this is no JSON ({error}); expected what the export of an answer wrote") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT or "rows" not in found:
        raise DataError("this JSON is no exported answer: it has no format and rows", expected=_FORMAT)
    if found.get("version") != _VERSION:
        raise DataError(
            f"this answer has version {found.get('version')!r}, expected {_VERSION}; a newer motherlode reads it",
            found=found.get("version"),
            expected=_VERSION,
        )
    try:
        head = Head(**{name: _tupled(found[name]) for name in Head.__slots__})
        return SavedAnswer(head, tuple(_row(row) for row in found["rows"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"this answer is damaged: {error!r}; export it anew") from None


def _row(told: dict[str, Any]) -> Row:
    steps = tuple(Step(**{**step, "confirmed_at": parse_instant(step["confirmed_at"])}) for step in told["path"])
    return Row(**{name: _tupled(told[name]) for name in Row.__slots__ if name != "path"}, path=steps)


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
