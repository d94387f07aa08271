"""Events of Kafka topics: against librdkafka's own broker double, or a real broker named by $MOTHERLODE_KAFKA.

The double (`test.mock.num.brokers`) speaks Kafka's protocol over TCP, with topics, groups and committed offsets; it
keeps them in the memory of this process. A group joins it only when the session of its last member has run out.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from motherlode.errors import ConflictError, InputError
from motherlode.integrations.kafka import KafkaReport, consume_events
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.record import Item, Observation

kafka = pytest.importorskip("confluent_kafka", reason="the extra 'kafka' is not installed")

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
MODEL = "lode://model/mlflow/ranking"


class Registry:
    """A source that knows one model."""

    name, scope, is_listing = "mlflow", "registry", True

    def observe(self) -> Iterator[Item]:
        yield Observation(MODEL, version=1)

    def hydrate(self, subject: str) -> list[Item]:
        return [Observation(MODEL, version=1)] if subject == MODEL else []


def event(job: str) -> bytes:
    """A run that reads one table and writes one file."""
    said = {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T12:00:00Z",
        "producer": "https://example.org/scheduler",
        "schemaURL": SCHEMA,
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, job))},
        "job": {"namespace": "airflow", "name": job},
        "inputs": [{"namespace": "postgres://db:5432", "name": "shop.public.orders"}],
        "outputs": [{"namespace": "s3://lake", "name": f"{job}/out.parquet"}],
    }
    return json.dumps(said).encode()


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """Where a broker is: a real one that is named, or the double."""
    named = os.environ.get("MOTHERLODE_KAFKA")
    if named:
        yield named
        return
    double = kafka.Producer({"test.mock.num.brokers": "1", "log_level": 3})
    (node,) = double.list_topics(timeout=10).brokers.values()
    yield f"{node.host}:{node.port}"
    double.flush(1)


@pytest.fixture
def topic() -> str:
    return f"lineage-{uuid.uuid4().hex[:8]}"


def config(broker: str, topic: str) -> dict[str, Any]:
    return {"bootstrap.servers": broker, "group.id": f"group-{topic}", "session.timeout.ms": 6000, "log_level": 3}


def send(broker: str, topic: str, *bodies: bytes | None) -> None:
    producer = kafka.Producer({"bootstrap.servers": broker, "log_level": 3})
    for body in bodies:
        producer.produce(topic, body)
    assert producer.flush(20) == 0


def jobs(graph: LifecycleGraph) -> list[str]:
    with graph.database.read() as session:
        found = session.execute("SELECT uri FROM lifecycle_components WHERE type = 'pipeline' ORDER BY uri")
    return [uri.rpartition("/")[2] for (uri,) in found]


class Counted:
    """A real consumer that sets `stop` when the broker has the offsets of so many messages, or dies before it has."""

    def __init__(self, settings: dict[str, Any], *, n: int = 0, dies_at: int = 0) -> None:
        self._real = kafka.Consumer({**settings, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        self.subscribe, self.close = self._real.subscribe, self._real.close
        self.stop, self._n, self._dies_at, self._n_seen = threading.Event(), n, dies_at, 0

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        found: list[Any] = self._real.consume(num_messages, timeout)
        self._n_seen += sum(message.error() is None for message in found)
        return found

    def commit(self, *, offsets: list[Any], asynchronous: bool) -> None:
        if self._n_seen >= self._dies_at > 0:
            raise RuntimeError("killed")
        if not self._dies_at:
            self._real.commit(offsets=offsets, asynchronous=asynchronous)
            if self._n_seen >= self._n:
                self.stop.set()


def read(graph: LifecycleGraph, topic: str, settings: dict[str, Any], n: int, **options: Any) -> KafkaReport:
    """So many messages; the minute is for a broker that gives fewer."""
    consumer = Counted(settings, n=n)
    return consume_events(graph, [topic], settings, consumer=consumer, stop=consumer.stop, until_idle_s=60, **options)


def state(graph: LifecycleGraph) -> list[Any]:
    """Everything that is known, without when it was recorded."""
    with graph.database.read() as session:
        facts = session.execute("SELECT component, aspect, content, valid_from FROM lifecycle_facts ORDER BY 1, 2, 3")
        edges = session.execute("SELECT source, relation, target, valid_from FROM lifecycle_edges ORDER BY 1, 2, 3")
        return [*facts, *edges]


def test_events_thin_events_and_poison_each_find_their_place(broker: str, topic: str, tmp_path: Path) -> None:
    notice = {"provider": "mlflow", "subject": MODEL, "event": "updated"}
    stray = {"provider": "feast", "subject": MODEL, "event": "updated"}
    bodies = [event("a"), json.dumps(notice).encode(), b"\xff not json", b'{"eventTime": 7}', event("b"), None]
    send(broker, topic, *bodies, json.dumps(stray).encode(), json.dumps(notice).encode())
    registry = Registry()
    with open_lifecycle(tmp_path / "g.db") as graph:
        report = read(graph, topic, config(broker, topic), 8, providers=[registry])
        assert report == KafkaReport(n_messages=8, n_events=2, n_notices=2, n_refused=3, n_empty=1)
        assert jobs(graph) == ["a", "b"]
        with graph.database.read() as session:
            kept = list(session.execute("SELECT what, reason FROM lifecycle_quarantine"))
        reasons, whats = " | ".join(reason for _, reason in kept), [what for what, _ in kept]
        assert len(kept) == 3
        assert "not UTF-8" in reasons
        assert "no run, job or dataset" in reasons
        assert "gives no scope, and 0 providers" in reasons
        assert all(what.startswith(f"Kafka topic {topic}, ") for what in whats)
        assert graph.work(registry).n_items == 1
        assert graph.work(registry).n_items == 0
        reached = {row.uri for row in graph.impact("dataset:shop.public.orders", "drop").rows}
    assert "lode://dataset/s3/lake/b/out.parquet" in reached


def test_a_restart_loses_nothing_and_says_nothing_twice(broker: str, topic: str, tmp_path: Path) -> None:
    settings = config(broker, topic)
    send(broker, topic, event("a"), event("b"))
    with open_lifecycle(tmp_path / "g.db") as graph:
        with pytest.raises(RuntimeError, match="killed"):
            consume_events(graph, [topic], settings, consumer=Counted(settings, dies_at=2))
        assert jobs(graph) == ["a", "b"]
        before = state(graph)
        again = read(graph, topic, settings, 2)
        assert again.n_messages == 2
        assert state(graph) == before
        send(broker, topic, event("c"))
        after = read(graph, topic, settings, 1)
        assert after.n_messages == 1
        assert jobs(graph) == ["a", "b", "c"]


def test_it_reads_until_it_is_told_to_stop(broker: str, topic: str, tmp_path: Path) -> None:
    send(broker, topic, event("a"))
    stop, reports = threading.Event(), list[KafkaReport]()
    with open_lifecycle(tmp_path / "g.db") as graph:
        settings = config(broker, topic)
        thread = threading.Thread(target=lambda: reports.append(consume_events(graph, [topic], settings, stop=stop)))
        thread.start()
        began = time.monotonic()
        while not jobs(graph) and time.monotonic() - began < 60:
            time.sleep(0.1)
        stop.set()
        thread.join(timeout=30)
        assert jobs(graph) == ["a"]
    assert reports == [KafkaReport(n_messages=1, n_events=1)]


class Recorded:
    """A consumer of given batches that keeps what was committed. The parts of confluent's interface that are used."""

    def __init__(self, *batches: list[Any]) -> None:
        self.batches, self.is_closed = list(batches), False
        self.committed: list[tuple[str, int, int]] = []

    def subscribe(self, topics: list[str]) -> None:
        assert topics == ["t"]

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        return self.batches.pop(0) if self.batches else []

    def commit(self, *, offsets: list[Any], asynchronous: bool) -> None:
        assert not asynchronous
        self.committed += [(one.topic, one.partition, one.offset) for one in offsets]

    def close(self) -> None:
        self.is_closed = True


