"""`import motherlode` costs nothing; a name is loaded when it is first asked for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import motherlode
from tests.corpora import run_python

NAMES = [name for name in motherlode.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_resolves_and_is_kept(name: str) -> None:
    assert getattr(motherlode, name) is getattr(motherlode, name)
    assert name in vars(motherlode)


def test_an_unknown_name_is_an_attribute_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match="'motherlode' has no attribute 'nonsense'"):
        getattr(motherlode, "nonsense")  # noqa: B009


def test_dir_and_all_are_the_same_sorted_names() -> None:
    assert dir(motherlode) == motherlode.__all__ == sorted(motherlode.__all__)


def test_the_stub_lists_exactly_the_public_names() -> None:
    assert motherlode.__file__ is not None
    tree = ast.parse(Path(motherlode.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    names = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names - {None} == set(NAMES)


def test_importing_motherlode_loads_no_numpy_and_no_native_code() -> None:
    done = run_python(
        "import sys, motherlode\n"
        "print([m for m in ('numpy', 'motherlode._native', 'torch', 'rich', 'typer') if m in sys.modules])"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_library_has_one_logger_and_prints_nothing_by_itself(tmp_path: Path) -> None:
    done = run_python(
        "import sys, numpy as np, motherlode\n"
        "index = motherlode.build_index(sys.argv[1], np.eye(4, dtype='f4'), [0, 2, 4], kind='compressed')\n"
        "index.search(np.eye(4, dtype='f4'))\n",
        tmp_path / "index",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
