"""The shape of the house as functions from a source file to the list of what it breaks."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "motherlode"

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

FEATURES = ("candidates", "lifecycle", "nuggets", "preference", "retrieval")
EDGES = ("cli", "integrations", "server")  # they may also use the public names of motherlode, as users do
_GROUND = {"core", "errors"}

# Who may import whom, inside the package. What is not listed has no arrow.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "training": _GROUND,
    **{feature: set(_GROUND) for feature in FEATURES},
    "candidates": {*_GROUND, "training"},
    "preference": {*_GROUND, "training"},
    "workflows": {*_GROUND, *FEATURES},
    **{edge: {*_GROUND, "workflows"} for edge in EDGES},
    "cli": {*_GROUND, "workflows", "server"},  # a command starts the server
    "__init__": {*_GROUND, *FEATURES, "workflows"},
}

# Packages of others that may be imported in some rooms only (patterns of fnmatch, in which * also crosses folders).
_TORCH = ("training/*", "candidates/*", "preference/*", "retrieval/encoders/colbert*.py")
CONFINED: dict[str, tuple[str, ...]] = {
    "torch": _TORCH,
    "transformers": _TORCH,
    "typer": ("cli/*",),
    "click": ("cli/*",),
    "rich": ("cli/*",),
    "fastapi": ("server/*",),
    "starlette": ("server/*",),
    "uvicorn": ("server/*",),
    "litellm": ("nuggets/llm/*",),
    "sqlite3": ("core/sql/sqlite.py",),
    "psycopg": ("core/sql/postgresql.py",),
    **dict.fromkeys(("pylate", "ray", "llama_index", "haystack", "mcp", "confluent_kafka"), ("integrations/*",)),
    **dict.fromkeys(("langchain", "langchain_core", "langchain_classic", "langchain_community"), ("integrations/*",)),
    **dict.fromkeys(("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"), ()),
}


@dataclass(frozen=True)
class Source:
    """One module: its path below src/motherlode and its text."""

    path: PurePosixPath
    text: str

    @property
    def room(self) -> str:
        """Package or module right below motherlode."""
        return self.path.parts[0] if len(self.path.parts) > 1 else self.path.stem

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def module(self) -> list[str]:
        """Dotted name as a list, without a final __init__."""
        parts = ["motherlode", *self.path.with_suffix("").parts]
        return parts[:-1] if parts[-1] == "__init__" else parts


def library() -> list[Source]:
    """Every module of the package."""
    return [
        Source(PurePosixPath(file.relative_to(PACKAGE).as_posix()), file.read_text("utf-8"))
        for file in sorted(PACKAGE.rglob("*.py"))
    ]


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything imported, also inside functions; `from a import b` gives a.b."""
    package = source.module if source.path.stem == "__init__" else source.module[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield node.lineno, ".".join([*base, *([node.module] if node.module else []), alias.name])
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"import_module", "importlib.import_module", "__import__"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            yield node.lineno, node.args[0].value


def new_arrows(source: Source) -> list[str]:
    """Imports between rooms that the picture does not have."""
    found = []
    for line, name in imports(source):
        parts = name.split(".")
        if parts[0] != "motherlode" or len(parts) < 2:
            continue
        target = parts[1]
        is_room = target in ARROWS or (PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").is_file()
        if target in {source.room, "_native", "__version__"} or (not is_room and source.room in EDGES):
            continue
        if source.room not in ARROWS:
            found.append(f"{source.path}:{line} room {source.room!r} is not in the picture")
        elif not is_room:
            found.append(f"{source.path}:{line} takes {target} from the front door, which is for edges and users")
        elif target not in ARROWS[source.room]:
            found.append(f"{source.path}:{line} {source.room} imports {target}")
    return found


def strangers(source: Source) -> list[str]:
    """Packages of others where they do not belong, `_native` outside a kernels.py, more than numpy in core."""
    found = []
    for line, name in imports(source):
        parts = name.split(".")
        top = parts[0]
        rooms = CONFINED.get(top)
        if rooms is not None and not any(fnmatch(str(source.path), room) for room in rooms):
            found.append(f"{source.path}:{line} imports {top}, which belongs to {', '.join(rooms) or 'nobody'}")
        if parts[:2] == ["motherlode", "_native"] and source.path.name != "kernels.py":
            found.append(f"{source.path}:{line} imports _native, which belongs to a feature's kernels.py")
        ground = {*sys.stdlib_module_names, "numpy", "motherlode", *CONFINED}
        if source.room in {"core", "errors"} and top not in ground:
            found.append(f"{source.path}:{line} imports {top}: standard library and numpy only down here")
    return found


def noises(source: Source) -> list[str]:
    """Calls that a library does not make: print, exit, abort, and numpy's door to pickle."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if source.room != "cli" and called in {"print", "pprint", "exit", "quit", "sys.exit", "breakpoint", "input"}:
            found.append(f"{source.path}:{node.lineno} calls {called}")
        if called in {"os.abort", "os._exit"}:
            found.append(f"{source.path}:{node.lineno} calls {called}")
        found += [
            f"{source.path}:{node.lineno} lets numpy read pickles"
            for keyword in node.keywords
            if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
        ]
    return found


def _isort_order(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name.lstrip("_")[:1].isupper() else 2, name)


def public_names(tree: ast.Module) -> list[str] | None:
    """The literal `__all__` of a module, or None."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        named = any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
        if named and isinstance(value, ast.List | ast.Tuple):
            return [ast.literal_eval(element) for element in value.elts]
    return None


def unsorted_names(source: Source) -> list[str]:
    """`__all__` not sorted (constants, classes, functions: ruff's order), or with a name twice."""
    names = public_names(source.tree)
    if names is None or (names == sorted(names, key=_isort_order) and len(set(names)) == len(names)):
        return []
    return [f"{source.path}: __all__ should be {sorted(set(names), key=_isort_order)}"]


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    has_one = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return (first.end_lineno or first.lineno) - first.lineno + 1 if has_one else 0


def too_long(path: str, text: str) -> list[str]:
    """A file of MAX_FILE_LINES lines or more; a Python function of MAX_FUNCTION_LINES or more.

    A docstring is not counted: what a public function has to tell its callers is no reason to split it.
    """
    n_lines = text.count("\n") + (not text.endswith("\n"))
    found = [f"{path} has {n_lines} lines"] if n_lines >= MAX_FILE_LINES else []
    if path.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
                if n_lines >= MAX_FUNCTION_LINES:
                    found.append(f"{path}:{node.lineno} {node.name} has {n_lines} lines")
    return found


def foreign_includes(path: str, text: str) -> list[str]:
    """Python's and nanobind's headers outside native/bindings."""
    if path.startswith("native/bindings/"):
        return []
    return [
        f"{path} includes {header}"
        for header in re.findall(r"#\s*include\s*[<\"]((?:nanobind/|Python\.h)[^>\"]*)", text)
    ]


_CODE = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[`$\s/;&|(])lode[ \t]+(?P<verb>[a-z][a-z-]*)(?P<rest>[^\n`|;&]*)", re.MULTILINE)


def documented_commands(text: str, groups: Collection[str] = ()) -> Iterator[tuple[str, list[str]]]:
    """(verb, long options) of every `lode VERB …` in the code of a Markdown page; "GROUP VERB" after a group's name."""
    for code in _CODE.finditer(text):
        joined = code.group().replace("\\\n", " ")
        for match in _COMMAND.finditer(joined):
            verb, rest = match["verb"], match["rest"]
            if verb in groups and (second := re.match(r"[ \t]+([a-z][a-z-]*)", rest)):
                verb = f"{verb} {second[1]}"
            yield verb, re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest)