class Message:
    def __init__(self, body: bytes, offset: int, partition: int = 0, error: Any = None) -> None:
        self._all = (body, offset, partition, error)

    def value(self) -> bytes:
        return self._all[0]

    def offset(self) -> int:
        return self._all[1]

    def partition(self) -> int:
        return self._all[2]

    def error(self) -> Any:
        return self._all[3]

    def topic(self) -> str:
        return "t"


def test_offsets_follow_the_last_message_of_each_partition(tmp_path: Path) -> None:
    consumer = Recorded([Message(event("a"), 4), Message(event("b"), 9, 1), Message(event("c"), 5)])
    with open_lifecycle(tmp_path / "g.db") as graph:
        report = consume_events(graph, ["t"], {}, consumer=consumer, until_idle_s=0)
    assert report.n_events == 3
    assert sorted(consumer.committed) == [("t", 0, 6), ("t", 1, 10)]
    assert consumer.is_closed


def test_a_locked_graph_is_tried_again_and_nothing_is_committed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motherlode.integrations.kafka._PAUSES_S", (0.05, 0.05))
    place = tmp_path / "g.db"
    with open_lifecycle(place, timeout_s=0.1) as graph:
        holder = sqlite3.connect(place, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        consumer = Recorded([Message(event("a"), 0)])
        with pytest.raises(ConflictError):
            consume_events(graph, ["t"], {}, consumer=consumer)
        assert consumer.committed == []
        assert consumer.is_closed
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        monkeypatch.setattr("motherlode.integrations.kafka._PAUSES_S", (30,))
        stopped = Recorded([Message(event("a"), 0)])
        assert consume_events(graph, ["t"], {}, consumer=stopped, stop=stop).n_messages == 0
        assert stopped.committed == []
        holder.execute("ROLLBACK")
        holder.close()
        whole = Recorded([Message(event("a"), 0)])
        consume_events(graph, ["t"], {}, consumer=whole, until_idle_s=0)
        assert whole.committed == [("t", 0, 1)]
        assert jobs(graph) == ["a"]


def test_a_broker_that_refuses_for_good_is_an_error_and_a_passing_one_is_not(tmp_path: Path) -> None:
    passing = Message(b"", 0, error=kafka.KafkaError(kafka.KafkaError._ALL_BROKERS_DOWN))
    final = Message(b"", 0, error=kafka.KafkaError(kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with open_lifecycle(tmp_path / "g.db") as graph:
        consumer = Recorded([passing, Message(event("a"), 1)])
        assert consume_events(graph, ["t"], {}, consumer=consumer, until_idle_s=0).n_events == 1
        refused = Recorded([final])
        with pytest.raises(ConflictError, match="TOPIC_AUTHORIZATION_FAILED"):
            consume_events(graph, ["t"], {}, consumer=refused)
        assert refused.is_closed


def test_a_config_that_would_lose_events_or_is_none_is_refused(tmp_path: Path) -> None:
    good = {"bootstrap.servers": "127.0.0.1:1", "group.id": "g"}
    with open_lifecycle(tmp_path / "g.db") as graph:
        for wrong, reason in (
            ({"group.id": "g"}, "lacks 'bootstrap.servers'"),
            ({**good, "enable.auto.commit": True}, "would lose events"),
            ({**good, "no.such.setting": 1}, "not one of librdkafka"),
        ):
            with pytest.raises(InputError, match=reason):
                consume_events(graph, ["t"], wrong)
        with pytest.raises(InputError, match="list of names"):
            consume_events(graph, "t", good)
