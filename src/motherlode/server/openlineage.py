"""OpenLineage's HTTP endpoint: ``POST /api/v1/lineage``, ``POST /api/v1/lineage/batch``, ``GET /health``.

Source: OpenLineage's OpenAPI document, spec/OpenLineage.yml; the clients' default endpoint is ``api/v1/lineage``.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from motherlode.errors import ConflictError, InputError
from motherlode.server.event_writer import BusyError, EventWriter
from motherlode.workflows.lifecycle_events import ReadEvent, parse_json, read_openlineage, refused

__all__ = ["Limits", "make_app"]

_ORIGIN = "POST /api/v1/lineage"
_MAX_DRAINED_BYTES = 128 << 20
_RETRY = {"Retry-After": "2"}
_logger = logging.getLogger("motherlode.server")


@dataclass(frozen=True, slots=True)
class Limits:
    """What requests may hold. body_bytes: one, also after decompression; events: in one batch; held_bytes: all
    requests together that are being read or wait to be written.
    """

    body_bytes: int = 16 << 20
    events: int = 1000
    held_bytes: int = 256 << 20


class RefusedError(Exception):
    """A request that is answered with an error before anything of it is read as an event."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.headers = status, headers


def make_app(
    writer: EventWriter,
    is_healthy: Callable[[], None],
    *,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
) -> Starlette:
    """The application.

    writer: takes the items of events. is_healthy: raises when the graph cannot be read
    token: asked for as ``Authorization: Bearer …``; None asks for nothing
    hosts: names that a request may call this server by; none allows all. On the loopback it keeps web pages out, which
        could reach it under a name of theirs
    """
    endpoint = _Endpoint(writer, limits or Limits(), token)

    async def health(_request: Request) -> Response:
        try:
            await run_in_threadpool(is_healthy)
        except Exception:
            _logger.exception("the lifecycle graph cannot be read")
            return JSONResponse({"status": "unavailable"}, 503)
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/api/v1/lineage", endpoint.post, methods=["POST"]),
        Route("/api/v1/lineage/batch", endpoint.post_batch, methods=["POST"]),
        Route("/health", health, methods=["GET"]),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))] if hosts else []
    return Starlette(routes=routes, middleware=middleware)


