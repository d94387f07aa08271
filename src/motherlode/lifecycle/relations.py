"""The relations between components, as declared data. Data flows from source to target.

`flow` relations carry lineage and impact; the others say who owns what and how it is labelled. What a change becomes on
its way along each of them stands in `propagation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["ENTITY_TYPES", "RELATIONS", "RELATION_NAMES", "Relation"]


@dataclass(frozen=True, slots=True)
class Relation:
    """name: as edges carry it, read "source NAME target"; inverse: how the target says it; flow: whether data flows.

    code: the number that tables hold: the place in the list below, which only ever grows at its end.
    """

    name: str
    inverse: str
    meaning: str
    flow: bool = True
    code: int = -1


def _declared(*relations: Relation) -> dict[str, Relation]:
    return {relation.name: replace(relation, code=code) for code, relation in enumerate(relations)}


RELATIONS = _declared(
    Relation("read_by", "reads", "a dataset, column or source is read by a pipeline"),
    Relation("writes", "written_by", "a pipeline writes a dataset or column"),
    Relation("derives", "derived_from", "the target's values are computed from the source's"),
    Relation("influences", "influenced_by", "the source decides which rows the target has: filter, join, group"),
    Relation("masks", "masked_from", "the target holds the source's values hashed or masked"),
    Relation("has_column", "column_of", "a dataset has a column"),
    Relation("has_version", "version_of", "a dataset, feature or model has a version"),
    Relation("current_of", "current", "the version of a model or dataset that is used today"),
    Relation("feeds", "fed_by", "a dataset, column or feature is what a feature, view or service is made of"),
    Relation("has_feature", "feature_of", "a feature view has a feature"),
    Relation("input_of", "has_input", "a model needs it when it serves: a feature, column or service"),
    Relation("trains", "trained_on", "a dataset or feature is training data of a model, version or run"),
    Relation("evaluates", "evaluated_on", "a dataset measures a model or version"),
    Relation("has_run", "run_of", "a pipeline has a run"),
    Relation("produced", "produced_by", "a pipeline or run made a model, version, index or dataset version"),
    Relation("registered_as", "registers", "a logged model or another version becomes a version of a registered model"),
    Relation("deployed_as", "deploys", "a model version serves behind a deployment or alias"),
    Relation("tested_in", "tests", "a model version or deployment is what a cell of an experiment gets"),
    Relation("cell_of", "has_cell", "a cell belongs to an A/B test"),
    Relation("scored", "scored_by", "a model or deployment writes predictions to a dataset"),
    Relation("triggers", "triggered_by", "a schedule or event starts a pipeline"),
    Relation("supports", "depends_on", "the target depends on the source, no more is known"),
    Relation("same_as", "same_as", "two addresses of one thing"),
    Relation("owned_by", "owns", "a component has an owner: a user or team", flow=False),
    Relation("tagged", "tags", "a component has a tag", flow=False),
    Relation("member_of", "has_member", "a user belongs to a team", flow=False),
    Relation("grouped_in", "groups", "a component belongs to a group: an experiment, project or domain", flow=False),
)

RELATION_NAMES = tuple(RELATIONS)
"""Names by code."""

ENTITY_TYPES = {
    "ab_cell": "Experiments",
    "ab_test": "Experiments",
    "column": "Data",
    "dashboard": "Reports",
    "data_test": "Pipelines",
    "dataset": "Data",
    "dataset_version": "Data",
    "deployment": "Models",
    "experiment": "Experiments",
    "exposure": "Reports",
    "feature": "Features",
    "feature_entity": "Features",
    "feature_service": "Features",
    "feature_version": "Features",
    "feature_view": "Features",
    "group": "People and labels",
    "index": "Models",
    "job_attempt": "Pipelines",
    "metric": "Reports",
    "model": "Models",
    "model_version": "Models",
    "node": "Pipelines",
    "nugget_store": "Data",
    "pipeline": "Pipelines",
    "pipeline_run": "Pipelines",
    "project": "Pipelines",
    "saved_query": "Reports",
    "schedule": "Pipelines",
    "semantic_model": "Reports",
    "source": "Data",
    "tag": "People and labels",
    "team": "People and labels",
    "unit_test": "Pipelines",
    "user": "People and labels",
}
"""Known types and their domains. Others are welcome: a new type gets search, a page and traversal at once."""
