"""The graph as OpenLineage's events: what jobs read and write, schemas, lineage by column, owners, tags, other names.

https://openlineage.io/spec/2-0-2/OpenLineage.json and the facets beside it. Models, features and deployments have no
words there; `untold` counts what is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from motherlode.errors import InputError
from motherlode.lifecycle.exports.answers import instant_text, json_text
from motherlode.lifecycle.exports.whole import Whole, whole_of
from motherlode.lifecycle.naming import COLUMN_MARK, dataset_of_column, dataset_uri, pipeline_uri
from motherlode.lifecycle.reading import EdgeRow, Reading
from motherlode.lifecycle.uris import parse_uri
from motherlode.lifecycle.view import GraphView

__all__ = ["openlineage_events", "untold"]

_PRODUCER = "https://pypi.org/project/motherlode"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs"
_FACETS = {
    "schema": "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
    "lineage": "1-0-0/LineageFacet.json#/$defs/LineageDatasetFacet",
    "symlinks": "1-0-1/SymlinksDatasetFacet.json#/$defs/SymlinksDatasetFacet",
}
_TRANSFORMATION = {
    "derives": {"type": "DIRECT"},
    "masks": {"type": "DIRECT", "masking": True},
    "influences": {"type": "INDIRECT"},
}
_TOLD = {  # (source's type, relation, target's type)
    *{("dataset", "read_by", "pipeline"), ("pipeline", "writes", "dataset"), ("dataset", "has_column", "column")},
    *{("column", "has_column", "column"), ("dataset", "same_as", "dataset")},
    *{(source, name, target) for name in _TRANSFORMATION for source in ("dataset", "column")
      for target in ("dataset", "column")},
    *{(kind, relation, owner) for kind in ("dataset", "pipeline") for relation, owner in
      (("owned_by", "user"), ("owned_by", "team"), ("tagged", "tag"))},
}  # fmt: skip


def openlineage_events(view: GraphView) -> Iterator[str]:
    """One event a line: a DatasetEvent a dataset, a JobEvent a pipeline, at the view's moment.

    Read back, they give the same edges between datasets, columns and jobs. Confidence, evidence and provider have no
    place there. A job of another system is called by its platform as namespace: read back it is a job of OpenLineage.
    """
    whole = whole_of(view)
    made: dict[str, set[str]] = defaultdict(set)  # columns that something is known to make, by dataset
    for edge in whole.edges():
        dataset = dataset_of_column(edge.target) if edge.relation in _TRANSFORMATION else None
        if dataset is not None:
            made[dataset].add(edge.target)
    for found in whole.components(("dataset", "pipeline")):
        around = _around(whole, found.row.id)
        about = _Aspects(whole, found.row.uri, around, made.get(found.row.uri, set()))
        event = about.dataset_event() if found.row.type == "dataset" else about.job_event()
        if event is not None:
            yield json_text(event) + "\n"


def untold(view: GraphView) -> Counter[str]:
    """Edges by relation that OpenLineage has no words for."""
    left: Counter[str] = Counter()
    for edge in whole_of(view).edges():
        kinds = parse_uri(edge.source).type, edge.relation, parse_uri(edge.target).type
        names = [_names(uri) for uri in (edge.source, edge.target)]
        if kinds not in _TOLD or (None in names and kinds[2] not in {"user", "team", "tag"}):
            left[edge.relation] += 1
    return left


def _around(whole: Whole, number: int) -> list[EdgeRow]:
    """Edges at a component that are sure enough, each relation once."""
    with whole.view.database.read() as session:
        rows = Reading(session, whole.moment).edges_of(number)
    sure = [row for row in rows if row.confidence >= whole.view.min_confidence]
    return list({(row.source, row.relation, row.target): row for row in sure}.values())


def _at_uri(whole: Whole, uri: str) -> list[EdgeRow]:
    with whole.view.database.read() as session:
        row = session.one("SELECT id FROM lifecycle_components WHERE uri = ?", (uri,))
    return [] if row is None else _around(whole, row[0])


def _names(uri: str) -> tuple[str, str] | None:
    """OpenLineage's namespace and name of a dataset, column (its dataset's) or pipeline; None where it has none."""
    parts = parse_uri(uri)
    if parts.type == "column":
        dataset = dataset_of_column(uri)
        return None if dataset is None else _names(dataset)
    head, _, rest = parts.id.partition("/")
    tries: list[tuple[str, str]] = []
    make: Callable[[str, str], str] = dataset_uri if parts.type == "dataset" else pipeline_uri
    if parts.type == "dataset":
        tries = [(f"{parts.platform}://{head}", rest), (parts.platform, parts.id)]
    elif parts.type == "pipeline":
        if parts.platform != "openlineage":
            return parts.platform, parts.id
        tries = [(head, rest), (parts.id.rpartition("/")[0], parts.id.rpartition("/")[2])]
    for namespace, name in tries:
        try:
            if namespace.strip() and name.strip() and make(namespace, name) == uri:
                return namespace, name
        except InputError:
            continue
    return None


def _named(uri: str) -> dict[str, str] | None:
    names = _names(uri)
    return None if names is None else {"namespace": names[0], "name": names[1]}


def _column(uri: str) -> str:
    return parse_uri(uri).id.rpartition(COLUMN_MARK)[2]


def _owner(uri: str) -> str:
    parts = parse_uri(uri)
    return f"team:{parts.id}" if parts.type == "team" else parts.id


class _Aspects:
    """Events of one component with the edges around it. made: columns of it that other columns flow into."""

    def __init__(self, whole: Whole, uri: str, around: list[EdgeRow], made: set[str]) -> None:
        self._whole, self._uri, self._around, self._made = whole, uri, around, made

    def dataset_event(self) -> dict[str, Any] | None:
        """None for a dataset that OpenLineage cannot name."""
        dataset = _named(self._uri)
        if dataset is None:
            return None
        columns = self._columns(self._uri, self._around, {self._uri})
        facets = {
            **self._schema(columns),
            **self._lineage(columns),
            **self._symlinks(),
            **self._labels("DatasetFacet", columns),
        }
        return self._event("DatasetEvent", {"dataset": {**dataset, "facets": facets}})

    def job_event(self) -> dict[str, Any] | None:
        """None for a pipeline that OpenLineage cannot name."""
        job = _named(self._uri)
        if job is None:
            return None
        inputs = [_named(row.source) for row in self._there("read_by", source="dataset") if row.target == self._uri]
        outputs = [_named(row.target) for row in self._there("writes", target="dataset") if row.source == self._uri]
        facets = self._labels("JobFacet", {})
        return self._event(
            "JobEvent",
            {
                "job": {**job, "facets": facets},
                "inputs": [each for each in inputs if each],
                "outputs": [each for each in outputs if each],
            },
        )

    def _event(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        when = instant_text(self._whole.moment.valid_at)
        return {"eventTime": when, "producer": _PRODUCER, "schemaURL": f"{_EVENT}/{kind}", **body}

    def _facet(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"_producer": _PRODUCER, "_schemaURL": f"{_SPEC}/facets/{path}", **body}

    def _there(self, relation: str, *, source: str = "", target: str = "") -> Iterator[EdgeRow]:
        for row in self._around:
            fits = source in ("", parse_uri(row.source).type) and target in ("", parse_uri(row.target).type)
            if row.relation == relation and fits:
                yield row

    def _columns(self, owner: str, around: Iterable[EdgeRow], seen: set[str]) -> dict[str, list[EdgeRow]]:
        """The edges at each column of the dataset, nested ones too."""
        found: dict[str, list[EdgeRow]] = {}
        for row in around:
            is_mine = row.relation == "has_column" and row.source == owner and row.target not in seen
            if is_mine and dataset_of_column(row.target) == self._uri:
                seen.add(row.target)
                edges = _at_uri(self._whole, row.target)
                found[row.target] = edges
                found |= self._columns(row.target, edges, seen)
        return found

    def _schema(self, columns: dict[str, list[EdgeRow]]) -> dict[str, Any]:
        def fields(owner: str, around: Iterable[EdgeRow], prefix: str) -> list[dict[str, Any]]:
            told = []
            for row in around:
                name = _column(row.target) if row.target in columns else ""
                if row.relation == "has_column" and row.source == owner and name.startswith(prefix):
                    inner = fields(row.target, columns[row.target], f"{name}.")
                    told.append({"name": name.removeprefix(prefix), **({"fields": inner} if inner else {})})
            return told

        if not columns:
            return {}
        return {"schema": self._facet(_FACETS["schema"], {"fields": fields(self._uri, self._around, "")})}

    def _lineage(self, columns: dict[str, list[EdgeRow]]) -> dict[str, Any]:
        """The columnLineage facet; the lineage facet too where a whole dataset is a source, which only that says."""
        loose = {column: _at_uri(self._whole, column) for column in sorted(self._made - columns.keys())}
        per_column = {column: _sources(column, edges) for column, edges in {**columns, **loose}.items()}
        whole = _sources(self._uri, self._around)
        facets: dict[str, Any] = {}
        of_columns = {c: found for c, rows in per_column.items() if (found := _input_fields(rows))}
        of_whole = _input_fields(whole)
        if of_columns or of_whole:
            fields = {_column(column): {"inputFields": found} for column, found in of_columns.items()}
            body: dict[str, Any] = {"fields": fields, **({"dataset": of_whole} if of_whole else {})}
            facets["columnLineage"] = self._facet(_FACETS["columnLineage"], body)
        if any(parse_uri(row.source).type == "dataset" for rows in (whole, *per_column.values()) for row in rows):
            inner = {_column(column): {"inputs": _inputs(rows)} for column, rows in per_column.items() if rows}
            facets["lineage"] = self._facet(_FACETS["lineage"], {"inputs": _inputs(whole), "fields": inner})
        return facets

    def _symlinks(self) -> dict[str, Any]:
        others = [row.target for row in self._there("same_as", target="dataset") if row.source == self._uri]
        told = [{**names, "type": "TABLE"} for uri in others if (names := _named(uri)) is not None]
        return {"symlinks": self._facet(_FACETS["symlinks"], {"identifiers": told})} if told else {}

    def _labels(self, kind: str, columns: dict[str, list[EdgeRow]]) -> dict[str, Any]:
        owners = [{"name": _owner(row.target)} for row in self._there("owned_by") if row.source == self._uri]
        tags = [_tag(row) for row in self._there("tagged") if row.source == self._uri]
        for column, edges in columns.items():
            mine = [row for row in edges if row.relation == "tagged" and row.source == column]
            tags += [{**_tag(row), "field": _column(column)} for row in mine]
        facets = {}
        if owners:
            facets["ownership"] = self._facet(f"1-0-1/Ownership{kind}.json#/$defs/Ownership{kind}", {"owners": owners})
        if tags:
            facets["tags"] = self._facet(f"1-0-0/Tags{kind}.json#/$defs/Tags{kind}", {"tags": tags})
        return facets


def _tag(row: EdgeRow) -> dict[str, str]:
    key, mark, value = parse_uri(row.target).id.partition("=")
    return {"key": key, "value": value if mark else "true", "source": row.provider}


def _sources(target: str, around: Iterable[EdgeRow]) -> list[EdgeRow]:
    """What a dataset or column is computed from, of that which has a name in OpenLineage."""
    return [
        row
        for row in around
        if row.target == target and row.relation in _TRANSFORMATION and row.source != target and _names(row.source)
    ]


def _input_fields(rows: Iterable[EdgeRow]) -> list[dict[str, Any]]:
    return [
        {**(_named(row.source) or {}), "field": _column(row.source), "transformations": [_TRANSFORMATION[row.relation]]}
        for row in rows
        if parse_uri(row.source).type == "column"
    ]


def _inputs(rows: Iterable[EdgeRow]) -> list[dict[str, Any]]:
    told = []
    for row in rows:
        field = {"field": _column(row.source)} if parse_uri(row.source).type == "column" else {}
        change = {"transformations": [_TRANSFORMATION[row.relation]]}
        told.append({"type": "DATASET", **(_named(row.source) or {}), **field, **change})
    return told
