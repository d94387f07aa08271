"""Events that reach a lifecycle graph one by one, over HTTP or from a queue."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from motherlode.errors import InputError
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.providers.openlineage import read_event
from motherlode.lifecycle.record import Item, Provider, Rejected
from motherlode.lifecycle.uris import parse_uri

__all__ = [
    "Item",
    "LifecycleGraph",
    "Notice",
    "Provider",
    "ReadEvent",
    "is_notice",
    "open_lifecycle",
    "parse_json",
    "read_notice",
    "read_openlineage",
    "record_events",
    "record_notices",
    "refused",
]

_logger = logging.getLogger("motherlode.workflows.lifecycle_events")
PROVIDER = "openlineage"
MAX_BODY_CHARACTERS = 65536


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """What one event says. reason: why nothing of it could be used; then its only item is for the quarantine."""

    items: list[Item] = field(default_factory=list)
    reason: str | None = None


class Notice(NamedTuple):
    """A thin event: something happened to a component of a source; `work` asks the source what it is now."""

    provider: str
    scope: str
    subject: str
    event: str


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
    try:
        text = json.dumps(event, sort_keys=True, default=str)
        items = read_event(event, f"{origin}, event {_digest(text.encode())}")
    except Exception as error:  # one event that nobody foresaw does not stop the queue behind it
        _logger.warning("an event could not be read", exc_info=error)
        reason = f"it could not be read ({type(error).__name__}: {error}); please report it with the event"
        return refused(repr(event)[:MAX_BODY_CHARACTERS].encode("utf-8", "replace"), reason, origin)
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


def is_notice(said: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a message is a thin event, or tries to be one."""
    return isinstance(said, dict) and "subject" in said and "provider" in said


def read_notice(said: dict[str, Any], providers: Sequence[Provider] = ()) -> Notice:
    """A thin event: ``{"provider": "mlflow", "subject": "lode://…", "event": "updated"}``, maybe with ``scope``.

    providers: of which the one of that name is meant where the event gives no scope. Raises InputError for a field that
    is not a text, a subject that is no address, and where the scope is not clear.
    """
    name, subject = _text(said, "provider"), _text(said, "subject")
    event = _text(said, "event") if "event" in said else "changed"
    parse_uri(subject)
    if said.get("scope") is not None:
        return Notice(name, _text(said, "scope"), subject, event)
    scopes = {provider.scope for provider in providers if provider.name == name}
    if len(scopes) != 1:
        raise InputError(
            f"a thin event of provider {name!r} gives no scope, and {len(scopes)} providers of that name are read "
            "here; add scope, or name one such provider"
        )
    return Notice(name, scopes.pop(), subject, event)


def _text(said: dict[str, Any], field_name: str) -> str:
    value = said.get(field_name)
    if not isinstance(value, str) or not value:
        raise InputError(f"a thin event's {field_name} is {value!r:.100}; expected a text")
    return value


def record_notices(graph: LifecycleGraph, notices: Iterable[Notice]) -> None:
    """Keep thin events until `work` has hydrated what they speak of; several for one component are one."""
    for notice in dict.fromkeys(notices):
        graph.ingestion.notify(notice.provider, notice.scope, notice.subject, notice.event)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
