"""What the DVC provider tells of a repository, edge by edge; templates, imports, nested paths; and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from motherlode.errors import DataError, InputError
from motherlode.lifecycle.providers.dvc import Dvc
from motherlode.lifecycle.record import Edge, Item, Observation, Provider, Rejected

PIPELINES = """
vars: [{model: ranking}]
stages:
  prepare:
    cmd: python src/prepare.py
    desc: Makes it ready
    deps: [raw/orders.csv, src/prepare.py]
    outs: [prepared.csv: {desc: Ready}]
  train:
    cmd: [python train.py, echo done]
    deps: [prepared.csv, imgs/a.png]
    params: [lr, other.yaml: [depth]]
    outs: ["models/${model}.pkl"]
    metrics: [metrics.json: {cache: false}]
artifacts:
  ranker: {path: models/ranking.pkl, type: model, desc: Ranks items, labels: [search]}
  words: {path: prepared.csv, type: dataset}
plots: [curves: {x: step, y: {curves.json: loss}}]
"""
LOCK = """
schema: '2.0'
stages:
  prepare:
    cmd: python src/prepare.py
    deps:
    - {path: raw/orders.csv, hash: md5, md5: aa, size: 9}
    - {path: src/prepare.py, hash: md5, md5: bb, size: 5}
    outs: [{path: prepared.csv, hash: md5, md5: cc, size: 8}]
  train:
    cmd: python train.py
    deps: [{path: prepared.csv, md5: cc, size: 8}, {path: imgs/a.png, md5: dd, size: 1}]
    params: {params.yaml: {lr: 0.1}, other.yaml: {depth: 3}}
    outs: [{path: models/ranking.pkl, md5: ee, size: 7}, {path: metrics.json, md5: ff, size: 2}]
