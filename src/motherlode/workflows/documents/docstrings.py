"""Documents out of the docstrings of the running Python's standard library.

Python files are parsed, never imported. Names that live in C (``math.sqrt``, ``list.sort``, ``datetime.date``) have no
Python source, so the interpreter's own extension modules are imported and asked; a fixed list of those that touch the
terminal or a display is left alone.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from motherlode.workflows.documents.document import Document, SourceReport

__all__ = ["stdlib_documents", "stdlib_fingerprint"]

_IGNORED_PACKAGES = frozenset(
    [
        "site-packages",
        "dist-packages",
        "test",
        "tests",
        "idlelib",
        "lib2to3",
        "turtledemo",
        "ensurepip",
        "pydoc_data",
        "lib-dynload",
        "__pycache__",
    ]
)
_NOT_IMPORTED = frozenset(
    ["_tkinter", "_curses", "_curses_panel", "readline", "nis", "ossaudiodev", "spwd", "xxsubtype"]
)
_MAX_SIGNATURE = 90
_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def stdlib_documents(report: SourceReport) -> Iterator[Document]:
    """Every public module, class, function and method with a docstring; the title is its name and signature.

    Ids are qualified names, each once, Python sources before C.
    """
    seen: set[str] = set()
    for document in _documents(report):
        if document.id not in seen:
            seen.add(document.id)
            yield document


def stdlib_fingerprint() -> str:
    """Changes with the interpreter whose docstrings are read."""
    return f"{sys.implementation.cache_tag} {sys.version} {sysconfig.get_paths()['stdlib']}"


def _documents(report: SourceReport) -> Iterator[Document]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in _python_files(root):
        report.n_files += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escapes in somebody else's source
                tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError) as error:
            report.skip(f"not parsed ({type(error).__name__})", str(path))
            continue
        name = _module_name(path, root)
        yield from _module_documents(tree, name, str(path))
    for module in _extension_modules():
        yield from _extension_documents(module)


def _python_files(root: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in _IGNORED_PACKAGES and not f.startswith(("_", "config-")))
        for name in sorted(names):
            if name.endswith(".py") and (not name.startswith("_") or name == "__init__.py" or name == "_pydatetime.py"):
                yield Path(parent, name)


def _module_name(path: Path, root: Path) -> str:
    parts = list(path.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    name = ".".join(parts)
    # os.path is posixpath here; since 3.12 the sources of datetime live in _pydatetime.
    return {"posixpath": "os.path", "_pydatetime": "datetime"}.get(name, name)


def _module_documents(tree: ast.Module, name: str, source: str) -> Iterator[Document]:
    text = ast.get_docstring(tree)
    if text:
        yield Document(name, f"module {name}", text, source)
    yield from _member_documents(tree.body, name, source)


def _member_documents(body: list[ast.stmt], owner: str, source: str) -> Iterator[Document]:
    for node in body:
        if isinstance(node, ast.If | ast.Try):  # definitions that depend on the platform
            branches = [node.body, node.orelse, *(h.body for h in getattr(node, "handlers", ()))]
            for branch in branches:
                yield from _member_documents(branch, owner, source)
        if not isinstance(node, _Definition) or node.name.startswith("_"):
            continue
        name = f"{owner}.{node.name}"
        text = ast.get_docstring(node)
        if text:
            yield Document(name, _title(node, name), text, f"{source}:{node.lineno}")
        if isinstance(node, ast.ClassDef):
            yield from _member_documents(node.body, name, source)


def _title(node: _Definition, name: str) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {name}"
    arguments = ast.unparse(node.args)
    if arguments.split(",")[0].strip() in ("self", "cls", "/"):
        arguments = arguments.partition(",")[2].strip()
    return _with_signature(name, arguments)


def _with_signature(name: str, arguments: str) -> str:
    arguments = " ".join(arguments.split())
    room = _MAX_SIGNATURE - len(name)
    return (
        f"{name}({arguments})" if len(arguments) <= max(room, 10) else f"{name}({arguments[: max(room, 10)].rstrip()}…)"
    )


def _extension_modules() -> Iterator[ModuleType]:
    """Modules of the standard library that are built in or compiled, public names first."""
    for name in ("builtins", *sorted(sys.stdlib_module_names, key=lambda n: (n.startswith("_"), n))):
        if name in _NOT_IMPORTED or "test" in name or name.startswith(("_xx", "xx")):
            continue
        try:
            spec = importlib.util.find_spec(name)
            if spec is None or not (
                (spec.origin in ("built-in", "frozen") and name in sys.builtin_module_names)
                or isinstance(spec.loader, importlib.machinery.ExtensionFileLoader)
            ):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecated ones say so on import
                yield importlib.import_module(name)
        except (ImportError, ValueError):
            continue


def _extension_documents(module: ModuleType) -> Iterator[Document]:
    public = _public_home(module.__name__)
    if public is None:
        return
    if public == module.__name__ and module.__doc__ and public != "builtins":
        yield Document(public, f"module {public}", inspect.cleandoc(module.__doc__), public)
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or not (inspect.isclass(value) or inspect.isbuiltin(value)):
            continue
        home = _public_home(getattr(value, "__module__", None) or module.__name__)
        if home != public and home != getattr(value, "__module__", None):
            continue
        qualified = name if home == "builtins" else f"{home}.{name}"
        yield from _object_documents(value, qualified)


def _public_home(name: str) -> str | None:
    """The module that users import for what ``name`` defines: ``_datetime`` → ``datetime``; None without one."""
    if not name.startswith("_"):
        return "os" if name in ("posix", "nt") else name
    public = name.lstrip("_")
    return public if public in sys.stdlib_module_names else None


def _object_documents(value: object, name: str) -> Iterator[Document]:
    text = _own_docstring(value)
    if text:
        title = f"class {name}" if inspect.isclass(value) else _with_signature(name, _arguments(value))
        yield Document(name, title, text, name)
    if not inspect.isclass(value):
        return
    for member_name, member in sorted(vars(value).items()):
        text = _own_docstring(member)
        if text and not member_name.startswith("_") and callable(getattr(value, member_name, None)):
            qualified = f"{name}.{member_name}"
            yield Document(qualified, _with_signature(qualified, _arguments(member)), text, qualified)


def _own_docstring(value: object) -> str:
    text = getattr(value, "__doc__", None)
    return inspect.cleandoc(text) if isinstance(text, str) and text.strip() else ""


def _arguments(value: object) -> str:
    signature = getattr(value, "__text_signature__", None)
    if not isinstance(signature, str):
        return "…"
    arguments = [a for a in signature.strip("()").split(", ") if a not in ("$self", "$module", "$type", "/")]
    return ", ".join(arguments)
