"""Running the server: the socket, the graph, and a clean end."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from motherlode.errors import ConflictError, InputError, UnsupportedError
from motherlode.server.event_writer import EventWriter
from motherlode.workflows.lifecycle_events import open_lifecycle, record_events

__all__ = ["serve_lifecycle"]

_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_TIMEOUT_S = 5.0  # a client gives up after about as long


def serve_lifecycle(
    where: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 5000,
    token: str | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Take OpenLineage events over HTTP into the graph at `where` until SIGINT or SIGTERM.

    host, port: where to listen; port 0 takes a free one. On the loopback anybody on this machine may send. Elsewhere
        give a token, which is asked for as ``Authorization: Bearer …``
    on_ready: called with the URL once connections are accepted by the system

    An answer 201 comes after the event is synced to disk. Requests wait in a bounded queue for one writer, which takes
    those that wait into one transaction; when the queue is full, or the graph is locked for longer than 5 s, the answer
    is 503 with Retry-After, which clients repeat. Raises UnsupportedError without the extra, InputError for a host or
    port that is none, ConflictError for a port in use, and what `open_lifecycle` raises.
    """
    try:
        import uvicorn

        from motherlode.server.openlineage import make_app
    except ImportError as error:
        raise UnsupportedError(
            f"serving needs {error.name}, which is not installed; it comes with: pip install 'motherlode[serve]'"
        ) from None
    is_loopback = _is_loopback(host)
    with open_lifecycle(where, timeout_s=_TIMEOUT_S) as graph, _listening(host, port) as listener:

        def record(items: Sequence[Any]) -> None:
            record_events(graph, items, "http")

        def is_healthy() -> None:
            with graph.database.read() as session:
                session.one("SELECT value FROM lifecycle_state WHERE name = 'stamp'")

        writer = EventWriter(record)
        try:
            app = make_app(writer, is_healthy, token=token, hosts=_LOOPBACK_HOSTS if is_loopback else ())
            config = uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                limit_concurrency=1024,
                timeout_graceful_shutdown=10,
            )
            name, number = listener.getsockname()[:2]
            if on_ready is not None:
                on_ready(f"http://{f'[{name}]' if ':' in name else name}:{number}")
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            writer.close()


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"port {port}: expected 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except socket.gaierror as error:
        raise InputError(f"host {host!r} is not known here ({error.strerror}); e.g. 127.0.0.1 or 0.0.0.0") from None
    except OSError as error:
        raise ConflictError(f"{host}:{port} cannot be listened on: {error.strerror}; choose another --port") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
