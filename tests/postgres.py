"""A PostgreSQL server for the tests, started by them: a fresh cluster in a temporary folder, stopped at their end.

Where its programs or psycopg are missing, `server()` raises MissingError, whose text is the reason to skip with.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["MissingError", "PostgresServer", "server"]

_SETTINGS = {
    "fsync": "off",  # a test's data may be lost with the machine, not with the process
    "full_page_writes": "off",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "unix_socket_directories": "''",
    "listen_addresses": "'127.0.0.1'",
    "log_min_messages": "warning",
}
_HOW = "apt-get install postgresql (no cluster is needed)"


class MissingError(Exception):
    """What this machine lacks."""


class PostgresServer:
    """A running server whose locale, where it can be had, does not sort by code points."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = itertools.count(1)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database, dropped at the end."""
        import psycopg

        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _programs() -> Path:
    """The folder with initdb and postgres: that of a distribution's newest version, else the one on PATH."""

    def version(folder: Path) -> tuple[int, ...]:
        return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())

    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise MissingError(f"PostgreSQL is not installed here (no initdb): {_HOW}")


def _account() -> pwd.struct_passwd | None:
    """Whom to run as: postgres refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise MissingError("PostgreSQL refuses to run as root, and there is no account postgres or nobody to run it as")


def _run_as(account: pwd.struct_passwd | None) -> dict[str, object]:
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(programs: Path, data: Path, account: pwd.struct_passwd | None) -> None:
    base = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    said = ""
    for locale in (["--locale=C", "--locale-provider=icu", "--icu-locale=en-US"], ["--locale=C"]):
        done = subprocess.run(
            [*base, *locale], capture_output=True, text=True, check=False, cwd=data.parent, **_run_as(account)
        )  # type: ignore[call-overload]
        if done.returncode == 0:
            with (data / "postgresql.conf").open("a") as file:
                file.writelines(f"{name} = {value}\n" for name, value in _SETTINGS.items())
            return
        said = done.stderr
        shutil.rmtree(data, ignore_errors=True)
    raise RuntimeError(f"initdb failed: {said}")


def _ends_with_its_parent() -> None:
    """Also when the tests are killed, on Linux: PR_SET_PDEATHSIG, which a change of user before it would undo."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def server(*, start_timeout_s: float = 60) -> Iterator[PostgresServer]:
    """Starts a server on a free port of the loopback, and stops it whatever happens."""
    try:
        import psycopg
    except ImportError as error:
        raise MissingError(f"psycopg is not installed ({error}): pip install 'motherlode[postgres]'") from None
    programs, account = _programs(), _account()
    folder = Path(tempfile.mkdtemp(prefix="motherlode-postgres-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        _initialise(programs, folder / "data", account)
        for attempt in range(5):  # somebody else may take the port between the probe and the start
            port = _free_port()
            with (folder / "log").open("ab") as log:
                process = subprocess.Popen(
                    [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)],
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    cwd=folder,
                    preexec_fn=_ends_with_its_parent,
                    start_new_session=True,  # Ctrl-C at the tests must not reach it before they end
                    **_run_as(account),
                )  # type: ignore[call-overload]
            started = PostgresServer(port)
            deadline = time.monotonic() + start_timeout_s
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    psycopg.connect(started.url("postgres"), connect_timeout=2).close()
                except psycopg.OperationalError:
                    time.sleep(0.05)
                else:
                    yield started
                    return
            if process.poll() is None or attempt == 4:
                raise RuntimeError(f"postgres did not start: {(folder / 'log').read_text()}")
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # "fast": ends the connections, then itself
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)  # "immediate"
                process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
