"""Where data lie, as tools write it: URLs and paths read into addresses of datasets."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from motherlode.lifecycle.naming import dataset_uri

__all__ = ["has_scheme", "place_uri", "safe_location", "shown_path"]

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=/)")  # one letter before the colon is a drive
_PASSWORD = re.compile(r"^[^/@]*:[^/@]*@")


def has_scheme(place: str) -> bool:
    """Whether it is a URL rather than a path."""
    return _URI.match(place) is not None


@lru_cache(maxsize=4096)  # the same few places come with every run and every column
def place_uri(place: str, platform: str, scope: str) -> str | None:
    """The dataset's address at a URL or path; None where none is named.

    An absolute path is OpenLineage's ``file``. A relative one says where only within its project, so that it is named
    within `scope` on `platform`, e.g. ``lode://dataset/feast/rides/data/stats.parquet``; paths and hashes join it with
    others. Query, user and password of a URL are left out.
    """
    match = _URI.match(place)
    if match is None or match[1].lower() == "file":
        path = _local_path(place)
        if not path:
            return None
        is_absolute = path.startswith("/") or re.match(r"[A-Za-z]:/", path) is not None
        return dataset_uri("file", path) if is_absolute else dataset_uri(platform, f"{scope}/{path}")
    try:
        parts = urlsplit(safe_location(place))
    except ValueError:  # a bracket that opens no IPv6 address
        return dataset_uri(match[1].lower(), place[match.end() :].lstrip("/") or match[1])
    path = unquote(parts.path).strip("/")
    if not parts.netloc:
        return dataset_uri(parts.scheme, path) if path else None
    return dataset_uri(f"{parts.scheme}://{parts.netloc}", path) if path else dataset_uri(parts.scheme, parts.netloc)


def _local_path(place: str) -> str:
    path = re.sub(r"^file:(//(localhost)?(?=/))?", "", place.strip(), flags=re.IGNORECASE).replace("\\", "/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path.rstrip("/")


def safe_location(place: str) -> str:
    """A URL without user, password, query and fragment, which may hold a signature; a path as it is."""
    match = _URI.match(place)
    if match is None or match[1].lower() == "file":
        return place
    rest = re.split(r"[?#]", place[match.end() :], maxsplit=1)[0]
    n_slashes = len(rest) - len(rest.lstrip("/"))
    return f"{match[1]}:{rest[:n_slashes]}{_PASSWORD.sub('', rest[n_slashes:])}"


def shown_path(place: str) -> str:
    """A URL or path as it stands in the attribute ``paths``, to be compared with others by its end.

    ``./`` and ``../`` at its beginning are left out, because they say where somebody stood.
    """
    if has_scheme(place) and not place.lower().startswith("file:"):
        return safe_location(place)
    return re.sub(r"^(\.{1,2}/+)+", "", _local_path(place)) or place
