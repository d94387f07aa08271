"""What local paths and URLs are called in the graph: the same from every machine, and without anybody's home."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath

from motherlode.errors import InputError
from motherlode.lifecycle.naming import dataset_uri
from motherlode.lifecycle.providers.places import has_scheme, place_uri, safe_location
from motherlode.lifecycle.uris import make_uri

__all__ = ["Project", "find_project", "without_home"]

_MARKS = (".lode", ".git", "pyproject.toml")


class Project:
    """A folder whose files are named by their path in it. Made by `find_project`.

    root: absolute; name: what the folder is called
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = root.name or "root"

    def local_name(self, where: str | os.PathLike[str]) -> str:
        """A path below the root as ``<project>/<path>``, below the home as ``~/<path>``, else as it is, absolute."""
        path = Path(os.path.abspath(Path(where).expanduser()))  # noqa: PTH100 - links keep the name that people gave
        if path.is_relative_to(self.root):
            return PurePath(self.name, path.relative_to(self.root)).as_posix()
        return without_home(path.as_posix())

    def dataset(self, where: str | os.PathLike[str]) -> str:
        """The address of the dataset at a path or URL.

        A path in the project is ``lode://dataset/motherlode/<project>/<path>``, so that it is the same in every
        checkout; another is OpenLineage's ``file``, with ``~`` for the home. A URL keeps its place, but neither user
        nor password nor query. ``scheme:name`` without slashes (``python:stdlib``) is a name on that platform.
        """
        text = os.fspath(where)
        if has_scheme(text) and not text.lower().startswith("file:"):
            located = place_uri(text, "motherlode", self.name)
            if located is not None:
                return located
        if match := re.fullmatch(r"([a-z][a-z0-9_+.-]+):([^/\\]+)", text):
            return dataset_uri(match[1], match[2])
        return self._named("dataset", re.sub(r"^file:(//(localhost)?)?(?=/)", "", text, flags=re.IGNORECASE), "file")

    def component(self, kind: str, where: str | os.PathLike[str]) -> str:
        """The address of something of ours at a path or URL, e.g. an index."""
        text = os.fspath(where)
        if has_scheme(text):
            return make_uri(kind, "motherlode", safe_location(text).partition(":")[2].strip("/"))
        return self._named(kind, text, "motherlode")

    def _named(self, kind: str, path: str, elsewhere: str) -> str:
        if not path.strip():
            raise InputError(f"a {kind} has an empty path; give a path, a URL or an address")
        name = self.local_name(path)
        return make_uri(
            kind, elsewhere if name.startswith(("/", "~")) or re.match(r"\w:/", name) else "motherlode", name
        )


def find_project(start: str | os.PathLike[str] | None = None) -> Project:
    """The project that a folder belongs to, by default the current one.

    It is the nearest folder from there up that holds ``.lode``, ``.git`` or ``pyproject.toml``, below the home; the
    folder itself where none does.
    """
    here = Path(os.path.abspath(start or Path.cwd()))  # noqa: PTH100
    for folder in (here, *here.parents):
        if folder in {_home(), Path(folder.anchor)}:
            break
        if any((folder / mark).exists() for mark in _MARKS):
            return Project(folder)
    return Project(here)


def without_home(text: str) -> str:
    """A text in which the user's home is ``~``."""
    home = str(_home())
    if len(home.strip("/\\")) < 2:
        return text
    return re.sub(re.escape(home) + r"(?=[/\\]|$)", "~", text)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without one
        return Path("/")
