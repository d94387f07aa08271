"""What programs write for components: an address, ``type:platform/id``, ``type:name``, or a path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from motherlode.core.sql import Session
from motherlode.errors import InputError
from motherlode.lifecycle.local_names import find_project
from motherlode.lifecycle.naming import dataset_uri, owner_uri, tag_uri
from motherlode.lifecycle.targets import TYPE_GROUPS, candidates
from motherlode.lifecycle.uris import SCHEME, make_uri, parse_uri

__all__ = ["Named", "address_of", "addresses_of"]

Named = str | os.PathLike[str]
"""A component as a program names it; see `address_of`."""

PLATFORM = "python"
_TYPED = re.compile(r"([a-z][a-z0-9_]*):(.+)", re.DOTALL)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/]+)/(.+)", re.DOTALL)


def address_of(session: Session, named: Named, scope: str = "") -> str:
    """The address that a program means.

    named: one of
        ``lode://type/platform/id``, an address as it is;
        ``dataset:namespace/name`` as OpenLineage names datasets: ``dataset:postgres://db:5432/shop.public.orders``,
        ``dataset:s3://lake/features/orders.parquet``, ``dataset:warehouse/orders``; ``dataset:/data/orders.csv`` is a
        local file, as a `pathlib.Path` is;
        ``type:platform/id`` for any other type: ``model_version:mlflow/ranking@v5``;
        ``type:name``: the component of that type and exact name (in any case) that the graph knows; where there is
        none, a new one on the platform ``python``, its name within `scope`;
        ``user:…``, ``team:…``, ``tag:…``; a `pathlib.Path`: the dataset at that path, named within its project
    scope: of names that nobody else knows

    Raises InputError for anything else, and where several components bear the name.
    """
    if not isinstance(named, str):
        if isinstance(named, os.PathLike):
            return find_project().dataset(named)
        raise InputError(f"{named!r:.100} names no component; expected a text as 'dataset:s3://lake/orders' or a Path")
    if named.startswith(SCHEME):
        return str(parse_uri(named))
    typed = _TYPED.fullmatch(named.strip())
    if typed is None or typed[2].startswith("//"):
        raise InputError(
            f"{named!r} does not say what it is; expected an address (lode://…), type:platform/id, type:name, e.g. "
            "'dataset:s3://lake/orders.parquet' or 'feature:orders.amount_7d', or a Path for a local file"
        )
    kind, name = typed[1], typed[2].strip()
    if kind in {"user", "team", "group"}:
        return owner_uri(f"{kind}:{name}")
    if kind == "tag":
        return tag_uri(name)
    return _placed(kind, name) or _known(session, kind, name) or make_uri(kind, PLATFORM, f"{scope}/{name}".lstrip("/"))


def addresses_of(session: Session, named: Iterable[Named], scope: str = "") -> list[str]:
    """As `address_of` each, without repetitions. A text by itself is refused: its letters are no components."""
    if isinstance(named, str | os.PathLike):
        raise InputError(f"expected a list of components, found {named!r} by itself; write [{named!r}]")
    return list(dict.fromkeys(address_of(session, one, scope) for one in named))


def _placed(kind: str, name: str) -> str | None:
    """A platform or namespace and what is there; None for a name alone."""
    if url := _URL.fullmatch(name):
        if kind != "dataset":
            raise InputError(f"{kind}:{name}: only datasets are named by URLs; expected {kind}:platform/id")
        return dataset_uri(url[1], url[2])
    platform, slash, rest = name.partition("/")
    if slash and not platform:
        if kind != "dataset":
            raise InputError(f"{kind}:{name} begins with a slash; expected {kind}:platform/id or {kind}:name")
        return find_project().dataset(name)
    if not slash:
        return None
    return dataset_uri(platform, rest) if kind == "dataset" else make_uri(kind, platform, rest)


def _known(session: Session, kind: str, name: str) -> str | None:
    """The component of this type, or of one that the word also means, whose name is exactly this, in any case."""
    types = TYPE_GROUPS.get(kind, (kind,))
    rows = [row for row in candidates(session, f"{kind}:{name}") if row.name.casefold() == name.casefold()]
    for one in types:
        found = [row.uri for row in rows if row.type == one]
        if len(found) > 1:
            raise InputError(f"{kind}:{name} is the name of {len(found)}: {', '.join(found)}; give one's address")
        if found:
            return found[0]
    return None
