"""The front door: what `import motherlode` offers, what it costs, and that documents name only what exists."""

from __future__ import annotations

import ast
import importlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import motherlode
from tests.architecture.rules import PACKAGE, ROOT, documented_commands, public_names

IMPORT_BUDGET_S = 0.050

_COST = """
import sys, time
import numpy
before = time.perf_counter()
{code}
print(time.perf_counter() - before)
"""


def _import_cost_s(code: str, n_runs: int = 7) -> float:
    """Seconds that `code` takes in a fresh interpreter that has numpy already; the median of several."""

    def once() -> float:
        done = subprocess.run(
            [sys.executable, "-c", _COST.format(code=code)], capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    once()  # the first run may write .pyc files
    return statistics.median(once() for _ in range(n_runs))


def test_importing_motherlode_adds_less_than_50_ms_to_importing_numpy() -> None:
    assert _import_cost_s("import motherlode") < IMPORT_BUDGET_S


def test_the_import_budget_refuses_a_slow_import() -> None:
    assert _import_cost_s("time.sleep(0.06)", n_runs=3) > IMPORT_BUDGET_S


def test_importing_motherlode_loads_nothing_heavy() -> None:
    code = "import json, sys, motherlode; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    heavy = {"onnxruntime", "pyarrow", "rich", "tokenizers", "torch", "transformers", "typer"}
    assert loaded & heavy == set()
    assert "motherlode._native" not in json.loads(done.stdout)


def _stub_names() -> dict[str, str]:
    """Public name → module it comes from, as __init__.pyi says; "" for what is declared there."""
    names: dict[str, str] = {}
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "the stub spells modules out"
            names |= {alias.asname: node.module or "" for alias in node.names if alias.asname}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id != "__all__":
            names[node.target.id] = ""
    return names


def test_the_lazy_exports_and_the_stub_name_the_same_things() -> None:
    assert sorted(_stub_names()) == sorted(motherlode.__all__)
    assert dir(motherlode) == sorted(motherlode.__all__)


@pytest.mark.parametrize("name", sorted(_stub_names()))
def test_a_public_name_resolves_to_what_the_stub_says(name: str) -> None:
    value = getattr(motherlode, name)
    if origin := _stub_names()[name]:
        assert value is getattr(importlib.import_module(origin), name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nuggetz'"):
        _ = motherlode.nuggetz  # type: ignore[attr-defined]


def test_errors_exports_its_whole_tree() -> None:
    tree = ast.parse((PACKAGE / "errors.py").read_text("utf-8"))
    assert public_names(tree) == sorted(node.name for node in tree.body if isinstance(node, ast.ClassDef))


def _documents() -> Iterator[tuple[str, str]]:
    for file in [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), ROOT / "scripts" / "demo"]:
        text = file.read_text("utf-8")
        yield file.relative_to(ROOT).as_posix(), text if file.suffix == ".md" else f"```\n{text}\n```"


def _commands() -> dict[str, set[str]]:
    """Every command of `lode` with the long options it takes; "GROUP VERB" and the group itself of a group."""
    app = pytest.importorskip("motherlode.cli.app").app
    group = pytest.importorskip("typer.main").get_command(app)
    found = {}
    for name, command in group.commands.items():
        found[name] = _options(command)
        found |= {f"{name} {verb}": _options(one) for verb, one in getattr(command, "commands", {}).items()}
    return found


def _options(command: Any) -> set[str]:
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    return flags | {"--help"}


def _groups() -> set[str]:
    return {name.partition(" ")[0] for name in _commands() if " " in name}


def _hidden() -> set[str]:
    """Other names of commands, for people who come from elsewhere."""
    app = pytest.importorskip("motherlode.cli.nuggets_app").nuggets_app
    return {f"nuggets {command.name}" for command in app.registered_commands if command.hidden}


def test_every_documented_command_exists_with_its_options() -> None:
    commands = _commands()
    groups = _groups()
    documented = [
        (page, verb, options) for page, text in _documents() for verb, options in documented_commands(text, groups)
    ]
    assert documented, "no document shows a command"
    unknown = [f"{page}: lode {verb}" for page, verb, _ in documented if verb not in commands]
    unknown += [
        f"{page}: lode {verb} {option}"
        for page, verb, options in documented
        for option in options
        if verb in commands and option not in commands[verb]
    ]
    assert unknown == []


def test_every_command_is_documented() -> None:
    groups = _groups()
    documented = {verb for _, text in _documents() for verb, _ in documented_commands(text, groups)}
    assert set(_commands()) - documented - groups - _hidden() == set()


def test_the_reader_of_documents_finds_commands_and_options() -> None:
    page = (
        "Say `lode serve --port 80`:\n```\n$ .venv/bin/lode index a.md \\\n  --out x | lode cat\nlode\n```\nlode prose"
    )
    assert list(documented_commands("`lode nuggets ask --at 2005`", {"nuggets"})) == [("nuggets ask", ["--at"])]
    assert list(documented_commands(page)) == [("serve", ["--port"]), ("index", ["--out"]), ("cat", [])]
