"""OpenLineage's own client against our endpoint: plain, compressed, asynchronous, with a key."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from motherlode.lifecycle.graph import open_lifecycle
from tests.e2e.lifecycle_server import running
from tests.integrations.environment import Environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
CLIENT = Path(__file__).with_name("openlineage_client.py")


def test_what_the_client_sends_is_in_the_graph_when_it_has_sent_it(tmp_path: Path) -> None:
    python = Environment("openlineage").make()
    with running(tmp_path / "g.db", LODE_TOKEN="k3y") as server:
        wrong = subprocess.run([python, CLIENT, server.url, "other"], capture_output=True, text=True, check=False)
        assert wrong.returncode != 0
        assert "401" in wrong.stderr
        sent = subprocess.run([python, CLIENT, server.url, "k3y"], capture_output=True, text=True, check=False)
        assert sent.returncode == 0, sent.stderr
    with open_lifecycle(tmp_path / "g.db", read_only=True) as graph:
        reached = {row.uri for row in graph.impact("dataset:shop.public.orders", "drop").rows}
        with graph.database.read() as session:
            states = list(session.execute("SELECT state, count(*) FROM lifecycle_runs GROUP BY state"))
            assert session.one("SELECT count(*) FROM lifecycle_quarantine") == (0,)
    jobs = ["plain", "zipped", *(f"async{number}" for number in range(50))]
    assert {f"lode://dataset/s3/lake/{job}/out.parquet" for job in jobs} <= reached
    assert "lode://column/postgres/db:5432/shop.public.orders::amount" in reached
    assert states == [("COMPLETE", 52)]
