"""A person indexes a folder, asks it, looks at it, measures it, and makes mistakes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.command_line import TOPICS, lines, lode, write_corpus

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The topics, indexed by the command line with the packaged encoder."""
    folder = tmp_path_factory.mktemp("corpus")
    done = lode("index", write_corpus(folder / "topics.jsonl"), "--out", folder / "index")
    assert "8 documents" in done.stderr
    assert "lode search" in done.stderr
    assert done.stdout == ""
    assert not (folder / "index.building").exists()
    return folder / "index"


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("how do I bake a loaf?", "bread"),
        ("why does the sea rise?", "moon"),
        ("which animal is the biggest", "whales"),
        ("sort an array", "sorting"),
    ],
)
def test_a_question_finds_its_document(index: Path, question: str, best: str) -> None:
    found = json.loads(lode("search", index, question, "--json", "-k", 3).stdout)
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    assert found["hits"][0]["id"] == best
    assert found["hits"][0]["text"] == TOPICS[best]
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_results_are_readable_and_fit_the_terminal(index: Path) -> None:
    done = lode("search", index, "bake bread", "-k", 2)
    first = done.stdout.splitlines()[0]
    assert re.match(r"1  \d+\.\d\d  Bread  bread$", first)
    assert "hot oven" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "2 of 8 documents in" in done.stderr
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())
    assert "\x1b[" not in done.stdout


def test_questions_are_read_from_standard_input_one_a_line(index: Path) -> None:
    done = lode("search", index, "--json", "-k", 1, text="pawn promotion\n\ntax return\n")
    assert [json.loads(line)["hits"][0]["id"] for line in done.stdout.splitlines()] == ["chess", "taxes"]


def test_modes_find_by_words_by_meaning_or_by_both(index: Path) -> None:
    def found(*arguments: str) -> list[str]:
        return [hit["id"] for hit in json.loads(lode("search", index, *arguments, "--json").stdout)["hits"]]

    assert found("krill oven", "--mode", "lexical") == ["whales", "bread"]  # krill is two wordpieces
    assert found("the biggest animal", "-m", "hybrid", "-k", "1") == ["whales"]
    assert found("warm and cold", "--mode", "lexical", "--require", "oceans") == ["whales"]
    assert found("how do I bake a loaf?", "--exclude", "hot oven", "-k", "1") != ["bread"]
    assert found("how do I bake a loaf?", "--require", "violin", "--require", "four strings") == ["violin"]


def test_words_that_no_document_has_are_said_to_be_unknown(index: Path) -> None:
    assert lode("search", index, "zymurgy", "--mode", "lexical").stdout.startswith("no answers")  # z ##ym ##ur ##gy
    done = lode("search", index, "cryptography", "--mode", "lexical")
    assert done.stdout == "no answers: no document has any of these words; --mode late looks for what they mean\n"
    done = lode("search", index, "bake", "--require", "cryptography")
    assert done.stdout.startswith("no answers: no document is left by --require and --exclude")
    assert re.match(r"1  1\.0000  Bread", lode("search", index, "bake bread", "--mode", "hybrid").stdout)


def test_eval_measures_a_mode(index: Path, tmp_path: Path) -> None:
    queries, qrels = tmp_path / "queries.tsv", tmp_path / "qrels.txt"
    queries.write_text(lines(["q1\tkrill", "q2\tcryptography"]), encoding="utf-8")
    qrels.write_text(lines(["q1 0 whales 1", "q2 0 moon 1"]), encoding="utf-8")
    done = lode("eval", index, "--queries", queries, "--qrels", qrels, "--mode", "lexical", "--json")
    assert json.loads(done.stdout)["measures"]["RR@10"] == 0.5  # by words nothing is found for q2
    done = lode("eval", index, "--queries", queries, "--qrels", qrels, "--mode", "hybrid", "--json")
    assert json.loads(done.stdout)["measures"]["RR@10"] > 0.5


def test_info_names_sizes_encoder_and_cpu_level_and_verifies(index: Path) -> None:
    text = lode("info", index).stdout
    for word in ("documents", "bytes a token", "minilm", "CPU level", "manifest.json", "--verify"):
        assert word in text, word
    facts = json.loads(lode("info", index, "--json", "--verify").stdout)
    assert facts["n_docs"] == 8
    assert facts["verified"] is True
    assert facts["size_bytes"] == sum(p.stat().st_size for p in index.iterdir())


