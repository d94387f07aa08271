"""One thread that writes what requests bring, those that wait together in one transaction."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from motherlode.errors import ConflictError

__all__ = ["BusyError", "EventWriter"]

_ITEMS_TOGETHER = 2000


class BusyError(Exception):
    """So much waits already that no more is taken; the sender should come again."""


class EventWriter:
    """Writes items in the order they come. A request's future is done when its items are on disk.

    Why not one transaction a request: each waits for the disk, some milliseconds, and a burst of events would wait for
    each other. Why not an answer before the write: what is acknowledged has been synced.

    record: writes items, in one transaction or several; max_waiting: requests that may wait
    """

    def __init__(self, record: Callable[[Sequence[Any]], object], *, max_waiting: int = 256) -> None:
        self._record = record
        self._waiting: queue.Queue[tuple[Sequence[Any], Future[None]] | None] = queue.Queue(max_waiting)
        self._is_closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="lode-event-writer", daemon=True)
        self._thread.start()

    def submit(self, items: Sequence[Any]) -> Future[None]:
        """Queue items; the future raises what writing them raised. Raises BusyError when the queue is full."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # a sender that hangs up does not take back what waits here
        with self._lock:
            if self._is_closed:
                raise BusyError("the server is stopping")
            try:
                self._waiting.put_nowait((items, done))
            except queue.Full:
                raise BusyError(f"{self._waiting.maxsize} requests wait to be written already") from None
        return done

    def close(self) -> None:
        """Write what waits, then stop. May be called twice."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
        if not was_closed:
            self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_open = True
        while is_open:
            first = self._waiting.get()
            if first is None:
                return
            batch, n_items = [first], len(first[0])
            while n_items < _ITEMS_TOGETHER:
                try:
                    other = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if other is None:
                    is_open = False
                    break
                batch.append(other)
                n_items += len(other[0])
            self._write(batch)

    def _write(self, batch: list[tuple[Sequence[Any], Future[None]]]) -> None:
        try:
            self._record([item for items, _ in batch for item in items])
        except Exception as error:  # noqa: BLE001 - the request gets it; the thread serves the next ones
            if len(batch) > 1 and not isinstance(error, ConflictError):
                for one in batch:  # one of them is at fault, and the others should not suffer for it
                    self._write([one])
                return
            for _, done in batch:
                done.set_exception(error)
        else:
            for _, done in batch:
                done.set_result(None)