"""


def edges(items: Iterable[Item]) -> set[Edge]:
    return {edge for item in items if isinstance(item, Observation) for edge in item.edges}


def rejected(items: Iterable[Item]) -> dict[str, str]:
    return {item.what: item.reason for item in items if isinstance(item, Rejected)}


def observed(items: Iterable[Item], subject: str) -> Observation:
    (found,) = (item for item in items if isinstance(item, Observation) and item.subject == subject)
    return found


def data(path: str) -> str:
    return f"lode://dataset/dvc/shop/{path}"


def stage(name: str) -> str:
    return f"lode://pipeline/dvc/shop/{name}"


Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")

    (tmp_path / ".dvc").mkdir()
    return written


@pytest.fixture
def repository(write: Write, tmp_path: Path) -> Dvc:
    write("dvc.yaml", PIPELINES)
    write("dvc.lock", LOCK)
    write("raw/orders.csv.dvc", "outs:\n- {md5: aa, size: 9, hash: md5, path: orders.csv}\n")
    write("imgs.dvc", "outs:\n- {md5: gg.dir, size: 4, nfiles: 2, path: imgs}\n")
    write("imgs/inside.dvc", "outs: [{md5: x, path: never-read}]\n")
    return Dvc(tmp_path, name="shop")


EDGES = {
    Edge(data("raw/orders.csv"), "read_by", stage("prepare"), 1.0, "dependency of stage prepare"),
    Edge(data("src/prepare.py"), "read_by", stage("prepare"), 1.0, "dependency of stage prepare"),
    Edge(stage("prepare"), "writes", data("prepared.csv"), 1.0, "output of stage prepare"),
    Edge(data("prepared.csv"), "read_by", stage("train"), 1.0, "dependency of stage train"),
    Edge(data("imgs/a.png"), "read_by", stage("train"), 1.0, "dependency of stage train"),
    Edge(data("params.yaml"), "read_by", stage("train"), 1.0, "parameters of stage train"),
    Edge(data("other.yaml"), "read_by", stage("train"), 1.0, "parameters of stage train"),
    Edge(stage("train"), "writes", data("models/ranking.pkl"), 1.0, "output of stage train"),
    Edge(stage("train"), "writes", data("metrics.json"), 1.0, "output of stage train"),
    Edge(data("imgs"), "supports", data("imgs/a.png"), 1.0, "imgs/a.png lies in imgs"),
    Edge(stage("train"), "produced", "lode://model/dvc/shop/ranker", 1.0, "artifact ranker"),
    Edge(data("models/ranking.pkl"), "supports", "lode://model/dvc/shop/ranker", 1.0, "artifact ranker: its file"),
    Edge("lode://model/dvc/shop/ranker", "tagged", "lode://tag/label/search"),
    Edge(data("models/ranking.pkl"), "tagged", "lode://tag/label/search"),
}


def test_a_repository_tells_exactly_these_edges(repository: Dvc) -> None:
    assert isinstance(repository, Provider)
    items = list(repository.observe())
    assert rejected(items) == {}
    assert edges(items) == EDGES


def test_attributes_are_the_words_of_the_files_and_nothing_has_a_version(repository: Dvc) -> None:
    items = [item for item in repository.observe() if isinstance(item, Observation)]
    assert {item.version for item in items} == {None}
    assert observed(items, data("raw/orders.csv")).attributes == {
        "name": "raw/orders.csv", "paths": ["raw/orders.csv"], "hashes": {"md5": "aa"}, "size_bytes": 9,
    }  # fmt: skip
    assert observed(items, data("prepared.csv")).attributes == {
        "name": "prepared.csv", "paths": ["prepared.csv"], "description": "Ready", "hashes": {"md5": "cc"},
        "size_bytes": 8, "type": "dataset", "artifact": "words",
    }  # fmt: skip
    assert observed(items, data("imgs")).attributes["n_files"] == 2
    kinds = {item.attributes["name"]: item.attributes.get("kind") for item in items if "/dataset/" in item.subject}
    assert kinds["src/prepare.py"] == "code"
    assert (kinds["metrics.json"], kinds["curves.json"], kinds["params.yaml"]) == ("metrics", "plots", "params")
    assert observed(items, stage("train")).attributes == {
        "name": "train", "command": "python train.py", "paths": ["dvc.yaml"], "params": {"lr": 0.1, "depth": 3},
    }  # fmt: skip
    assert observed(items, "lode://model/dvc/shop/ranker").attributes == {
        "name": "ranker", "paths": ["models/ranking.pkl"], "hashes": {"md5": "ee"}, "description": "Ranks items",
    }  # fmt: skip


def test_hydrating_a_component_tells_what_observing_told_of_it(repository: Dvc) -> None:
    items = [item for item in repository.observe() if isinstance(item, Observation)]
    assert len({item.subject for item in items}) == len(items) == 13
    for item in items:
        assert list(repository.hydrate(item.subject)) == [item]
    assert list(repository.hydrate(stage("unknown"))) == []


def test_a_stage_that_never_ran_is_told_without_hashes(write: Write, tmp_path: Path) -> None:
    write("dvc.yaml", "stages: {a: {cmd: x, deps: [in.csv], outs: [out.csv], params: [lr]}}")
    items = list(Dvc(tmp_path, name="shop").observe())
    assert {(edge.source, edge.target) for edge in edges(items)} == {
        (data("in.csv"), stage("a")), (stage("a"), data("out.csv")), (data("params.yaml"), stage("a")),
    }  # fmt: skip
    assert "hashes" not in observed(items, data("out.csv")).attributes
    assert observed(items, stage("a")).attributes["params"] == {"lr": None}


def test_dvc_yaml_counts_where_it_says_more_than_an_old_lock(repository: Dvc, write: Write) -> None:
    write("dvc.yaml", "stages: {prepare: {cmd: x, deps: [raw/new.csv], outs: [prepared.csv]}}")
    items = list(repository.observe())
    assert {edge.source for edge in edges(items) if edge.relation == "read_by"} == {data("raw/new.csv")}
    assert observed(items, data("prepared.csv")).attributes["hashes"] == {"md5": "cc"}


def test_templates_that_the_lock_does_not_know_are_rejected_and_the_rest_is_told(write: Write, tmp_path: Path) -> None:
    write(
        "dvc.yaml",
        """
stages:
  open: {cmd: x, outs: ["${name}.csv"]}
  moved: {cmd: x, wdir: "${where}", outs: [x.csv]}
  split: {foreach: [de, fr], do: {cmd: "x ${item}", outs: ["${item}.csv"]}}
  grid: {matrix: {m: [a, b], n: [1]}, cmd: x, outs: ["${item.m}.csv"]}
  late: {foreach: "${langs}", do: {cmd: x, outs: ["${item}.txt"]}}
  plain: {cmd: x, outs: [plain.csv]}
  wrong: 3
