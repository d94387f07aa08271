"""What every command shares: consoles that texts cannot act on, progress that reads well, errors in one line."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.highlighter import JSONHighlighter
from rich.progress import BarColumn, Progress as Bars, ProgressColumn, Task, TaskID, TextColumn
from rich.segment import Segment
from rich.text import Text

from motherlode.errors import LodeError

__all__ = [
    "EXIT_ERROR",
    "EXIT_GATE",
    "EXIT_INTERRUPTED",
    "DrawnProgress",
    "duration",
    "json_text",
    "legible",
    "print_json",
    "problems",
    "reporting_errors",
    "results",
    "size",
]

EXIT_GATE = 1  # the command ran, and what it found may not pass
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells expect
_PLAIN_EVERY_S = 5.0
P = ParamSpec("P")
R = TypeVar("R")


# What a terminal obeys and does not show: C0 but for tab and line feed, DEL, C1 (8-bit CSI among them), overrides and
# isolates of the direction of writing; and surrogates, which no output can encode.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def legible(text: str) -> str:
    """A text of others for the terminal: each character that a terminal would obey is shown as U+FFFD.

    Tabs and line feeds stay, CR LF is a line feed.
    """
    return _OBEYED.sub("\ufffd", text.replace("\r\n", "\n"))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON that means the same and that a terminal may be shown: what it would obey is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: Any) -> None:
    """A value on standard output, as JSON."""
    shown = JSONHighlighter()(Text(json_text(value, indent=2), no_wrap=True))
    results().print(shown, soft_wrap=True)


class _Screen(Console):
    """A console that shows every string and text as `legible` has it, in whatever table or panel it stands."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(legible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        if isinstance(renderable, Text) and (shown := legible(renderable.plain)) != renderable.plain:
            renderable = renderable.copy()
            renderable.plain = shown  # one character for one: the styles stay where they are
        return super().render(renderable, options)


def results(*, no_color: bool = False) -> Console:
    """The console for what was asked for: standard output."""
    return _Screen(highlight=False, no_color=no_color or None, soft_wrap=False)


def problems(*, no_color: bool = False) -> Console:
    """The console for everything else: standard error."""
    return _Screen(stderr=True, highlight=False, no_color=no_color or None)


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


_SAID_AS = {
    "overwrite=True": "--overwrite",
    "open it with create=True to begin an empty one": "begin one with `lode nuggets ingest` or `lode lifecycle ingest`",
    "or open it for writing with create=True": "or begin with `lode nuggets ingest` or `lode lifecycle ingest`",
    "; give an aware datetime, e.g. datetime(…, tzinfo=UTC), or a date": (
        "; add it, e.g. 2020-01-01T00:00Z, or give a day"
    ),
    "store.review_queue()": "lode nuggets review",
    "review_queue()": "lode nuggets review",
    "store.events()": "lode nuggets export events",
    "store.decide(nugget, 'prefer', …)": "lode nuggets resolve",
    "edit_claim corrects object, valid_from or valid_to; give one of them, or review(…)": (
        "--edit corrects --object, --valid-from or --valid-to; give one of them, or --accept the claim as it is"
    ),
    "either source= (a document's id) or claim= (a claim's id)": (
        "either --source (a document's id) or --claim (a claim's id)"
    ),
    "known=(t1, t2) or valid=(t1, t2)": "--known A B or --valid A B",
    "(vectors=…)": "(--vectors DIR)",
}


def _in_options(message: str) -> str:
    """The library speaks of arguments, a command line of options."""
    for spoken, option in _SAID_AS.items():
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
