"""Is the shape still the shape? Each rule is first shown a snippet that it must refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from tests.architecture.rules import (
    FEATURES,
    ROOT,
    Source,
    foreign_includes,
    library,
    new_arrows,
    noises,
    strangers,
    too_long,
    unsorted_names,
)

Rule = Callable[[Source], list[str]]


def _source(path: str, text: str) -> Source:
    return Source(PurePosixPath(path), text)


@pytest.mark.parametrize("rule", [new_arrows, strangers, noises, unsorted_names], ids=lambda rule: rule.__name__)
def test_the_library_keeps_the_rule(rule: Rule) -> None:
    sources = library()
    assert len(sources) > 5, "the walk found no library to check"
    assert [broken for source in sources for broken in rule(source)] == []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (new_arrows, "retrieval/index.py", "import motherlode.nuggets"),
        (new_arrows, "retrieval/index.py", "from motherlode import workflows"),
        (new_arrows, "retrieval/encoders/minilm.py", "from ...workflows import documents"),
        (new_arrows, "retrieval/index.py", "def f():\n    from motherlode.lifecycle import graph"),
        (new_arrows, "core/ports.py", "from motherlode.retrieval.hits import Hits"),
        (new_arrows, "retrieval/index.py", "import importlib\nimportlib.import_module('motherlode.cli')"),
        (new_arrows, "workflows/text_index.py", "from motherlode.cli import app"),
        (new_arrows, "cli/search.py", "from motherlode.retrieval import index"),
        (new_arrows, "retrieval/index.py", "from motherlode import build_text_index"),
        (new_arrows, "attic/junk.py", "from motherlode.core import ports"),
        (strangers, "retrieval/index.py", "import torch.nn"),
        (strangers, "retrieval/encoders/minilm.py", "from transformers import AutoTokenizer"),
        (strangers, "workflows/text_index.py", "from rich.progress import Progress"),
        (strangers, "core/ports.py", "import pyarrow"),
        (strangers, "errors.py", "import yaml"),
        (strangers, "nuggets/gate.py", "import litellm"),
        (strangers, "retrieval/index.py", "import pickle"),
        (strangers, "retrieval/index.py", "from motherlode import _native"),
        (strangers, "retrieval/index.py", "from .._native import dot"),
        (strangers, "lifecycle/graph.py", "import sqlite3"),
        (strangers, "nuggets/audit.py", "from langchain_core.documents import Document"),
        (strangers, "workflows/opening.py", "from llama_index.core.schema import TextNode"),
        (strangers, "cli/app.py", "def f():\n    from haystack import component"),
        (noises, "retrieval/index.py", "print('built')"),
        (noises, "workflows/text_index.py", "import sys\nsys.exit(1)"),
        (noises, "cli/app.py", "import os\nos.abort()"),
        (noises, "retrieval/index.py", "import numpy as np\nnp.load('x.npy', allow_pickle=True)"),
        (unsorted_names, "retrieval/index.py", "__all__ = ['open_index', 'build_index']"),
        (unsorted_names, "retrieval/index.py", "__all__ = ['Hits', 'Hits']"),
    ],
)
def test_the_rule_refuses(rule: Rule, path: str, text: str) -> None:
    assert rule(_source(path, text)) != []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (new_arrows, "retrieval/index.py", "from motherlode.core.ports import Progress\nfrom motherlode import errors"),
        (new_arrows, "retrieval/encoders/minilm.py", "from ..hits import Hits\nfrom . import colbert"),
        (new_arrows, "workflows/text_index.py", "from motherlode.retrieval import index"),
        (new_arrows, "cli/search.py", "from motherlode import open_index"),
        (new_arrows, "candidates/train.py", "from motherlode.training import loop"),
        (strangers, "retrieval/encoders/colbert.py", "import torch"),
        (strangers, "retrieval/encoders/colbert_checkpoint.py", "import torch"),
        (strangers, "retrieval/kernels.py", "from motherlode import _native"),
        (strangers, "cli/app.py", "import typer"),
        (strangers, "integrations/langchain.py", "from langchain_core.documents import Document"),
        (noises, "cli/app.py", "print('hello')"),
        (unsorted_names, "core/ports.py", "__all__ = ['LIMIT', 'Encoder', 'Progress', 'build', 'open']"),
    ],
)
def test_the_rule_allows(rule: Rule, path: str, text: str) -> None:
    assert rule(_source(path, text)) == []


def test_no_feature_stands_beside_the_picture() -> None:
    rooms = {source.room for source in library()}
    known = {*FEATURES, "__init__", "cli", "core", "errors", "integrations", "server", "training", "workflows"}
    assert rooms <= known, f"a new room: draw it in the picture and in rules.py first: {sorted(rooms - known)}"


def test_files_and_functions_stay_short() -> None:
    files = [
        file
        for pattern in ("src/**/*.py", "native/**/*.cpp", "native/**/*.h", "tests/**/*.py", "bench/**/*.py")
        for file in sorted(ROOT.glob(pattern))
    ]
    assert len(files) > 20
    found = [line for file in files for line in too_long(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))]
    assert found == []


def test_the_length_rule_refuses_a_long_file_and_a_long_function() -> None:
    assert too_long("a.h", "\n" * 400) == ["a.h has 400 lines"]
    assert too_long("a.h", "\n" * 399) == []
    assert too_long("a.py", "def f():\n" + "    x = 1\n" * 59) == ["a.py:1 f has 60 lines"]
    assert too_long("a.py", "def f():\n" + "    x = 1\n" * 58) == []
    assert too_long("a.py", 'def f():\n    """One\n\n    two.\n    """\n' + "    x = 1\n" * 58) == []


def test_the_core_has_never_heard_of_python() -> None:
    files = [file for pattern in ("*.cpp", "*.h") for file in (ROOT / "native").rglob(pattern)]
    assert files
    assert [
        line for file in files for line in foreign_includes(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))
    ] == []


def test_the_include_rule_refuses_python_in_the_core() -> None:
    assert foreign_includes("native/index/search.cpp", "#include <nanobind/ndarray.h>") != []
    assert foreign_includes("native/kernels/kernels.h", '# include "Python.h"') != []
    assert foreign_includes("native/bindings/module.cpp", "#include <nanobind/nanobind.h>") == []
