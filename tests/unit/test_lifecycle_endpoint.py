"""The endpoint without a socket: what is kept in memory is bounded, and given back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")

from motherlode.lifecycle.record import Rejected
from motherlode.server.event_writer import EventWriter
from motherlode.server.openlineage import Limits, make_app
from motherlode.workflows import lifecycle_events

EVENT = {"eventTime": "2026-03-01T12:00:00Z", "eventType": "START", "run": {"runId": "r"}, "job": {"name": "j"}}


class Slow:
    """A graph that writes when it is let."""

    def __init__(self) -> None:
        self.go, self.began, self.items = threading.Event(), threading.Event(), list[Any]()

    def record(self, items: Sequence[Any]) -> None:
        self.began.set()
        assert self.go.wait(20)
        self.items += items


async def post(app: Any, body: bytes) -> int:
    """One request, as a server hands it to an application; the status."""
    head = [(b"content-type", b"application/json"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/api/v1/lineage", "headers": head, "query_string": b""}
    parts = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return int(sent[0]["status"])


def test_bytes_that_wait_are_bounded_and_given_back_when_they_are_written() -> None:
    slow = Slow()
    writer = EventWriter(slow.record)
    body = json.dumps(EVENT).encode()
    app = make_app(writer, lambda: None, limits=Limits(body_bytes=10_000, held_bytes=2 * len(body) + 1))

    async def scene() -> list[int]:
        waiting = [asyncio.create_task(post(app, body)) for _ in range(2)]
        await asyncio.to_thread(slow.began.wait, 20)
        refused = await post(app, body)
        slow.go.set()
        return [refused, *await asyncio.gather(*waiting), await post(app, body)]

    assert asyncio.run(asyncio.wait_for(scene(), 60)) == [503, 201, 201, 201]
    writer.close()
    assert len(slow.items) == 3 * len(lifecycle_events.read_openlineage(EVENT, "here").items)


def test_an_event_that_nobody_foresaw_is_quarantined_with_what_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: object, what: str) -> list[Any]:
        raise KeyError("facets")

    monkeypatch.setattr(lifecycle_events, "read_event", broken)
    read = lifecycle_events.read_openlineage(EVENT, "here")
    assert read.reason is not None
    assert "KeyError" in read.reason
    (item,) = read.items
    assert isinstance(item, Rejected)
    assert item.what.startswith("here, message ")
    assert "'runId': 'r'" in item.body
