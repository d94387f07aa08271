"""Whatever stands in an event or a manifest: typed errors or items that a store can hold, the same every time."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from motherlode.errors import LodeError
from motherlode.lifecycle.providers.dbt import Dbt
from motherlode.lifecycle.providers.openlineage import read_event
from motherlode.lifecycle.record import Item, Observation, Rejected, RunReport
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.uris import parse_uri
from tests.lineage_data import openlineage_folder

ODD: list[Any] = [
    None, True, 0, -1.5, 10**30, "", " ", "ä/::%", "${json-unit.any-string}", "half \ud800", [], {}, [None, 3, "x", {}],
    {"name": 3}, {"*": {}}, {"": ""}, {"namespace": "", "name": ""}, {"_deleted": True}, ["a", "a"], "x" * 5000,
]  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts: Iterable[tuple[Any, Any]] = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, part in parts:
        yield from _places(part, (*path, key))


def _changed(value: Any, seed: int) -> Any:
    """The same with one to three of its parts replaced by something odd, or left out."""
    choice = random.Random(seed)
    value = copy.deepcopy(value)
    for _ in range(choice.randint(1, 3)):
        path = choice.choice(list(_places(value)))
        if not path:
            continue
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        if choice.random() < 0.2:
            del holder[path[-1]]
        else:
            holder[path[-1]] = copy.deepcopy(choice.choice(ODD))
    return value


def _check(items: list[Item]) -> None:
    for item in items:
        if isinstance(item, Rejected):
            assert item.what
            assert item.reason
            (item.what + item.reason + item.body).encode("utf-8", "surrogatepass")
            continue
        if isinstance(item, Observation):
            assert parse_uri(item.subject)
        else:
            assert isinstance(item, RunReport)
            assert parse_uri(item.run)
            assert parse_uri(item.job)
        json.dumps(item.attributes, ensure_ascii=False).encode()
        assert len({edge[:3] for edge in item.edges}) == len(item.edges)
        for edge in item.edges:
            assert edge.relation in RELATIONS
            assert parse_uri(edge.source) != parse_uri(edge.target)
            edge.evidence.encode()


@cache
def _events() -> list[Any]:
    files = sorted((openlineage_folder() / "events").rglob("*.json"))
    files += sorted((openlineage_folder() / "dbt").glob("*/result.json"))
    found = [json.loads(file.read_text("utf-8")) for file in files]
    lineage = openlineage_folder() / "spec" / "tests" / "LineageFacet"
    jobs = [json.loads((lineage / f"{name}.json").read_text("utf-8")) for name in ("mixed-sources", "dataset-to-job")]
    whole = {"eventTime": "2026-03-01T12:00:00Z", "producer": "p", "schemaURL": "s", "run": {"runId": "1"}}
    made = [{**whole, "job": {"namespace": "n", "name": "j", "facets": facets}, "outputs": []} for facets in jobs]
    return [event for each in found for event in (each if isinstance(each, list) else [each])] + made


@settings(max_examples=1500)
@given(seed=st.integers(0, 2**32))
def test_no_event_whatever_is_in_it_breaks_the_reader(seed: int) -> None:
    event = _changed(random.Random(seed).choice(_events()), seed)
    items = read_event(event, "one")
    assert items or not event.get("schemaURL")  # a fragment may name nothing
    _check(items)
    assert read_event(copy.deepcopy(event), "one") == items


@cache
def _manifests() -> list[Any]:
    small = []
    for name in ("build", "catalog", "duckdb"):
        found = json.loads((openlineage_folder() / "dbt" / name / "target" / "manifest.json").read_text("utf-8"))
        found["macros"] = {}
        found["exposures"] = {"exposure.p.e": {
            "name": "e", "type": "ml", "owner": {"name": "n", "email": "e"}, "tags": ["t"],
            "depends_on": {"nodes": [next(iter(found["nodes"]))]}}}  # fmt: skip
        found["groups"] = {"group.p.g": {"name": "g", "owner": {"email": "o"}}}
        small.append(found)
    return small


@settings(max_examples=400)
@given(seed=st.integers(0, 2**32))
def test_no_manifest_whatever_is_in_it_ends_in_anything_but_items_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    manifest = _changed(random.Random(seed).choice(_manifests()), seed)
    path = Path(tmp_path_factory.getbasetemp()) / "fuzzed-manifest.json"
    path.write_text(json.dumps(manifest), "utf-8")
    try:
        items = list(Dbt(path, namespace="db").observe())
    except LodeError as error:
        assert str(error)
        return
    _check(items)
    assert list(Dbt(path, namespace="db").observe()) == items
