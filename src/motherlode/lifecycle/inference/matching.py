"""Which addresses of different systems mean one thing: guesses with evidence and a confidence.

Each component offers keys: its name in a scheme, the end of its path, the hashes of its content. Two of different
systems that share one are candidates; a set of columns in common makes a guess surer. A guess is only made where it is
the single best one on both sides: two tables that could both be it are none, and are shown as suggestions instead.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import EVER
from motherlode.lifecycle.naming import COLUMN_MARK
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.uris import Uri, parse_uri

__all__ = ["MATCHED_TYPES", "Features", "Guess", "alike", "features", "guesses", "keys", "made_from"]

MATCHED_TYPES = ("dataset", "model")
_MOST_ALIKE = 50  # components with one key; more share it by accident
_FILES = {"file", "s3", "gs", "gcs", "abfss", "wasbs", "hdfs", "dbfs", "dvc", "http", "https", "local"}
_FILE = re.compile(
    r"\.(?:avro|csv|feather|json|jsonl|ndjson|npy|npz|orc|parquet|tsv|txt|xlsx)(?:\.(?:bz2|gz|snappy|zst))?$"
)
_TRIVIAL = {"data", "train", "test", "model", "models", "output", "input", "raw", "tmp", "part", "data.csv"}

# What each kind of evidence is worth alone. A name of three parts, or a path of three, is rarely shared by accident.
_WORTH = {"hash": 0.95, "name3": 0.9, "path3": 0.85, "path2": 0.7, "name2": 0.6, "name1": 0.3}
_COLUMNS_WORTH = 0.75  # at least three columns, all in common
_LEAST = 0.6
_TELLING = ('"columns":', '"hashes":', '"paths":')


@dataclass
class Features:
    """What a component can be told by. keys: kind and value; columns: folded names."""

    id: int
    uri: str
    parts: Uri
    keys: set[tuple[str, str]] = field(default_factory=set)
    columns: frozenset[str] = frozenset()
    providers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Guess:
    """Two addresses of one thing, the smaller first."""

    first: int
    second: int
    confidence: float
    evidence: str


def features(session: Session, ids: Iterable[int]) -> dict[int, Features]:
    """Of described components of the types that are matched."""
    found: dict[int, Features] = {}
    columns: dict[int, set[str]] = defaultdict(set)
    providers: dict[int, set[int]] = defaultdict(set)
    for batch in in_batches(sorted(set(ids))):
        kinds = ", ".join(f"'{kind}'" for kind in MATCHED_TYPES)
        for number, uri, provider, attributes in session.execute(
            "SELECT c.id, c.uri, f.provider, t.attributes FROM lifecycle_components c "
            "JOIN lifecycle_facts f ON f.component = c.id JOIN lifecycle_contents t ON t.id = f.content "
            f"WHERE c.id IN ({places(batch)}) AND c.type IN ({kinds}) "
            f"AND f.recorded_to = {EVER} AND f.valid_to = {EVER}",
            batch,
        ):
            mine = found.setdefault(number, Features(number, uri, parse_uri(uri)))
            providers[number].add(provider)
            if any(name in attributes for name in _TELLING):
                said = json.loads(attributes)
                mine.keys |= _said_keys(said)
                columns[number] |= {str(name).casefold() for name in _texts(said.get("columns"))}
    for mine in found.values():
        mine.keys |= _named_keys(mine.parts)
    _add_columns(session, found, columns)
    for number, mine in found.items():
        mine.columns, mine.providers = frozenset(columns[number]), frozenset(providers[number])
    return found


def _add_columns(session: Session, found: dict[int, Features], columns: dict[int, set[str]]) -> None:
    for batch in in_batches(sorted(found)):
        for number, uri in session.execute(
            "SELECT e.source, c.uri FROM lifecycle_edges e JOIN lifecycle_components c ON c.id = e.target "
            f"WHERE e.source IN ({places(batch)}) AND e.relation = {RELATIONS['has_column'].code} "
            f"AND e.recorded_to = {EVER} AND e.valid_to = {EVER}",
            batch,
        ):
            columns[number].add(parse_uri(uri).id.rpartition(COLUMN_MARK)[2].casefold())


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _said_keys(said: dict[str, Any]) -> set[tuple[str, str]]:
    """Keys from attributes: hashes {kind: hex}, paths [text]."""
    hashes = said.get("hashes")
    keys = {("hash", f"{kind}:{value}") for kind, value in hashes.items()} if isinstance(hashes, dict) else set()
    for path in _texts(said.get("paths")):
        keys |= _path_keys(str(path))
    return keys


def _named_keys(parts: Uri) -> set[tuple[str, str]]:
    if parts.type == "model":
        name = parts.id.rsplit("/", 1)[-1].casefold()
        return set() if name in _TRIVIAL else {("name2", f"model:{name}")}
    keys = _path_keys(parts.id)
    if parts.platform not in _FILES and not _FILE.search(parts.id.casefold()):
        names = [name for name in re.split(r"[./]", parts.id.rsplit("/", 1)[-1].casefold()) if name]
        for n in (3, 2, 1):
            if len(names) >= n and not (n == 1 and names[-1] in _TRIVIAL):
                keys.add((f"name{n}", ".".join(names[-n:])))
    else:
        stem = _FILE.sub("", parts.id.rstrip("/").rsplit("/", 1)[-1].casefold())
        if stem and stem not in _TRIVIAL:
            keys.add(("name1", stem))
    return keys


def _path_keys(path: str) -> set[tuple[str, str]]:
    """The last two and three segments of a path; case counts, slashes of Windows do not."""
    segments = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return {(f"path{n}", "/".join(segments[-n:])) for n in (2, 3) if len(segments) >= n}


def made_from(session: Session, ids: Iterable[int]) -> set[tuple[int, int]]:
    """Pairs (from, to) of datasets of which the second is made from the first: they are two things, however alike."""
    flow = tuple(RELATIONS[name].code for name in ("derives", "influences", "masks"))
    reads, writes = RELATIONS["read_by"].code, RELATIONS["writes"].code
    found: set[tuple[int, int]] = set()
    for batch in in_batches(sorted(set(ids))):
        found.update(
            session.execute(
                f"SELECT e.source, e.target FROM lifecycle_edges e WHERE e.source IN ({places(batch)}) AND e.relation "
                f"IN ({', '.join(map(str, flow))}) AND e.recorded_to = {EVER} AND e.valid_to = {EVER}",
                batch,
            )
        )
        found.update(
            session.execute(
                "SELECT r.source, w.target FROM lifecycle_edges r JOIN lifecycle_edges w ON w.source = r.target "
                f"WHERE r.source IN ({places(batch)}) AND r.relation = {reads} AND w.relation = {writes} "
                f"AND r.recorded_to = {EVER} AND r.valid_to = {EVER} "
                f"AND w.recorded_to = {EVER} AND w.valid_to = {EVER}",
                batch,
            )
        )
    return found


def guesses(mine: Features, others: Iterable[Features], made: Set[tuple[int, int]] = frozenset()) -> list[Guess]:
    """All guesses about one component, best first; whether one is the only best is the caller's to see.

    made: pairs of which the second is made from the first
    """
    found = []
    for other in others:
        if (mine.id, other.id) in made or (other.id, mine.id) in made:
            continue
        if other.id == mine.id or other.parts.type != mine.parts.type or mine.providers & other.providers:
            continue
        shared = mine.keys & other.keys
        reasons = sorted((kind for kind, _ in shared), key=lambda kind: -_WORTH[kind])
        if not reasons:
            continue
        confidence = _WORTH[reasons[0]]
        said = [_said(kind, value) for kind, value in sorted(shared, key=lambda pair: -_WORTH[pair[0]])[:1]]
        common = mine.columns & other.columns
        if len(common) >= 3 and common == mine.columns == other.columns:
            confidence = 1 - (1 - confidence) * (1 - _COLUMNS_WORTH)
            said.append(f"the same {len(common)} columns")
        elif mine.columns and other.columns and not common:
            confidence *= 0.5
            said.append("but no column in common")
        if confidence >= _LEAST:
            first, second = sorted((mine, other), key=lambda one: one.uri)
            found.append(Guess(first.id, second.id, round(confidence, 3), "; ".join(said)))
    return sorted(found, key=lambda guess: (-guess.confidence, guess.first, guess.second))


def _said(kind: str, value: str) -> str:
    if kind == "hash":
        return f"the same content, {value}"
    return f"the same {'path' if kind.startswith('path') else 'name'} {value}"


def keys(session: Session, ids: Iterable[int]) -> dict[int, set[str]]:
    """What components are known by, from lifecycle_keys."""
    found: dict[int, set[str]] = defaultdict(set)
    for batch in in_batches(sorted(set(ids))):
        for number, name in session.execute(
            f"SELECT component, name FROM lifecycle_keys WHERE component IN ({places(batch)})", batch
        ):
            found[number].add(name)
    return found


def alike(session: Session, ids: Iterable[int]) -> dict[int, set[int]]:
    """Components that share a key with each, from lifecycle_keys."""
    found: dict[int, set[int]] = defaultdict(set)
    for batch in in_batches(sorted(set(ids))):
        rows = session.execute(
            "SELECT a.component, a.name, b.component FROM lifecycle_keys a JOIN lifecycle_keys b ON b.name = a.name "
            f"WHERE a.component IN ({places(batch)}) AND b.component <> a.component",
            batch,
        )
        sharing: dict[tuple[int, str], set[int]] = defaultdict(set)
        for number, key, other in rows:
            sharing[number, key].add(other)
        for (number, _), others in sharing.items():
            if len(others) <= _MOST_ALIKE:
                found[number] |= others
    return found