class _Endpoint:
    def __init__(self, writer: EventWriter, limits: Limits, token: str | None) -> None:
        self._writer, self._limits, self._token = writer, limits, token
        self._held_bytes = 0  # only the event loop's thread counts

    async def post(self, request: Request) -> Response:
        """One event, or a list of them as a batch."""
        return await self._answer(request, must_be_list=False)

    async def post_batch(self, request: Request) -> Response:
        return await self._answer(request, must_be_list=True)

    async def _answer(self, request: Request, *, must_be_list: bool) -> Response:
        held = _Held(self)
        try:
            body = await self._body(request, held)
            read, is_batch = await run_in_threadpool(self._read, body, must_be_list=must_be_list)
            await asyncio.wrap_future(self._writer.submit([item for event in read for item in event.items]))
        except RefusedError as error:
            await _drain(request)
            return _failed(error.status, str(error), error.headers)
        except BusyError as error:
            await _drain(request)
            return _failed(503, f"{error}; send it again in a moment", _RETRY)
        except ConflictError as error:
            return _failed(503, f"the graph could not be written now: {error}", _RETRY)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            _logger.exception("an event was not recorded")
            return _failed(500, "the event was not recorded; the server's log says why")
        finally:
            held.release()
        return _batch_response(read) if is_batch else _response(read[0])

    def _read(self, body: bytes, *, must_be_list: bool) -> tuple[list[ReadEvent], bool]:
        """What the body's events say, and whether it is a batch."""
        try:
            said = parse_json(body)
        except InputError as error:
            return [refused(body, str(error), _ORIGIN)], False
        if not isinstance(said, list):
            if must_be_list:
                raise RefusedError(400, "expected a JSON list of events; a single one goes to /api/v1/lineage")
            return [read_openlineage(said, _ORIGIN)], False
        if not said or len(said) > self._limits.events:
            raise RefusedError(
                413 if said else 400, f"a batch has {len(said)} events; expected 1 to {self._limits.events}"
            )
        return [read_openlineage(event, _ORIGIN) for event in said], True

    def hold(self, n_bytes: int) -> None:
        """Count bytes that are kept; BusyError when they are too many."""
        self._held_bytes += n_bytes
        if self._held_bytes > self._limits.held_bytes:
            raise BusyError(f"requests of {self._limits.held_bytes:,} bytes are being read and written already")

    def release(self, n_bytes: int) -> None:
        self._held_bytes -= n_bytes

    async def _body(self, request: Request, held: _Held) -> bytes:
        self._check_head(request)
        parts = []
        async for part in request.stream():
            held.add(len(part))
            if held.n_bytes > self._limits.body_bytes:
                raise self._too_large()
            parts.append(part)
        body = b"".join(parts)
        match request.headers.get("content-encoding", "identity").strip().lower():
            case "identity" | "":
                return body
            case "gzip":
                found = self._unzipped(body)
                held.add(len(found))
                return found
            case other:
                raise RefusedError(415, f"Content-Encoding {other}: expected gzip or none")

    def _check_head(self, request: Request) -> None:
        if self._token is not None:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                raise RefusedError(401, "expected the header Authorization: Bearer …", {"WWW-Authenticate": "Bearer"})
        # A web page can send other types to this machine unasked, but not this one.
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusedError(415, f"Content-Type is {kind or 'missing'}; expected application/json")
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._limits.body_bytes:
            raise self._too_large()

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413, f"the body is larger than {self._limits.body_bytes:,} bytes; send fewer events at once"
        )

    def _unzipped(self, body: bytes) -> bytes:
        stream = zlib.decompressobj(wbits=31)
        try:
            found = stream.decompress(body, self._limits.body_bytes + 1)
        except zlib.error as error:
            raise RefusedError(400, f"the body is no gzip: {error}") from None
        if len(found) > self._limits.body_bytes:
            raise self._too_large()
        if not stream.eof:
            raise RefusedError(400, "the gzip body ends too early")
        return found


async def _drain(request: Request) -> None:
    """Read what is still coming, within bounds: a sender that is cut off while it sends never sees the answer."""
    left = _MAX_DRAINED_BYTES
    with suppress(ClientDisconnect, RuntimeError):  # hung up; read to its end already
        async for part in request.stream():
            left -= len(part)
            if left < 0:
                return


class _Held:
    """The bytes that one request keeps in memory."""

    def __init__(self, endpoint: _Endpoint) -> None:
        self._endpoint, self.n_bytes = endpoint, 0

    def add(self, n_bytes: int) -> None:
        self.n_bytes += n_bytes
        self._endpoint.hold(n_bytes)

    def release(self) -> None:
        self._endpoint.release(self.n_bytes)


def _failed(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": reason}, status, headers)


def _response(event: ReadEvent) -> Response:
    if event.reason is not None:
        return _failed(400, event.reason)
    return Response(status_code=201)


def _batch_response(events: list[ReadEvent]) -> Response:
    """The spec's BatchResponse: what was taken and what was not, and that sending the latter again is no use."""
    failed: list[dict[str, Any]] = [
        {"index": index, "reason": event.reason, "retriable": False}
        for index, event in enumerate(events)
        if event.reason is not None
    ]
    n_failed = len(failed)
    told = {
        "status": "success" if not failed else "failure" if n_failed == len(events) else "partial_success",
        "summary": {
            "received": len(events),
            "successful": len(events) - n_failed,
            "failed": n_failed,
            "retriable": 0,
            "non_retriable": n_failed,
        },
        "failed_events": failed,
    }
    return JSONResponse(told, 400 if n_failed == len(events) else 200)
