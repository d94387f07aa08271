"""A person asks why a document was found, in the terminal, as data and as a page."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.command_line import LODE, TOPICS, environment, lode, write_corpus

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")

QUESTION = "how do I bake a loaf?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The topics, compressed, with the vectors kept."""
    folder = tmp_path_factory.mktemp("corpus")
    corpus = write_corpus(folder / "topics.jsonl")
    lode("index", corpus, "--out", folder / "index", "--kind", "compressed", "--keep-vectors")
    return folder / "index"


def test_info_shows_that_vectors_are_kept(index: Path) -> None:
    assert re.search(r"vectors +kept as float16, [\d.]+ kB, beside the codes", lode("info", index).stdout)
    assert json.loads(lode("info", index, "--json").stdout)["keep_vectors"] == "float16"


def test_without_colours_brackets_and_numbers_say_which_word_met_which(index: Path) -> None:
    done = lode("explain", index, QUESTION, "bread")
    assert done.stdout.startswith("Bread  bread\n")
    assert re.search(r"^score \d\.\d{3}, exact, from kept float16$", done.stdout, re.MULTILINE)
    assert "[loaf]⁷" in done.stdout  # the seventh token: how do I ba ke a loaf ?
    row = next(line for line in done.stdout.splitlines() if line.split()[:2] == ["7", "loaf"])
    assert re.fullmatch(r" ?7  loaf +loaf +0\.\d{3} +\d+\.\d% +█+", row.rstrip())
    assert "ba  (bake)" in done.stdout
    assert "\x1b[" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_terminal_gets_colours_and_no_brackets(index: Path) -> None:
    variables = {**environment(), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    del variables["NO_COLOR"]
    done = subprocess.run(
        [*LODE, "explain", str(index), QUESTION, "bread"], capture_output=True, encoding="utf-8", env=variables,
        timeout=120, check=True,
    )  # fmt: skip
    assert re.search("\x1b\\[[0-9;]+mloaf\x1b\\[0m⁷", done.stdout)
    assert "[loaf]" not in done.stdout


def test_json_has_spans_that_cut_the_tokens_out_of_title_and_text(index: Path) -> None:
    found = json.loads(lode("explain", index, QUESTION, "bread", "--json").stdout)
    assert found["text"] == TOPICS["bread"]
    assert found["query_tokens"] == ["how", "do", "I", "ba", "ke", "a", "loaf", "?"]
    for match in found["matches"]:
        span = match["doc_span"]
        assert found[span["part"]][span["begin"] : span["end"]] == match["doc_text"]
    assert found["doc_spans"][0] == {"begin": 0, "end": 5, "part": "title"}
    assert found["doc_spans"][1] == {"begin": 0, "end": 2, "part": "text"}  # "Kn" of "Knead"
    assert found["score"] == pytest.approx(sum(match["similarity"] for match in found["matches"]))
    best = max(found["matches"], key=lambda match: match["similarity"])
    assert best["query_text"] == best["doc_text"] == "loaf"


def test_html_is_written_beside_what_is_printed(index: Path, tmp_path: Path) -> None:
    done = lode("explain", index, QUESTION, "bread", "--html", tmp_path / "why.html")
    assert "[loaf]⁷" in done.stdout
    assert f"wrote {tmp_path / 'why.html'}" in done.stderr
    page = (tmp_path / "why.html").read_text("utf-8")
    assert ">loaf</mark>" in page
    done = lode("explain", index, QUESTION, "bread", "--html", tmp_path / "no" / "why.html", code=2)
    assert "cannot be written (No such file or directory)" in done.stderr


def test_only_what_was_met_of_a_long_text_is_shown_unless_asked_for_all(tmp_path: Path) -> None:
    filler = "Nothing of interest happens here for quite some time. " * 12
    text = f"{filler}Bake the loaf. {filler}"
    (tmp_path / "one.jsonl").write_text(json.dumps({"id": "long", "text": text}) + "\n", "utf-8")
    lode("index", tmp_path / "one.jsonl", "--out", tmp_path / "i", "--passage-tokens", 0, "--quiet")
    printed = (lode("explain", tmp_path / "i", "loaf", "long", *more).stdout for more in ([], ["--full"]))
    short, full = (" ".join(text.split()) for text in printed)
    assert "[loaf]¹" in short
    assert "[loaf]¹" in full
    assert "…" in short
    assert full.count("Nothing of interest") == 24 > 6 >= short.count("Nothing of interest")


def test_mistakes_are_one_line(index: Path) -> None:
    done = lode("explain", index, QUESTION, "pizza", code=2)
    assert "error: doc_id: the index has no 'pizza'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Missing argument" in lode("explain", index, QUESTION, code=2).stderr


def test_an_index_of_vectors_alone_asks_for_an_encoder(tmp_path: Path) -> None:
    import numpy as np

    from motherlode import build_index

    build_index(tmp_path / "i", np.eye(4, dtype=np.float32), [0, 4], ids=["a"])
    assert "--encoder" in lode("explain", tmp_path / "i", QUESTION, "a", code=2).stderr