def test_a_flipped_bit_is_found_by_verify_and_named(index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(index, copy)
    victim = max(copy.glob("*.lode"), key=lambda p: p.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[5000] ^= 1
    victim.write_bytes(bytes(content))
    done = lode("info", copy, "--verify", code=2)
    assert victim.name in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_eval_prints_measures_writes_a_run_and_agrees_with_exact_search(index: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.tsv"
    queries.write_text(lines(["q1\tbake a loaf", "q2\tgravity of the moon", "q3\tplucked strings"]), encoding="utf-8")
    qrels = tmp_path / "qrels.txt"
    qrels.write_text(lines(["q1 0 bread 1", "q2 0 moon 2", "q3 0 taxes 1", "q9 0 bread 1"]), encoding="utf-8")
    run = tmp_path / "run.trec"
    done = lode("eval", index, "--queries", queries, "--qrels", qrels, "--run-out", run, "--exact", "--json")
    found = json.loads(done.stdout)
    rows = [line.split() for line in run.read_text(encoding="utf-8").splitlines()]
    assert rows[0][:4] == ["q1", "Q0", "bread", "1"]
    assert len(rows) == 3 * 8
    rank_of_taxes = next(int(row[3]) for row in rows if row[0] == "q3" and row[2] == "taxes")
    assert found["measures"]["RR@10"] == pytest.approx((1 + 1 + 1 / rank_of_taxes) / 3)
    assert found["measures"]["R@100"] == 1.0
    assert found["overlap@10"] == 1.0
    assert (found["n_queries"], found["n_judged"]) == (3, 3)
    text = lode("eval", index, "--queries", queries).stdout
    assert "search p95" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("index", "nowhere", "--out", "x"), "no such source: nowhere"),
        (("search", "{index}", "x", "--mode", "words"), "mode='words': choose one of late, lexical, hybrid"),
        (("search", "{index}", "x", "--require", "\U0001fae0"), "has no token that the encoder 'minilm' knows"),
        (("index", ".", "--out", "x", "--encoder", "bert"), "no such encoder: 'bert'"),
        (("search", "nowhere", "question"), "nowhere"),
        (("info", "nowhere"), "nowhere"),
        (("eval", "{index}", "--queries", "nowhere"), "nowhere cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = lode(*(a.replace("{index}", str(index)) for a in arguments), code=2)
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_an_index_is_not_replaced_unless_asked(index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "index"
    shutil.copytree(index, copy)
    corpus = write_corpus(tmp_path / "two.jsonl", n_copies=2)
    done = lode("index", corpus, "--out", copy, code=2)
    assert "--overwrite" in done.stderr
    assert json.loads(lode("info", copy, "--json").stdout)["n_docs"] == 8
    lode("index", corpus, "--out", copy, "--overwrite", "--quiet")
    assert json.loads(lode("info", copy, "--json").stdout)["n_docs"] == 16


def test_what_was_skipped_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("# Owls\n\nOwls hunt at night.", encoding="utf-8")
    (folder / "b.txt").write_bytes(b"\xe9\xe8\xe7" * 40)
    (folder / "c.zip").write_bytes(b"PK")
    done = lode("index", folder, "--out", tmp_path / "index", "--dim", 64)
    assert "1 skipped: not UTF-8" in done.stderr
    assert "1 skipped: no reader for .zip" in done.stderr
    facts = json.loads(lode("info", tmp_path / "index", "--json").stdout)
    assert (facts["n_docs"], facts["dim"]) == (1, 64)
    shown = lode("search", tmp_path / "index", "night birds").stdout
    assert "Owls" in shown


def test_long_documents_are_judged_by_their_best_passage(tmp_path: Path) -> None:
    filler = "\n\n".join(f"Paragraph {i} talks about the weather of day {i} and nothing else." for i in range(40))
    records = [
        {"id": "long", "text": f"{filler}\n\nPenguins breed on the ice of Antarctica."},
        {"id": "short", "text": "A recipe for soup."},
    ]
    corpus = tmp_path / "c.jsonl"
    corpus.write_text(lines([json.dumps(r) for r in records]), encoding="utf-8")
    lode("index", corpus, "--out", tmp_path / "index", "--quiet")
    found = json.loads(lode("search", tmp_path / "index", "where do penguins breed", "--json", "-k", 1).stdout)
    assert re.fullmatch(r"long#\d+", found["hits"][0]["id"])
    (tmp_path / "q.jsonl").write_text('{"_id": "1", "text": "where do penguins breed"}\n', encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\tlong\t1\n", encoding="utf-8")
    done = lode(
        "eval", tmp_path / "index", "--queries", tmp_path / "q.jsonl", "--qrels", tmp_path / "qrels.tsv", "--json"
    )
    result = json.loads(done.stdout)
    assert result["collapsed_passages"] is True
    assert result["measures"]["RR@10"] == 1.0


def test_help_version_and_cpu_answer() -> None:
    assert re.match(r"lode \d+\.\d+\.\d+", lode("--version").stdout)
    for command in ("index", "search", "info", "eval", "cpu"):
        assert command in lode("--help").stdout
    facts = json.loads(lode("cpu", "--json").stdout)
    assert facts["level"] in facts["available"]
    assert "reference" in facts["available"]


def test_answers_can_be_filtered_by_fields_of_the_records(tmp_path: Path) -> None:
    records = [
        {"id": "old", "text": "How to bake bread", "year": 2001, "tags": ["oven"], "day": "2001-02-03"},
        {"id": "new", "text": "How to bake a cake", "year": 2020, "tags": ["oven", "sweet"]},
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    lode("index", tmp_path / "r.jsonl", "-o", tmp_path / "i", "--metadata", "year,tags,day:timestamp", "-q")
    asked = ("search", tmp_path / "i", "baking bread")
    found = json.loads(lode(*asked, "--json", "--where", "year < 2010 AND has(tags, 'oven')").stdout)
    assert [hit["id"] for hit in found["hits"]] == ["old"]
    assert found["hits"][0]["metadata"] == {"day": "2001-02-03", "tags": ["oven"], "year": 2001}
    done = lode(*asked, "--where", "day IS NULL")
    assert done.stdout.splitlines()[1] == "   tags oven, sweet · year 2020"
    assert "1 of 1 documents that match in" in done.stderr
    failed = lode(*asked, "--where", "yaer = 2000", code=2)
    assert "no column 'yaer'; did you mean 'year'?" in failed.stderr
    assert "day (timestamp)" in lode("info", tmp_path / "i").stdout
