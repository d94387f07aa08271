"""Events that reach a lifecycle graph one by one, over HTTP or from a queue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from motherlode.errors import InputError
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.providers.openlineage import read_event
from motherlode.lifecycle.record import Item, Rejected

__all__ = [
    "Item",
    "LifecycleGraph",
    "ReadEvent",
    "open_lifecycle",
    "parse_json",
    "read_openlineage",
    "record_events",
    "refused",
]

PROVIDER = "openlineage"
MAX_BODY_CHARACTERS = 65536


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """What one event says. reason: why nothing of it could be used; then its only item is for the quarantine."""

    items: list[Item] = field(default_factory=list)
    reason: str | None = None


def parse_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises InputError where it is none: what is wrong, and where."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}; expected JSON in UTF-8") from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}; expected an OpenLineage event") from None
    except RecursionError:
        raise InputError("nested more deeply than can be read; expected an OpenLineage event") from None


def read_openlineage(event: Any, origin: str) -> ReadEvent:
    """One parsed OpenLineage event as items; one that is none, as a quarantined thing.

    origin: where it came from. The event's own digest is its name there, so that one which is sent again and again
    fills one place in the quarantine.
    """
    what = f"{origin}, event {_digest(json.dumps(event, sort_keys=True, default=str).encode())}"
    items = read_event(event, what)
    bad = [item for item in items if isinstance(item, Rejected)]
    if bad and len(bad) == len(items):
        return ReadEvent(items, bad[0].reason)
    return ReadEvent(items)


def refused(body: bytes, reason: str, origin: str) -> ReadEvent:
    """Bytes that are no event, for the quarantine."""
    shown = body[:MAX_BODY_CHARACTERS].decode("utf-8", "replace")
    return ReadEvent([Rejected(f"{origin}, message {_digest(body)}", reason, shown)], reason)


def record_events(graph: LifecycleGraph, items: Iterable[Item], scope: str) -> None:
    """Record what events of OpenLineage said; synced to disk when it returns."""
    graph.add(items, provider=PROVIDER, scope=scope)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
