"""A nugget store in a process of its own, spoken to over a pipe; for tests of what two processes do to one store."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from typing import Any

from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests.nugget_worlds import Ticking

__all__ = ["StoreProcess"]


def _serve(pipe: Connection) -> None:
    store: NuggetStore | None = None
    clock = Ticking()
    while True:
        try:
            name, micros, args, named = pipe.recv()
        except EOFError:
            break
        clock.micros = micros
        try:
            if name == "open":
                if store is not None:
                    store.close()
                store = open_nuggets(*args, clock=clock)
                answer = None
            else:
                answer = getattr(store, name)(*args, **named)
            pipe.send((answer, None))
        except Exception as error:  # noqa: BLE001 it is the other process's to judge
            pipe.send((None, error))
    if store is not None:
        store.close()


class StoreProcess:
    """The writing methods of a store, each called in the child with the time that the clock shows here."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, other = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self.clock = Ticking()

    def open(self, where: str, clock: Ticking) -> None:
        self.clock = clock
        self._call("open", where)

    def _call(self, name: str, *args: Any, **named: Any) -> Any:
        self._pipe.send((name, self.clock.micros, args, named))
        answer, error = self._pipe.recv()
        if error is not None:
            raise error
        return answer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **named: self._call(name, *args, **named)

    def end(self) -> None:
        """Let the child end by itself."""
        self._pipe.close()
        self._process.join(30)
