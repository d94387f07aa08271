"""A person plans an index with ``lode estimate``, and asks and looks at a sharded one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motherlode import InputError, build_sharded_index, estimate_index, load_encoder
from motherlode.cli.estimate import parse_number
from tests.e2e.command_line import TOPICS, lode


@pytest.mark.parametrize(
    ("text", "expected"),
    [("598M", 598_000_000), ("8.8k", 8800), ("1e6", 1_000_000), ("12_000", 12_000), ("1,5", 15), ("3G", 3 * 10**9)],
)
def test_counts_may_be_written_short(text: str, expected: int) -> None:
    assert parse_number(text, "--tokens") == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("64GB", 64 * 10**9), ("1.5 GiB", 3 << 29), ("512B", 512), ("0", 0), ("2TB", 2 * 10**12)]
)
def test_sizes_may_have_units(text: str, expected: int) -> None:
    assert parse_number(text, "--memory", is_size=True) == expected


@pytest.mark.parametrize("text", ["", "many", "-5", "64GB", "1.2.3", "5Mi", "1e30"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--tokens"):
        parse_number(text, "--tokens")


def test_an_estimate_is_printed_as_a_table_and_as_json() -> None:
    asked = ("estimate", "--docs", "8.8M", "--tokens", "598M", "--dim", 128, "--bits", 2)
    shown = lode(*asked, "--memory", "16GB").stdout
    assert "8,800,000 documents, 598,000,000 tokens of 128 dimensions: compressed, 4,194,304 centroids" in shown
    for part in ("codebook", "assignment", "codes", "lists", "in all", "building", "searching", "hot pages"):
        assert part in shown
    assert "2 shards, one a machine of 16.0 GB hold all of it in memory" in shown
    assert "build with train_tokens=" not in shown
    assert "build with train_tokens=" in lode(*asked, "--memory", "8GB").stdout  # less than the build takes
    facts = json.loads(lode(*asked, "--json", "--memory", "16GB").stdout)
    assert facts["disk_bytes"] == estimate_index(8_800_000, 598_000_000).disk_bytes
    assert facts["shards_within_memory"] == 2
    per_doc = json.loads(lode("estimate", "--docs", "1k", "--tokens-per-doc", "80", "--json").stdout)
    assert (per_doc["n_tokens"], per_doc["kind"]) == (80_000, "flat")


def test_estimate_explains_itself_and_its_mistakes() -> None:
    assert "--tokens-per-doc" in lode("estimate", code=2).stdout
    assert "give --tokens or --tokens-per-doc" in lode("estimate", "--docs", 5, code=2).stderr
    assert (
        "--docs 'lots': give a number such as 598M" in lode("estimate", "--docs", "lots", "--tokens", 1, code=2).stderr
    )


def test_a_sharded_index_is_asked_and_shown_like_any_other(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    encoder = load_encoder("minilm", dim=64)
    encoder.fit_projection(list(TOPICS.values()))  # type: ignore[attr-defined]
    found = encoder.encode_documents(list(TOPICS.values()))
    build_sharded_index(
        tmp_path / "i",
        found.vectors,
        found.offsets,
        found.token_ids,
        list(TOPICS),
        n_shards=3,
        texts=list(TOPICS.values()),
        encoder=encoder,
    )
    answer = json.loads(lode("search", tmp_path / "i", "how do I bake a loaf?", "--json", "-k", 2).stdout)
    assert answer["hits"][0]["id"] == "bread"
    assert answer["hits"][0]["text"] == TOPICS["bread"]
    shown = lode("info", tmp_path / "i", "--verify").stdout
    assert "3 shards" in shown
    assert "shard-00002" in shown
    assert "all checksums agree" in shown
    facts = json.loads(lode("info", tmp_path / "i", "--json").stdout)
    assert (facts["n_docs"], len(facts["shards"])) == (8, 3)
    assert "shard-00001/manifest.json" in facts["files"]
