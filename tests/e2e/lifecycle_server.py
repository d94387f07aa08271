"""The OpenLineage endpoint as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.command_line import environment

_COMMAND = """
import typer
from motherlode.cli.lifecycle_serve import serve_command
app = typer.Typer()
app.command("serve")(serve_command)
app()
"""


@dataclass
class Answer:
    status: int
    said: Any
    headers: dict[str, str]


@dataclass
class Running:
    """A server: where it listens, and its process."""

    url: str
    process: subprocess.Popen[str]

    def post(self, body: Any, path: str = "/api/v1/lineage", **headers: str) -> Answer:
        """Send JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        return ask(urllib.request.Request(self.url + path, data, sent))

    def get(self, path: str, **headers: str) -> Answer:
        return ask(urllib.request.Request(self.url + path, headers=headers))


def ask(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text, status, headers = answer.read(), answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            text, status, headers = error.read(), error.code, dict(error.headers)
    try:
        said = json.loads(text) if text else None
    except ValueError:
        said = text.decode()
    return Answer(status, said, headers)


@contextmanager
def running(db: Path, *options: str, **variables: str) -> Iterator[Running]:
    """The command ``serve`` on a free port until the block ends; then it is asked to stop, and must."""
    command = [sys.executable, "-c", _COMMAND, "--db", str(db), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**environment(), **variables})
    assert process.stderr is not None
    line = process.stderr.readline()
    try:
        assert line.startswith("listening on http://"), line + process.stderr.read()
        yield Running(line.split()[2].removesuffix("/api/v1/lineage,"), process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        finally:
            process.kill()
            process.stderr.close()
