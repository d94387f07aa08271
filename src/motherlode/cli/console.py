"""What every command shares: the two consoles, progress that reads well, errors in one line."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress as Bars, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from motherlode.errors import LodeError

__all__ = [
    "EXIT_ERROR",
    "EXIT_INTERRUPTED",
    "DrawnProgress",
    "duration",
    "problems",
    "reporting_errors",
    "results",
    "size",
]

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells expect
_PLAIN_EVERY_S = 5.0
P = ParamSpec("P")
R = TypeVar("R")


def results(*, no_color: bool = False) -> Console:
    """The console for what was asked for: standard output."""
    return Console(highlight=False, no_color=no_color or None, soft_wrap=False)


def problems(*, no_color: bool = False) -> Console:
    """The console for everything else: standard error."""
    return Console(stderr=True, highlight=False, no_color=no_color or None)


def reporting_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Errors of the library as one line on standard error and exit code 2; no stack traces."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except LodeError as error:
            problems().print(Text.assemble(("error: ", "bold red"), (_in_options(str(error)), "red")), soft_wrap=True)
            raise typer.Exit(EXIT_ERROR) from None
        except BrokenPipeError:  # lode search … | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(EXIT_ERROR) from None
        except KeyboardInterrupt:
            problems().print("[yellow]interrupted[/]")
            raise typer.Exit(EXIT_INTERRUPTED) from None

    return wrapped


def _in_options(message: str) -> str:
    """The library speaks of arguments, a command line of options."""
    for spoken, option in (
        ("overwrite=True", "--overwrite"),
        ("open it with create=True to begin an empty one", "begin one with `lode nuggets ingest`"),
        (
            "; give an aware datetime, e.g. datetime(…, tzinfo=UTC), or a date",
            "; add it, e.g. 2020-01-01T00:00Z, or give a day",
        ),
    ):
        message = message.replace(spoken, option)
    return message


def duration(seconds: float) -> str:
    """``14 ms``, ``2.8 s``, ``42 s``, ``3:07``, ``1:02:45``."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(n_bytes: float) -> str:
    """``512 B``, ``3.4 kB``, ``1.2 GB`` (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


class _Rate(ProgressColumn):
    """``1,234/6,947 documents · 61/s · 1:33 left``."""

    max_refresh = 0.2

    def render(self, task: Task) -> Text:
        return Text(_status(task.completed, task.total, task.fields["unit"], task.elapsed or 0.0, task.finished))


def _status(done: float, total: float | None, unit: str, elapsed_s: float, finished: bool) -> str:
    count = f"{done:,.0f}/{total:,.0f} {unit}" if total is not None and not finished else f"{done:,.0f} {unit}"
    if not done:
        return f"0/{total:,.0f} {unit}" if total else ""
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    speed = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    if finished:
        return f"{count} · {speed} · {duration(elapsed_s)}"
    if total is None or not rate:
        return f"{count} · {speed}"
    return f"{count} · {speed} · {duration((total - done) / rate)} left"


class DrawnProgress:
    """Progress of the library on standard error: bars on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._name, self._unit = "", ""
        self._total: int | None = None
        self._done = 0
        self._began = self._printed = 0.0

    @contextmanager
    def shown(self) -> Iterator[DrawnProgress]:
        """Draw within this block; the bars stay as a record after it."""
        if self._quiet or not self._console.is_terminal:
            yield self
            return
        columns = (TextColumn("{task.description:<23}"), BarColumn(bar_width=10), _Rate())
        with Bars(*columns, console=self._console, refresh_per_second=5) as self._bars:
            yield self
        self._bars = None

    def start(self, task: str, total: int | None, unit: str) -> None:
        if self._task is not None:
            self.finish()
        self._name, self._total, self._unit, self._done = task, total, unit, 0
        self._began = self._printed = time.monotonic()
        if self._bars is not None:
            self._task = self._bars.add_task(task, total=total, unit=unit)

    def advance(self, n: int) -> None:
        self._done += n
        if self._bars is not None and self._task is not None:
            self._bars.advance(self._task, n)
        elif time.monotonic() - self._printed >= _PLAIN_EVERY_S and self._done != self._total:
            self._print(finished=False)

    def finish(self) -> None:
        if self._bars is not None and self._task is not None:
            done = self._bars.tasks[self._bars.task_ids.index(self._task)].completed
            self._bars.update(self._task, total=max(done, 1), completed=max(done, 1))
            self._task = None
        elif self._bars is None:
            self._print(finished=True)

    def _print(self, *, finished: bool) -> None:
        if self._quiet:
            return
        now = self._printed = time.monotonic()
        status = _status(self._done, self._total, self._unit, now - self._began, finished)
        self._console.print(f"{self._name}: {status}", markup=False, soft_wrap=True)