artifacts: {ranker: {path: "${name}.pkl", type: model}}
""",
    )
    write(
        "dvc.lock",
        "schema: '2.0'\nstages: {'split@de': {cmd: x de, outs: [{path: de.csv, md5: d}]}, "
        "'split@es': {cmd: x, outs: [{path: es.csv}]}, 'grid@a-1': {cmd: x, outs: [{path: a.csv}]}}",
    )
    items = list(Dvc(tmp_path, name="shop").observe())
    assert {(edge.source, edge.target) for edge in edges(items)} == {
        (stage("split@de"), data("de.csv")), (stage("grid@a-1"), data("a.csv")), (stage("plain"), data("plain.csv")),
    }  # fmt: skip
    assert set(rejected(items)) == {
        f"dvc.yaml: {what}"
        for what in ("stage open", "stage moved", "stage split@fr", "stage grid@b-1", "stage late", "stage wrong",
                     "artifact ranker")
    }  # fmt: skip
    assert "'${name}.csv'" in rejected(items)["dvc.yaml: stage open"]


def test_stages_of_a_list_with_a_template_are_those_of_the_lock(write: Write, tmp_path: Path) -> None:
    write("dvc.yaml", "stages: {late: {foreach: '${langs}', do: {cmd: x, wdir: sub, outs: ['${item}.txt']}}}")
    write("dvc.lock", "schema: '2.0'\nstages: {'late@de': {cmd: x, outs: [{path: de.txt}]}}")
    found = edges(Dvc(tmp_path, name="shop").observe())
    assert {(edge.source, edge.target) for edge in found} == {(stage("late@de"), data("sub/de.txt"))}


def test_stages_in_folders_are_named_as_dvc_addresses_them(write: Write, tmp_path: Path) -> None:
    write("sub/dvc.yaml", "stages: {a: {cmd: x, wdir: deeper, deps: [../../raw.csv], outs: [out.csv]}}")
    found = edges(Dvc(tmp_path, name="shop").observe())
    assert {(edge.source, edge.target) for edge in found} == {
        (data("raw.csv"), stage("sub/dvc.yaml:a")), (stage("sub/dvc.yaml:a"), data("sub/deeper/out.csv")),
    }  # fmt: skip


def test_imports_come_from_other_repositories_and_places(write: Write, tmp_path: Path) -> None:
    repo = "{url: 'https://ada:pw@git.example/data/lake.git', rev: main, rev_lock: abc}"
    write(
        "in.csv.dvc",
        f"frozen: true\ndeps: [{{path: export/orders.csv, repo: {repo}}}]\nouts: [{{path: in.csv, md5: a}}]",
    )
    write("web.csv.dvc", "deps: [{path: 'https://example.org/a.csv?sig=1', etag: e}]\nouts: [{path: web.csv}]")
    write("cloud.csv.dvc", "deps: [{path: 'remote://store/x.csv'}]\nouts: [{path: cloud.csv}]")
    write("db.csv.dvc", "deps: [{db: {query: select 1, connection: x}}]\nouts: [{path: db.csv}]")
    write(".dvc/config", "[core]\n    remote = store\n['remote \"store\"']\n    url = s3://bucket/base\n")
    items = list(Dvc(tmp_path, name="shop").observe())
    assert rejected(items) == {}
    assert {(edge.source, edge.target) for edge in edges(items) if edge.relation == "read_by"} == {
        ("lode://dataset/dvc/lake/export/orders.csv", stage("in.csv.dvc")),
        ("lode://dataset/https/example.org/a.csv", stage("web.csv.dvc")),
        ("lode://dataset/s3/bucket/base/x.csv", stage("cloud.csv.dvc")),
    }
    assert observed(items, "lode://dataset/dvc/lake/export/orders.csv").attributes == {
        "name": "export/orders.csv", "paths": ["export/orders.csv"],
        "repository": "https://git.example/data/lake.git", "rev": "abc",
    }  # fmt: skip
    assert observed(items, stage("in.csv.dvc")).attributes["frozen"] is True
    assert (stage("db.csv.dvc"), data("db.csv")) in {(edge.source, edge.target) for edge in edges(items)}


def test_what_a_stage_writes_below_models_is_a_model_with_less_confidence(write: Write, tmp_path: Path) -> None:
    write("dvc.yaml", "stages: {a: {cmd: x, outs: [models/m.pkl], metrics: [models/auc.json]}}")
    write("models/old.bin.dvc", "outs: [{path: old.bin, md5: a}]")
    items = list(Dvc(tmp_path, name="shop").observe())
    said = "lies in a folder of models"
    new, old = "lode://model/dvc/shop/models/m.pkl", "lode://model/dvc/shop/models/old.bin"
    assert {edge for edge in edges(items) if "/model/" in edge.target} == {
        Edge(stage("a"), "produced", new, 0.7, said),
        Edge(data("models/m.pkl"), "supports", new, 0.7, f"{said}: its file"),
        Edge(data("models/old.bin"), "supports", old, 0.7, f"{said}: its file"),
    }


def test_a_folder_depends_on_the_outputs_inside_it(write: Write, tmp_path: Path) -> None:
    write("dvc.yaml", "stages: {a: {cmd: x, outs: [data/x/1.csv]}, b: {cmd: y, deps: [data], outs: [data2]}}")
    found = [edge for edge in edges(Dvc(tmp_path, name="shop").observe()) if edge.relation == "supports"]
    assert found == [Edge(data("data/x/1.csv"), "supports", data("data"), 1.0, "data/x/1.csv lies in data")]


def test_the_name_is_gits_remote_else_the_folders(write: Write, tmp_path: Path) -> None:
    write("x.csv.dvc", "outs: [{path: x.csv}]")
    (item,) = Dvc(tmp_path).observe()
    assert isinstance(item, Observation)
    assert item.subject == f"lode://dataset/dvc/{tmp_path.name}/x.csv"
    write(".git/config", '[remote "origin"]\n\turl = git@git.example:shop/Größen-rank.git\n\tfetch = +refs\n')
    (item,) = Dvc(tmp_path).observe()
    assert isinstance(item, Observation)
    assert item.subject == "lode://dataset/dvc/Größen-rank/x.csv"


def test_absolute_paths_of_a_machine_are_files_there(write: Write, tmp_path: Path) -> None:
    write("dvc.yaml", "stages: {a: {cmd: x, deps: [/srv/in.csv, 's3://bucket/in.csv']}}")
    found = edges(Dvc(tmp_path, name="shop").observe())
    assert {edge.source for edge in found} == {"lode://dataset/file//srv/in.csv", "lode://dataset/s3/bucket/in.csv"}


def test_broken_files_are_rejected_by_name_and_the_rest_is_told(repository: Dvc, write: Write) -> None:
    write("bad.csv.dvc", "outs: [{md5: a, pa")
    write("list.csv.dvc", "- 1")
    write("nopath.dvc", "outs: [{md5: a}]")
    items = list(repository.observe())
    assert edges(items) == EDGES
    assert set(rejected(items)) == {"bad.csv.dvc", "list.csv.dvc", "nopath.dvc: outs"}
    assert "Was it written to the end?" in rejected(items)["bad.csv.dvc"]


def test_a_newer_lock_is_rejected_by_name_and_what_dvc_yaml_says_is_told(repository: Dvc, write: Write) -> None:
    write("dvc.lock", LOCK.replace("'2.0'", "'3.0'"))
    items = list(repository.observe())
    assert set(rejected(items)) == {"dvc.lock", "dvc.yaml: stage train"}
    assert "schema '3.0', expected '2.0'" in rejected(items)["dvc.lock"]
    assert (data("raw/orders.csv"), stage("prepare")) in {(edge.source, edge.target) for edge in edges(items)}


def test_a_lock_from_before_its_schema_had_a_number_is_read(write: Write, tmp_path: Path) -> None:
    write("dvc.yaml", "stages: {a: {cmd: x, outs: ['${n}.csv']}}")
    write("dvc.lock", "a: {cmd: x, outs: [{path: one.csv, md5: q}]}")
    items = list(Dvc(tmp_path, name="shop").observe())
    assert observed(items, data("one.csv")).attributes["hashes"] == {"md5": "q"}


def test_hidden_ignored_and_foreign_folders_are_not_entered(repository: Dvc, write: Write) -> None:
    for folder in (".venv", "node_modules", "skipped", "other", "env"):
        write(f"{folder}/x.csv.dvc", "outs: [{path: x.csv}]")
    write("other/.dvc/config", "")
    write("env/pyvenv.cfg", "")
    write(".dvcignore", "# not these\nskipped/\n!kept\n")
    assert edges(repository.observe()) == EDGES
    subjects = {item.subject for item in repository.observe() if isinstance(item, Observation)}
    assert not any(subject.endswith("x.csv") for subject in subjects)


def test_a_place_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    provider = Dvc(tmp_path / "nowhere")
    assert (provider.name, provider.scope, provider.is_listing) == ("dvc", str(tmp_path / "nowhere"), True)
    with pytest.raises(InputError, match="nowhere is not there"):
        list(provider.observe())
    with pytest.raises(DataError, match=r"found neither \.dvc/ nor dvc\.yaml"):
        list(Dvc(tmp_path).observe())
