"""A provider on the loopback: OpenAI's chat completions and Ollama's chat over HTTP, answering by a script."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Deed", "ModelServer", "a_claim", "claims", "serve"]


@dataclass(frozen=True)
class Deed:
    """What the server does with one request: waits, then answers with a status and a text, or an error."""

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    finish: str = "stop"
    as_tool: bool = False


Script = Sequence[Deed] | Callable[[dict[str, Any]], Deed]


def a_claim(**fields: Any) -> dict[str, Any]:
    """A raw claim as a good model gives it."""
    return {
        "subject": "Apple", "predicate": "ceo", "object": "Tim Cook", "value_type": "name", "unit": None,
        "valid_from": "2011-08-24", "valid_to": None, "negated": False,
        "quote": "Tim Cook became chief executive of Apple on 24 August 2011.", "confidence": 0.95,
    } | fields  # fmt: skip


def claims(*items: dict[str, Any]) -> str:
    return json.dumps({"claims": list(items)})


class ModelServer:
    """Records what was asked; models follow their scripts, the last deed of which repeats."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self.scripts = scripts
        self.requests: list[dict[str, Any]] = []
        self.times_s: list[float] = []
        self.url = ""
        self.most_at_once = 0
        self._at_once = 0
        self._n_asked: dict[str, int] = {}
        self._lock = threading.Lock()

    def asked(self, model: str) -> list[dict[str, Any]]:
        return [body for body in self.requests if body["model"] == model]

    def next_deed(self, body: dict[str, Any]) -> Deed:
        script = self.scripts[body["model"]]
        with self._lock:
            self.requests.append(body)
            self.times_s.append(time.perf_counter())
            number = self._n_asked.get(body["model"], 0)
            self._n_asked[body["model"]] = number + 1
        return script(body) if callable(script) else script[min(number, len(script) - 1)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1


def _openai(body: dict[str, Any], deed: Deed) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": deed.text}
    if deed.as_tool:
        name = body["tools"][0]["function"]["name"]
        call = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": deed.text}}
        message |= {"content": None, "tool_calls": [call]}
    return {
        "id": "answer-1", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{"index": 0, "finish_reason": deed.finish, "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }  # fmt: skip


def _ollama(body: dict[str, Any], deed: Deed) -> dict[str, Any]:
    return {
        "model": body["model"], "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": deed.finish,
        "message": {"role": "assistant", "content": deed.text}, "prompt_eval_count": 100, "eval_count": 50,
    }  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that did not wait is what some tests are about
            super().handle_error(request, client_address)


@contextmanager
def serve(scripts: Mapping[str, Script]) -> Iterator[ModelServer]:
    """A server on a free port of the loopback."""
    state = ModelServer(scripts)

    class Handler(BaseHTTPRequestHandler):
        # HTTP/1.0, the default: each answer closes its connection, so that none outlives the test.
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with state.at_work():
                deed = state.next_deed(body)
                time.sleep(deed.delay_s)
            answer = (_ollama if self.path.startswith("/api/") else _openai)(body, deed)
            if deed.status != 200:
                answer = {"error": {"message": deed.text or "no", "type": "error", "code": deed.status}}
            data = json.dumps(answer).encode()
            try:
                self.send_response(deed.status)
                for name, value in {"Content-Type": "application/json", **deed.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # the client did not wait

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
