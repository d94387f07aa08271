"""Runs that say which of Feast's features they retrieved, as Feast's integration with MLflow tags them; odd names."""

from __future__ import annotations

from pathlib import Path

import pytest

from motherlode.lifecycle.providers.mlflow import MLflow
from motherlode.lifecycle.record import Edge
from tests.mlflow_edges import EDGES, LOGGED, RUN, VERSION, edges, rejected
from tests.mlflow_stores import SqlWorld, sql_world

AMOUNT = "lode://feature/feast/shop/orders.amount_7d"
COUNTRY = "lode://feature/feast/shop/customers.country"
SERVICE = "lode://feature_service/feast/shop/ranking_v5"
REFERENCES = "orders:amount_7d,customers@v2:country"


@pytest.fixture
def world(tmp_path: Path) -> SqlWorld:
    return sql_world(tmp_path / "mlflow.db")


def tag_run(world: SqlWorld, **tags: str) -> set[Edge]:
    world.tag("tags", {f"feast.{name}": value for name, value in tags.items()}, run_uuid="r1")
    found = edges(MLflow(world.path).observe())
    return {edge for edge in found if "/feast/" in edge.source}


def test_features_that_a_run_retrieved_train_it_and_are_inputs_of_its_models(world: SqlWorld) -> None:
    said = "the signature needs it, and its run retrieved the feature orders:amount_7d"
    assert tag_run(world, project="shop", feature_service="ranking_v5", feature_refs=REFERENCES) == {
        Edge(AMOUNT, "trains", RUN, 1.0, "tag feast.feature_refs has orders:amount_7d"),
        Edge(COUNTRY, "trains", RUN, 1.0, "tag feast.feature_refs has customers@v2:country"),
        Edge(AMOUNT, "input_of", LOGGED, 0.9, said),
        Edge(AMOUNT, "input_of", VERSION, 0.9, said),
    }


def test_a_model_without_a_signature_may_need_every_feature_of_its_run(world: SqlWorld, tmp_path: Path) -> None:
    (tmp_path / "mlruns/1/models/m-1/artifacts/MLmodel").unlink()
    found = tag_run(world, project="shop", feature_refs=REFERENCES)
    said = "its run retrieved the feature customers@v2:country; no signature names its columns"
    assert Edge(COUNTRY, "input_of", VERSION, 0.7, said) in found
    assert len([edge for edge in found if edge.relation == "input_of"]) == 4


def test_a_run_that_names_only_its_service_was_trained_on_it(world: SqlWorld) -> None:
    found = tag_run(world, project="shop", feature_service="ranking_v5")
    assert found == {Edge(SERVICE, "trains", RUN, 1.0, "tag feast.feature_service")}


def test_a_version_that_names_its_service_needs_it(world: SqlWorld) -> None:
    world.add("model_version_tags", name="ranking", version=1, key="feast.feature_service", value="ranking_v5")
    assert Edge(SERVICE, "input_of", VERSION, 1.0, "tag feast.feature_service") in tag_run(world, project="shop")


def test_features_that_were_retrieved_to_serve_do_not_train(world: SqlWorld) -> None:
    found = tag_run(world, project="shop", feature_refs="orders:amount_7d", retrieval_type="online")
    assert {edge.relation for edge in found if edge.target == RUN} == {"supports"}


@pytest.mark.parametrize(
    "tags", [{"feature_refs": REFERENCES}, {"project": "shop", "feature_refs": "amount_7d, :x,y:"}]
)
def test_tags_that_name_no_feature_say_nothing(world: SqlWorld, tags: dict[str, str]) -> None:
    assert tag_run(world, **tags) == set()


def test_a_list_that_was_cut_loses_only_what_was_cut(world: SqlWorld) -> None:
    found = tag_run(world, project="shop", feature_refs="orders:amount_7d,customers:coun...")
    assert {edge.source for edge in found} == {AMOUNT}


def test_a_name_that_makes_no_address_costs_only_what_it_names(world: SqlWorld) -> None:
    world.add("experiments", experiment_id=2, name=" ")
    world.add("runs", run_uuid="r2", experiment_id=2)
    world.add("registered_models", name="")
    items = list(MLflow(world.path).observe())
    assert {each.what for each in rejected(items)} == {"experiment 2", "run r2", "registered model "}
    assert all("has an empty id" in each.reason for each in rejected(items))
    assert edges(items) == EDGES


def test_owners_that_are_nobody_are_left_out(world: SqlWorld) -> None:
    world.tag("tags", {"owner": "team:, :,;ada; team: ml", "owners": " "}, run_uuid="r1")
    found = {edge.target for edge in edges(MLflow(world.path).observe()) if edge.relation == "owned_by"}
    assert found == {
        "lode://user/directory/ada", "lode://team/directory/ml", "lode://user/directory/bob", "lode://team/directory/search",
    }  # fmt: skip
