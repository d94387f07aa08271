"""OpenLineage over real HTTP on the loopback: what is answered is on disk, and what is refused says why."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from motherlode.lifecycle.graph import open_lifecycle
from tests.e2e.command_line import environment
from tests.e2e.lifecycle_server import _COMMAND, Running, running

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"


def event(job: str = "daily", kind: str = "COMPLETE", **changes: Any) -> dict[str, Any]:
    """A run that reads raw.orders and writes a file in the lake."""
    return {
        "eventType": kind,
        "eventTime": "2026-03-01T12:00:00Z",
        "producer": "https://example.org/scheduler",
        "schemaURL": SCHEMA,
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "airflow", "name": job},
        "inputs": [{"namespace": "postgres://db:5432", "name": "shop.public.orders"}],
        "outputs": [{"namespace": "s3://lake", "name": f"{job}/out.parquet"}],
        **changes,
    }


def rows(db: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(db) as raw:
        found = raw.execute(sql).fetchall()
    raw.close()
    return found


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "graph.db"


@pytest.fixture(scope="module")
def server(db: Path) -> Iterator[Running]:
    with running(db) as found:
        yield found


def test_an_event_is_in_the_graph_when_it_is_acknowledged(server: Running, db: Path) -> None:
    assert server.get("/health").said == {"status": "ok"}
    assert server.post(event("first")).status == 201
    with open_lifecycle(db, read_only=True) as graph:
        reached = {row.uri: row.severity for row in graph.impact("dataset:shop.public.orders", "drop").rows}
    assert reached["lode://dataset/s3/lake/first/out.parquet"] == "BREAKS"


def test_an_invalid_event_is_answered_with_the_reason_and_quarantined_once(server: Running, db: Path) -> None:
    wrong = event("wrong", run={"facets": {}})
    for _ in range(2):
        answer = server.post(wrong)
        assert answer.status == 400
        assert "runId" in answer.said["error"]
    kept = rows(db, "SELECT what, reason, body FROM lifecycle_quarantine WHERE reason LIKE '%runId%'")
    assert len(kept) == 1
    assert kept[0][0].startswith("POST /api/v1/lineage, event ")
    assert json.loads(kept[0][2])["job"]["name"] == "wrong"
    assert server.post(b"{not json").status == 400
    assert server.post(b"\xff\xfe").status == 400
    assert server.post(b"[" * 100_000).status == 400
    reasons = [reason for (reason,) in rows(db, "SELECT reason FROM lifecycle_quarantine")]
    assert any("not JSON" in reason for reason in reasons)
    assert any("not UTF-8" in reason for reason in reasons)


def test_a_batch_takes_what_is_valid_and_names_what_is_not(server: Running, db: Path) -> None:
    batch = [event("b0"), {"eventTime": "now"}, event("b2")]
    for path in ("/api/v1/lineage", "/api/v1/lineage/batch"):
        answer = server.post(batch, path)
        assert answer.status == 200
        assert answer.said["status"] == "partial_success"
        expected = {"received": 3, "successful": 2, "failed": 1, "retriable": 0, "non_retriable": 1}
        assert answer.said["summary"] == expected
        (failed,) = answer.said["failed_events"]
        assert (failed["index"], failed["retriable"]) == (1, False)
        assert failed["reason"]
    jobs = {uri for (uri,) in rows(db, "SELECT uri FROM lifecycle_components WHERE type = 'pipeline'")}
    assert {"lode://pipeline/openlineage/airflow/b0", "lode://pipeline/openlineage/airflow/b2"} <= jobs
    assert server.post([event("c")], "/api/v1/lineage/batch").said["status"] == "success"
    nothing_valid = server.post([{}, 7])
    assert (nothing_valid.status, nothing_valid.said["status"]) == (400, "failure")
    assert server.post([]).status == 400
    assert server.post(event(), "/api/v1/lineage/batch").status == 400
    too_many = server.post([{}] * 1001)
    assert too_many.status == 413
    assert "1 to 1000" in too_many.said["error"]


def test_bodies_are_bounded_also_when_they_are_compressed(server: Running, db: Path) -> None:
    zipped = gzip.compress(json.dumps(event("zipped")).encode())
    assert server.post(zipped, Content_Encoding="gzip").status == 201
    assert rows(db, "SELECT count(*) FROM lifecycle_components WHERE uri LIKE '%airflow/zipped'") == [(1,)]
    bomb = gzip.compress(b" " * (200 << 20))
    assert len(bomb) < 1 << 20
    assert server.post(bomb, Content_Encoding="gzip").status == 413
    assert server.post(b" " * ((16 << 20) + 1)).status == 413
    assert server.post(b"no gzip", Content_Encoding="gzip").status == 400
    assert server.post(zipped[:-9], Content_Encoding="gzip").status == 400
    assert server.post(b"x", Content_Encoding="br").status == 415


def test_a_web_page_cannot_send_events_unasked(server: Running) -> None:
    assert server.post(event(), Content_Type="text/plain").status == 415
    assert server.get("/health", Host="evil.example").status == 400
    assert server.get("/api/v1/lineage").status == 405
    assert server.get("/nowhere").status == 404


def test_many_senders_at_once_are_all_recorded(server: Running, db: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda n: server.post(event(f"many {n}")).status, range(100)))
    assert statuses == [201] * 100
    assert rows(db, "SELECT count(*) FROM lifecycle_components WHERE uri LIKE '%airflow/many%'") == [(100,)]


def test_a_locked_graph_is_told_as_unavailable_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    with running(tmp_path / "g.db") as server:
        holder = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        answer = server.post(event("late"))
        assert answer.status == 503
        assert answer.headers["retry-after"] == "2"
        holder.execute("ROLLBACK")
        holder.close()
        assert server.post(event("late")).status == 201


def test_a_token_is_asked_for_where_one_is_set(tmp_path: Path) -> None:
    with running(tmp_path / "g.db", LODE_TOKEN="s3cret") as server:
        assert server.post(event()).status == 401
        assert server.post(event(), Authorization="Bearer s3cre").status == 401
        assert server.post(event(), Authorization="Bearer s3cret").status == 201
        assert server.get("/health").status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_ends_the_server_with_everything_acknowledged_on_disk(tmp_path: Path) -> None:
    with running(tmp_path / "g.db") as server:
        for number in range(5):
            assert server.post(event(f"j{number}")).status == 201
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=20)
    assert rows(tmp_path / "g.db", "SELECT count(*) FROM lifecycle_runs WHERE state = 'COMPLETE'") == [(5,)]


def test_a_port_in_use_and_an_unknown_host_are_said_in_a_sentence(tmp_path: Path) -> None:
    def serve(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _COMMAND, "--db", str(tmp_path / "g.db"), *options]
        return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = serve("--port", str(taken.getsockname()[1]))
    assert done.returncode != 0
    assert "choose another --port" in done.stderr
    done = serve("--host", "no such host", "--port", "0")
    assert done.returncode != 0
    assert "is not known here" in done.stderr
    assert "Traceback" not in done.stderr
