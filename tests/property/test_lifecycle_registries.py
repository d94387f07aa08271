"""Registries of any content: read, rejected or refused by name, never anything else."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import yaml
from hypothesis import given, settings, strategies as st

from motherlode.errors import DataError
from motherlode.lifecycle.providers.dvc import Dvc
from motherlode.lifecycle.providers.feast import Feast
from motherlode.lifecycle.providers.feast.messages import MESSAGES
from motherlode.lifecycle.providers.feast.wire import WireError, decode, split
from motherlode.lifecycle.record import Observation, Rejected
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.uris import parse_uri
from tests.feast_registries import message, number, registry_bytes, text

REGISTRY = registry_bytes()


@given(st.lists(st.tuples(st.integers(1, 1 << 20), st.one_of(st.integers(0, (1 << 64) - 1), st.binary(max_size=50)))))
def test_fields_come_out_as_they_went_in(fields: list[tuple[int, int | bytes]]) -> None:
    data = b"".join(number(n, v) if isinstance(v, int) else message(n, v) for n, v in fields)
    found = [(n, v if isinstance(v, int) else bytes(v)) for n, v in split(memoryview(data))]
    assert found == fields


@given(st.binary(max_size=200), st.sampled_from(sorted(MESSAGES)))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes, name: str) -> None:
    with suppress(WireError):
        assert isinstance(decode(memoryview(data), name, MESSAGES), dict)


def _tells_or_refuses(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "registry.db")
        path.write_bytes(data)
        try:
            items = list(Feast(path).observe())
        except DataError as error:
            assert "registry.db" in str(error)
            return
    for item in items:
        if isinstance(item, Observation):
            parse_uri(item.subject)
            for edge in item.edges:
                assert edge.relation in RELATIONS
                assert 0 < edge.confidence <= 1
                parse_uri(edge.source)
                parse_uri(edge.target)
        else:
            assert isinstance(item, Rejected)


@settings(max_examples=150)
@given(st.integers(0, len(REGISTRY) - 1), st.integers(1, 255))
def test_a_registry_with_a_flipped_byte_is_read_rejected_in_parts_or_refused(at: int, flip: int) -> None:
    damaged = bytearray(REGISTRY)
    damaged[at] ^= flip
    _tells_or_refuses(bytes(damaged))


@settings(max_examples=100)
@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_views_and_features_of_any_name_are_told_or_rejected(project: str, view: str, feature: str) -> None:
    try:
        spec = message(1, text(1, view), text(2, project), message(4, text(1, feature)))
    except UnicodeEncodeError:  # half a surrogate pair cannot be written
        return
    _tells_or_refuses(text(3, "1") + message(6, spec))


KEYS = (
    "stages", "cmd", "deps", "outs", "path", "md5", "do", "foreach", "matrix", "params", "repo", "metrics", "plots",
    "artifacts", "wdir", "type", "url", "rev", "a", "b",
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6), st.just("${x}"), st.just("a.csv")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=150)
@given(VALUES, VALUES, VALUES)
def test_dvc_files_of_any_content_are_told_or_rejected(pipelines: object, lock: object, tracked: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        contents = {
            "dvc.yaml": {"stages": {"s": pipelines}, "artifacts": {"m": tracked}, "plots": lock},
            "dvc.lock": {"schema": "2.0", "stages": {"s": lock, "s@a": tracked}},
            "x.dvc": {"outs": tracked, "deps": pipelines},
        }
        for name, content in contents.items():
            Path(folder, name).write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        for item in Dvc(folder, name="shop").observe():
            assert isinstance(item, Observation | Rejected)
