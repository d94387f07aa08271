"""What ``lode lifecycle`` shows on a terminal: nothing that acts on it, and tables that fit."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from motherlode.cli.app import app
from tests.e2e.command_line import LODE, environment
from tests.e2e.lifecycle_commands import make_odd, run
from tests.lifecycle_exports_world import HOSTILE


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_odd(tmp_path_factory.mktemp("odd"))


_VERBS = (
    ("impact", "feature:source"), ("impact", "feature:source", "--tree"), ("downstream", "feature:source"),
    ("path", "feature:source", f"model:{HOSTILE[1]}"), ("unused",), ("search", "source"), ("select", "type:model"),
    ("show", "feature:source"), ("show", f"model:{HOSTILE[3]}"), ("owners", f"model:{HOSTILE[2]}"),
    ("quarantine", "--all"),
    ("diff", "2020-01-01", "2100-01-01", "--all"), ("doctor",), ("impact", "feature:source", "--json"),
    ("impact", "feature:source", "--mermaid"), ("impact", "feature:source", "--dot"),
)  # fmt: skip


@pytest.mark.parametrize("verb", _VERBS, ids=lambda verb: " ".join(verb)[:30])
def test_no_foreign_text_acts_on_the_terminal_or_begins_a_line_of_its_own(
    odd_folder: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(odd_folder)
    variables = {**environment(), "COLUMNS": "200", "LODE_LIFECYCLE": ""}
    done = CliRunner().invoke(app, ["lifecycle", *verb], env=variables)  # a process each would take a minute
    assert done.exit_code == 0, done.output
    assert len(done.output) > 20
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", done.output)
    assert not re.search(r"^\| --- \||^<img src", done.output, re.MULTILINE)  # a name's second and third line


def test_csv_in_a_pipe_is_exact_and_in_a_terminal_harmless(odd_folder: Path) -> None:
    pty = pytest.importorskip("pty")
    rows = list(csv.DictReader(io.StringIO(run(odd_folder, "impact", "feature:source", "--csv").stdout)))
    assert HOSTILE[3] in {row["evidence"] for row in rows}
    here, there = pty.openpty()
    command = [*LODE, "lifecycle", "impact", "feature:source", "--csv"]
    with subprocess.Popen(
        command, cwd=odd_folder, stdout=there, env={**environment(), "LODE_LIFECYCLE": ""}
    ) as process:
        os.close(there)
        shown = b""
        while True:
            try:
                part = os.read(here, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        process.wait(timeout=60)
    os.close(here)
    assert b"lode://model/test" in shown
    assert b"\x1b" not in shown


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_keep_within_the_terminal_and_names_whole(odd_folder: Path, columns: int) -> None:
    lines = run(odd_folder, "impact", "feature:source", columns=columns).stdout.splitlines()
    table = lines[3 : next(at for at, line in enumerate(lines) if at > 3 and not line)]
    assert max(map(cell_len, table)) <= columns
    assert "javascript:alert(1)" in "".join(line.strip() for line in table).replace(" ", "")
