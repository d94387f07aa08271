"""dbt's data tests, as what they say of the columns and tables that they are attached to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from motherlode.lifecycle.providers.dbt.artifacts import mapping, text
from motherlode.lifecycle.providers.dbt.project import TABLES, Project

__all__ = ["attached_to", "column_of", "tests_by_place"]

_REFERENCE = re.compile(r"\b(?:ref|source)\(([^)]*)\)")
_SHOWN = ("to", "field", "values", "expression", "combination_of_columns", "min_value", "max_value", "quote")


def tests_by_place(project: Project) -> dict[str, dict[str | None, list[dict[str, Any]]]]:
    """Unique id of a table → its column in lower case, or None → the tests that it has, in the order of their ids."""
    found: dict[str, dict[str | None, list[dict[str, Any]]]] = {}
    for uid, node in project.of_kind("test"):
        place = attached_to(project, uid, node)
        if place is not None:
            column = column_of(node)
            place_tests = found.setdefault(place, {})
            place_tests.setdefault(None if column is None else column.lower(), []).append(_summary(node))
    return found


def column_of(node: Mapping[str, Any]) -> str | None:
    """The column that a test looks at; None for a test of a whole table."""
    found = text(node.get("column_name")) or text(_arguments(node).get("column_name"))
    return None if found is None else found.strip('"`[]')


def attached_to(project: Project, uid: str, node: Mapping[str, Any]) -> str | None:
    """The unique id of the table that a test is attached to.

    What the node says; in manifests before version 4, the table that the test's ``model`` argument refers to, or the
    only one it depends on. None for a test of no one table.
    """
    stated = text(node.get("attached_node"))
    if stated is not None:
        return stated
    parents = [parent for parent in project.parents.get(uid, ()) if project.kind(parent) in TABLES]
    if len(parents) == 1:
        return parents[0]
    references = _REFERENCE.findall(text(_arguments(node).get("model")) or "")
    for reference in references:
        name = reference.split(",")[-1].strip(" '\"")
        fitting = [parent for parent in parents if text(project.nodes.get(parent, {}).get("name")) == name]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _arguments(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(node.get("test_metadata")).get("kwargs"))


def _summary(node: Mapping[str, Any]) -> dict[str, Any]:
    stated = mapping(node.get("test_metadata"))
    package, name = text(stated.get("namespace")), text(stated.get("name")) or text(node.get("name")) or "test"
    arguments = {**_arguments(node), **mapping(_arguments(node).get("arguments"))}
    shown = {argument: arguments[argument] for argument in _SHOWN if arguments.get(argument) is not None}
    severity = text(mapping(node.get("config")).get("severity"))
    return {
        "test": f"{package}.{name}" if package else name,
        **shown,
        **({"severity": severity.lower()} if severity else {}),
    }
