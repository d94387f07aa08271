"""The connections of a database: taken for one transaction, kept for the next, and safe when the process forks.

SQLite keeps its view of a file's locks in the process's memory. A child that inherits it believes to hold locks that
only its parent holds, and two such processes can lose what was committed. So connections are closed before a fork;
where that cannot be (a transaction is running), the child refuses the file rather than risk it. PostgreSQL's sockets
stay the parent's.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
import weakref
from typing import Any

from motherlode.core.sql.sessions import Driver, Session
from motherlode.errors import ConflictError, InputError

__all__ = ["Connections", "Lease"]

MAX_IDLE = 8
FORK_PATIENCE_S = 5.0  # how long a fork waits for the transactions of other threads
_LOOK_AGAIN_S = 0.5  # a lease that an interrupt left behind is nobody's: nobody will say so

_guard = threading.RLock()  # of everything below and of what Connections change; reentrant, for __del__
_quiet = threading.Condition(_guard)  # a lease or a fork came to its end
_pools: weakref.WeakSet[Connections] = weakref.WeakSet()
_leases: weakref.WeakSet[Lease] = weakref.WeakSet()
_forking: int | None = None  # the thread that is about to fork
_lost: set[str] = set()  # places of which this process inherited a connection in use


class Lease:
    """One transaction's use of a connection. Lost on the way, it closes it, and so rolls back."""

    def __init__(self, *, write: bool) -> None:
        self.write = write
        self.thread = threading.get_ident()
        self.pool: Connections | None = None
        self.raw: Any = None  # the driver's connection
        self.session: Session | None = None
        self.was_idle = False

    def __del__(self) -> None:
        if self.raw is not None:
            self.raw.close()


class Connections:
    """Connections for any number of threads, and whose turn it is to write."""

    def __init__(self, driver: Driver, *, timeout_s: float) -> None:
        self.driver, self._timeout_s = driver, timeout_s
        self.is_closed = False
        self._idle: dict[bool, list[Any]] = {False: [], True: []}  # writing ones apart, where the driver wants that
        self._turn: weakref.ref[Lease] | None = None
        with _guard:
            self._turn_ended = threading.Condition(_guard)
            _pools.add(self)

    def take(self, *, write: bool, in_turn: bool) -> Lease:
        """A connection, from now on nobody else's. With ``in_turn`` it waits for the other leases of that kind."""
        lease = Lease(write=write and self.driver.has_readers)
        with _guard:
            while _forking is not None and _forking != lease.thread:
                _quiet.wait()
            self._check_open()
            if in_turn:
                self._wait_for_turn(lease)
            lease.pool = self
            _leases.add(lease)
            idle = self._idle[lease.write]
            while idle and lease.raw is None:
                lease.raw, lease.was_idle = idle.pop(), True
                if not self.driver.is_usable(lease.raw):
                    lease.raw, lease.was_idle = None, False
        if lease.raw is None:
            try:
                lease.raw = self.driver.connect(write=write)
            except BaseException:
                self.give_back(lease)
                raise
        return lease

    def give_back(self, lease: Lease) -> None:
        """Rolls back what is left and ends the lease; its connection waits for the next one, or closes if broken."""
        if lease.pool is None:  # inherited by a fork: the parent's
            return
        if lease.session is not None:
            lease.session.end()
        with _guard:
            idle = self._idle[lease.write]
            keeps = lease.raw is not None and not self.is_closed and len(idle) < MAX_IDLE
            if keeps and self.driver.is_usable(lease.raw):
                idle.append(lease.raw)
                lease.raw = None
        if lease.raw is not None:
            lease.raw.close()
            lease.raw = None
        with _guard:  # only now may a waiting fork go on
            _leases.discard(lease)
            _quiet.notify_all()
            if self._turn is not None and self._turn() is lease:
                self._turn = None
                self._turn_ended.notify()

    def in_turn_here(self) -> Session | None:
        """The session of this thread that has the turn."""
        lease = self._turn() if self._turn is not None else None
        return lease.session if lease is not None and lease.thread == threading.get_ident() else None

    def close(self) -> None:
        """Closes what is idle now, and what is in use when it is given back."""
        with _guard:
            self.is_closed = True
            idle = self._drained()
        for raw in idle:
            raw.close()

    def before_fork(self) -> None:
        if self.driver.closes_for_fork:
            for raw in self._drained():
                raw.close()

    def after_fork(self) -> None:
        """In the child: nothing of the parent's is used, nor even closed."""
        self._turn, self._turn_ended = None, threading.Condition(_guard)
        idle = self._drained()
        if idle and not self.driver.survives_fork:
            _lost.add(self.driver.place)
        for raw in idle:
            _keep_for_ever(raw)

    def _check_open(self) -> None:
        if self.is_closed:
            raise InputError(f"{self.driver.where} was closed; open it again.")
        if self.driver.place in _lost:
            raise ConflictError(
                f"{self.driver.where} cannot be used in this process: it was forked while the database was in use (or "
                "the database is in memory), and SQLite's locks do not survive that. Start processes outside "
                'transactions, or with multiprocessing.get_context("spawn").'
            )

    def _wait_for_turn(self, lease: Lease) -> None:
        deadline = time.monotonic() + self._timeout_s
        while self._turn is not None and self._turn() is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ConflictError(
                    f"{self.driver.where}: another thread held the database for longer than {self._timeout_s:g} s. Try "
                    "again, or open it with a larger timeout_s."
                )
            self._turn_ended.wait(min(left, _LOOK_AGAIN_S))
        self._turn = weakref.ref(lease)

    def _drained(self) -> list[Any]:
        idle = [raw for raws in self._idle.values() for raw in raws]
        self._idle = {False: [], True: []}
        return idle

    def __del__(self) -> None:
        if not self.is_closed:
            self.close()


def _keep_for_ever(raw: Any) -> None:
    """Its deallocation would end the parent's session at the server, or delete the parent's write-ahead log."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(raw))


def _before_fork() -> None:
    global _forking
    me = threading.get_ident()
    deadline = time.monotonic() + FORK_PATIENCE_S
    with _guard:
        while _forking is not None:
            _quiet.wait()
        _forking = me
        while any(lease.thread != me for lease in _leases) and (left := deadline - time.monotonic()) > 0:
            _quiet.wait(min(left, _LOOK_AGAIN_S))
        for pool in list(_pools):
            pool.before_fork()


def _after_fork_in_parent() -> None:
    global _forking
    with _guard:
        _forking = None
        _quiet.notify_all()


def _after_fork_in_child() -> None:
    global _guard, _quiet, _forking
    _guard, _forking = threading.RLock(), None
    _quiet = threading.Condition(_guard)
    for pool in list(_pools):
        pool.after_fork()
    for lease in list(_leases):
        if lease.session is not None:
            lease.session.is_over = True
        if lease.pool is not None and not lease.pool.driver.survives_fork:
            _lost.add(lease.pool.driver.place)
        if lease.raw is not None:
            _keep_for_ever(lease.raw)
        lease.pool = lease.raw = None
    _leases.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
