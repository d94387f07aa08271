"""DVC itself, running a repository's stages: its graph of stages and its hashes are what we read."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from motherlode.lifecycle.providers.dvc import Dvc
from motherlode.lifecycle.record import Item, Observation, Rejected
from tests.integrations.environment import Environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
PARAMS = "train: {lr: 0.1, depth: 3}\nmodel: ranking\nlangs: [de, fr]\n"
PIPELINES = """
vars: [params.yaml]
stages:
  prepare:
    cmd: cp raw/orders.csv prepared.csv
    deps: [raw/orders.csv, imported.csv]
    outs: [prepared.csv]
  train:
    cmd: echo ${train.lr} > models/${model}.pkl && echo '{"auc":0.8}' > metrics.json
    deps: [prepared.csv, images/a.txt, splits]
    params: [train.lr, train.depth]
    outs: ["models/${model}.pkl"]
    metrics: [metrics.json: {cache: false}]
  split:
    foreach: ${langs}
    do: {cmd: "mkdir -p splits && cat images/b.txt > splits/${item}.txt", deps: [images], outs: ["splits/${item}.txt"]}
  grid:
    matrix: {m: [a, b], s: [1, 2]}
    cmd: cat models/ranking.pkl > grid_${item.m}_${item.s}.txt
    deps: ["models/${model}.pkl"]
    outs: ["grid_${item.m}_${item.s}.txt"]
artifacts:
  ranker: {path: models/ranking.pkl, type: model}
"""
BELOW = """
stages:
  report:
    cmd: cat ../metrics.json > report.txt
    deps: [../metrics.json]
    outs: [report.txt]
"""


def dvc(python: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [python, "-m", "dvc", *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"DVC_NO_ANALYTICS": "1", "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def git(folder: Path, *arguments: str) -> None:
    named = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def python() -> Path:
    return Environment("dvc").make()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Path:
    lake = tmp_path_factory.mktemp("lake")
    git(lake, "init", "-q")
    dvc(python, lake, "init", "-q")
    (lake / "export.csv").write_text("id\n7\n")
    dvc(python, lake, "add", "-q", "export.csv")
    git(lake, "add", ".")
    git(lake, "commit", "-qm", "data")
    root = tmp_path_factory.mktemp("shop")
    dvc(python, root, "init", "--no-scm", "-q")
    for folder in ("raw", "images", "models", "below"):
        (root / folder).mkdir()
    for name, text in (("raw/orders.csv", "id,a\n1,2\n"), ("images/a.txt", "a"), ("images/b.txt", "b")):
        (root / name).write_text(text)
    dvc(python, root, "add", "-q", "raw/orders.csv", "images")
    dvc(python, root, "import", "-q", str(lake), "export.csv", "-o", "imported.csv")
    (root / "params.yaml").write_text(PARAMS)
    (root / "dvc.yaml").write_text(PIPELINES)
    (root / "below" / "dvc.yaml").write_text(BELOW)
    dvc(python, root, "repro", "-q", "--all-pipelines")
    return root


@pytest.fixture(scope="module")
def items(repository: Path) -> list[Item]:
    return list(Dvc(repository, name="shop").observe())


def test_nothing_is_rejected(items: list[Item]) -> None:
    assert [item for item in items if isinstance(item, Rejected)] == []


def test_our_edges_are_the_graph_of_stages_that_dvc_draws(items: list[Item], repository: Path, python: Path) -> None:
    printed = dvc(python, repository, "dag", "--dot", "--full")
    theirs = set(re.findall(r'"([^"]+)" -> "([^"]+)";', printed))
    nodes = set(re.findall(r'^"([^"]+)";', printed, re.MULTILINE))
    edges = {edge for item in items if isinstance(item, Observation) for edge in item.edges}
    made = {edge.target: edge.source.rpartition("shop/")[2] for edge in edges if edge.relation == "writes"}
    # What `dvc add` tracks has a node in DVC's graph, and no stage here.
    made["lode://dataset/dvc/shop/raw/orders.csv"] = "raw/orders.csv.dvc"
    made["lode://dataset/dvc/shop/images"] = "images.dvc"
    within: dict[str, set[str]] = {}
    for edge in edges:
        if edge.relation == "supports":
            within.setdefault(edge.target, set()).add(edge.source)
    ours = {
        (made[source], edge.target.removeprefix("lode://pipeline/dvc/shop/"))
        for edge in edges
        if edge.relation == "read_by"
        for source in {edge.source, *within.get(edge.source, ())}
        if source in made
    }
    assert ours == theirs
    assert len(theirs) == 13
    assert ("train", "below/dvc.yaml:report") in theirs
    named = [item for item in items if isinstance(item, Observation) and "/pipeline/" in item.subject]
    assert {item.attributes["name"] for item in named} | {"raw/orders.csv.dvc", "images.dvc"} == nodes


def test_hashes_are_those_of_the_files(items: list[Item], repository: Path) -> None:
    checked = 0
    for item in items:
        if isinstance(item, Observation) and item.subject.startswith("lode://dataset/dvc/shop/"):
            path = repository / item.attributes["paths"][0]
            hashed = item.attributes.get("hashes", {}).get("md5", "")
            if path.is_file() and hashed:
                assert hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == hashed
                assert path.stat().st_size == item.attributes["size_bytes"]
                checked += 1
    assert checked >= 11


def test_an_import_points_at_the_repository_that_it_comes_from(items: list[Item]) -> None:
    (stage,) = (item for item in items if isinstance(item, Observation) and item.subject.endswith("/imported.csv.dvc"))
    (source,) = {edge.source for edge in stage.edges if edge.relation == "read_by"}
    assert source.startswith("lode://dataset/dvc/lake")
    assert source.endswith("/export.csv")


def test_the_model_is_made_by_the_stage_that_writes_it(items: list[Item]) -> None:
    edges = {edge[:3] for item in items if isinstance(item, Observation) for edge in item.edges}
    assert ("lode://pipeline/dvc/shop/train", "produced", "lode://model/dvc/shop/ranker") in edges
