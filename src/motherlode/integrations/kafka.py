"""Events of Kafka topics into a lifecycle graph: OpenLineage's own, and thin ones that say that something changed.

A topic may carry both: an OpenLineage event, or ``{"provider": "mlflow", "subject": "lode://model/mlflow/ranking",
"event": "updated"}`` with ``scope`` where several sources of that kind are read.

Delivery is at least once, and its effect is once: offsets are committed after the graph has synced the events to disk,
and an event that comes again says nothing new.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from motherlode.errors import ConflictError, InputError, UnsupportedError
from motherlode.workflows.lifecycle_events import (
    Item,
    LifecycleGraph,
    Notice,
    Provider,
    ReadEvent,
    is_notice,
    parse_json,
    read_notice,
    read_openlineage,
    record_events,
    record_notices,
    refused,
)

__all__ = ["Consumer", "KafkaReport", "consume_events"]

_logger = logging.getLogger("motherlode.integrations.kafka")
_WAIT_S = 0.5
_FINAL = {"TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "_AUTHENTICATION", "INVALID_GROUP_ID"}
_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Between tries to write while the graph is locked: well below the 5 minutes after which a broker gives up on us."""


class Consumer(Protocol):
    """What is used of ``confluent_kafka.Consumer``."""

    def subscribe(self, topics: list[str]) -> None: ...
    def consume(self, num_messages: int, timeout: float) -> list[Any]: ...
    def commit(self, *, offsets: list[Any], asynchronous: bool) -> Any: ...
    def close(self) -> None: ...


@dataclass
class KafkaReport:
    """What came: messages, OpenLineage events and thin events among them, those in quarantine, those without value."""

    n_messages: int = 0
    n_events: int = 0
    n_notices: int = 0
    n_refused: int = 0
    n_empty: int = 0

    def add(self, other: KafkaReport) -> None:
        """Sum up."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def consume_events(
    graph: LifecycleGraph,
    topics: Sequence[str],
    config: Mapping[str, Any],
    *,
    providers: Sequence[Provider] = (),
    stop: threading.Event | None = None,
    until_idle_s: float | None = None,
    batch: int = 500,
    consumer: Consumer | None = None,
) -> KafkaReport:
    """Read topics into the graph until `stop` is set, or nothing came for `until_idle_s`.

    config: of librdkafka; ``bootstrap.servers`` and ``group.id`` at least. A new group begins at the oldest message
        unless ``auto.offset.reset`` says otherwise
    providers: whose components thin events may name; `LifecycleGraph.work` or `run_worker` hydrates them
    batch: messages a transaction at most
    consumer: another one than ``confluent_kafka.Consumer(config)``; it is closed at the end

    What is neither kind of event goes to the quarantine, and the others go on. Raises UnsupportedError without the
    extra, InputError for a config that commits by itself, ConflictError when the broker refuses for good, or the graph
    stays locked after some 20 s of tries; nothing of that batch is committed then, and it comes again.
    """
    if not topics or isinstance(topics, str):
        raise InputError(f"topics={topics!r}: expected a list of names, e.g. ['openlineage.events']")
    stop = stop or threading.Event()
    consumer = consumer or _consumer(config)
    report, idle_since = KafkaReport(), time.monotonic()
    try:
        consumer.subscribe(list(topics))
        while not stop.is_set():
            messages = _without_errors(consumer.consume(batch, _WAIT_S))
            if messages:
                batch_report = _record(graph, messages, providers, stop)
                if batch_report is None:
                    break
                _commit(consumer, messages)
                report.add(batch_report)
                idle_since = time.monotonic()
            elif until_idle_s is not None and time.monotonic() - idle_since >= until_idle_s:
                break
    finally:
        consumer.close()
    return report


def _consumer(config: Mapping[str, Any]) -> Consumer:
    for name in ("bootstrap.servers", "group.id"):
        if not config.get(name):
            raise InputError(f"config lacks {name!r}; expected e.g. {{'bootstrap.servers': 'broker:9092', …}}")
    if str(config.get("enable.auto.commit", False)).lower() not in {"false", "0"}:
        raise InputError("config has enable.auto.commit on, which would lose events; leave it out")
    try:
        import confluent_kafka
    except ImportError:
        raise UnsupportedError(
            "confluent-kafka is not installed; it comes with: pip install 'motherlode[kafka]'"
        ) from None
    settings = {"auto.offset.reset": "earliest", **config, "enable.auto.commit": False}
    try:
        made: Consumer = confluent_kafka.Consumer(settings, logger=_logger)
    except (confluent_kafka.KafkaException, TypeError, ValueError) as error:
        raise InputError(f"config is not one of librdkafka: {error}") from None
    return made


def _without_errors(found: list[Any]) -> list[Any]:
    """Messages. Errors that librdkafka gets over by itself are logged; ConflictError for one that it does not."""
    messages = []
    for message in found:
        error = message.error()
        if error is None:
            messages.append(message)
        elif error.fatal() or error.name() in _FINAL:
            raise ConflictError(f"Kafka refuses: {error.str()} ({error.name()}); see to the topic, group or rights")
        elif error.name() != "_PARTITION_EOF":
            _logger.warning("Kafka: %s (%s)", error.str(), error.name())
    return messages


def _record(
    graph: LifecycleGraph, messages: list[Any], providers: Sequence[Provider], stop: threading.Event
) -> KafkaReport | None:
    """Write what the messages say; None when it was told to stop before it could."""
    report = KafkaReport(n_messages=len(messages))
    items: list[Item] = []
    notices: list[Notice] = []
    for message in messages:
        body = message.value()
        if not body:  # the mark of a deletion in a compacted topic
            report.n_empty += 1
            continue
        read, notice = _read(bytes(body), f"Kafka topic {message.topic()}", providers)
        if notice is not None:
            notices.append(notice)
        items += read.items
        report.n_refused += read.reason is not None
    report.n_notices = len(notices)
    report.n_events = report.n_messages - report.n_notices - report.n_refused - report.n_empty
    for pause_s in (*_PAUSES_S, None):
        try:
            record_events(graph, items, "kafka")
            record_notices(graph, notices)
        except ConflictError as error:
            if pause_s is None:
                raise
            _logger.warning("the lifecycle graph cannot be written now, next try in %.1f s: %s", pause_s, error)
            if stop.wait(pause_s):
                return None
        else:
            break
    return report


def _read(body: bytes, origin: str, providers: Sequence[Provider]) -> tuple[ReadEvent, Notice | None]:
    """A message as items, or as a notice; what is neither, as something for the quarantine."""
    try:
        said = parse_json(body)
        if is_notice(said):
            return ReadEvent(), read_notice(said, providers)
    except InputError as error:
        return refused(body, str(error), origin), None
    return read_openlineage(said, origin), None


def _commit(consumer: Consumer, messages: list[Any]) -> None:
    """Tell the broker what is on disk. If it does not take that, the messages come again, which is no harm."""
    import confluent_kafka

    last: dict[tuple[str, int], int] = {}
    for message in messages:
        place = (message.topic(), message.partition())
        last[place] = max(last.get(place, 0), message.offset() + 1)
    offsets = [confluent_kafka.TopicPartition(topic, partition, offset) for (topic, partition), offset in last.items()]
    try:
        consumer.commit(offsets=offsets, asynchronous=False)
    except confluent_kafka.KafkaException as error:
        if error.args[0].fatal():
            raise ConflictError(f"Kafka refuses the offsets for good: {error}; start again") from error
        _logger.warning("the offsets were not committed, and the messages will come again: %s", error)
