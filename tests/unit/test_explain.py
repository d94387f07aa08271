"""Which query token met which document token, and where that stands in the text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import (
    Explanation,
    Index,
    InputError,
    Match,
    TextSpan,
    TokenVectors,
    UnsupportedError,
    build_index,
    open_index,
)
from motherlode.core.files import read_manifest, write_manifest
from motherlode.retrieval import explain_html
from motherlode.retrieval.layout import MANIFEST


class Words:
    """An encoder in two dimensions: words at spaces and line ends, each one a direction by its length, with markers.

    A document begins with a marker, which has no characters.
    """

    name, dim, config = "words", 2, {"kind": "words"}
    arrays: Mapping[str, Any] = {}

    def _tokens(self, text: str, *, marked: bool) -> tuple[list[list[float]], list[tuple[int, int]]]:
        spans = [(m.start(), m.end()) for m in re.finditer(r"\S+", text)]
        vectors = [[float(e - b), 1.0] for b, e in spans]
        return ([[0.0, 0.25], *vectors], [(0, 0), *spans]) if marked else (vectors, spans)

    def _encoded(self, texts: Sequence[str], *, marked: bool) -> TokenVectors:
        found = [self._tokens(text, marked=marked) for text in texts]
        offsets = np.concatenate([[0], np.cumsum([len(v) for v, _ in found])]).astype(np.int64)
        vectors = np.array([v for rows, _ in found for v in rows], np.float32).reshape(-1, 2)
        spans = np.array([s for _, rows in found for s in rows], np.int32).reshape(-1, 2)
        return TokenVectors(vectors, offsets, None, spans)

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        return self._encoded(texts, marked=True)

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        return self._encoded(texts, marked=False)


class Cutting(Words):
    """One that can cut texts without running its model."""

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        raise UnsupportedError("the model is not here")

    def tokenize(self, texts: Sequence[str]) -> TokenVectors:
        found = self._encoded(texts, marked=True)
        return TokenVectors(np.zeros((0, 2), np.float32), found.offsets, None, found.spans)


def of_texts(path: Path, documents: Sequence[tuple[str, str, str]], **options: Any) -> Index:
    """(id, title, text) of each, encoded as build_text_index does it."""
    whole = [f"{title}\n{text}" if title and text else title or text for _, title, text in documents]
    encoded = Words().encode_documents(whole)
    ids, titles, texts = (list(column) for column in zip(*documents, strict=True))
    return build_index(path, encoded.vectors, encoded.offsets, ids=ids, titles=titles, texts=texts, **options)


# Two query tokens and three document tokens in two dimensions.
#            d0 (1, 0)  d1 (0, 1)  d2 (0, 1)
# q0 (2, 1)      2          1          1       meets d0
# q1 (0, 3)      0          3          3       meets d1, the first of equals
# q2 (0, -1)     0         -1         -1       meets d0, and brings nothing
DOCUMENT = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
QUERY = np.array([[2, 1], [0, 3], [0, -1]], np.float32)


def test_every_query_token_meets_the_document_token_that_is_most_similar(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", DOCUMENT, [0, 3, 3], ids=["a", "empty"])
    found = index.explain(QUERY, "a")
    assert found.matches == (Match(0, 0, 2.0, 0.4), Match(1, 1, 3.0, 0.6), Match(2, 0, 0.0, 0.0))
    assert found.similarities.tolist() == [[2, 1, 1], [0, 3, 3], [0, -1, -1]]
    assert found.similarities.dtype == np.float32
    assert found.score == 5.0
    assert (found.source, found.exact) == ("flat float32", True)
    assert found.doc_weights.tolist() == [0.4, 0.6, 0.0]
    assert (found.query, found.title, found.text) == (None, None, None)
    assert (found.query_tokens, found.doc_tokens, found.query_spans, found.doc_spans) == (None,) * 4


def test_a_negative_similarity_counts_in_the_score_and_has_no_share(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", DOCUMENT[:1], [0, 1], ids=["a"])
    found = index.explain(np.array([[-1, 0], [-2, 0]], np.float32), "a")
    assert found.matches == (Match(0, 0, -1.0, 0.0), Match(1, 0, -2.0, 0.0))
    assert found.score == -3.0
    assert found.doc_weights.tolist() == [0.0]
    assert "-1.000" in found.to_html()


def test_without_tokens_there_are_no_matches(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", DOCUMENT, [0, 3, 3], ids=["a", "empty"])
    for found in (index.explain(QUERY, "empty"), index.explain(np.zeros((0, 2), np.float32), "a")):
        assert (found.matches, found.score) == ((), 0.0)
        assert "no tokens to compare" in found.to_html()
        json.dumps(found.to_dict())


def test_unknown_and_deleted_documents_are_an_input_error(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", DOCUMENT, [0, 2, 3], ids=["a", "b"])
    with index.writer() as w:
        w.delete(["a"])
    for doc_id in ("a", "x"):
        with pytest.raises(InputError, match=f"doc_id: the index has no '{doc_id}'"):
            index.explain(QUERY, doc_id)


def test_codes_are_compared_as_they_decode_and_named(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", DOCUMENT, [0, 3], ids=["a"], kind="compressed", refine_bits=2)
    found = index.explain(QUERY, "a")
    assert (found.source, found.exact) == ("2+2-bit codes", False)
    np.testing.assert_allclose(found.similarities, QUERY @ index.vectors_of("a").vectors.T, atol=1e-6)
    assert found.score == pytest.approx(float(found.similarities.max(axis=1).sum()))


def test_spans_point_into_title_and_text(tmp_path: Path) -> None:
    index = of_texts(tmp_path / "i", [("a", "Größe 🙂x", "naïve café"), ("b", "only", ""), ("c", "", "just text")])
    found = index.explain("aaaaa bb", "a", Words())
    # (0, 0) is the marker; "Größe" has 5 characters, "🙂x" 2
    assert found.doc_spans == (
        None, TextSpan(0, 5, "title"), TextSpan(6, 8, "title"), TextSpan(0, 5, "text"), TextSpan(6, 10, "text"),
    )  # fmt: skip
    assert found.doc_tokens == (None, "Größe", "🙂x", "naïve", "café")
    assert found.query_tokens == ("aaaaa", "bb")
    assert found.query_spans == (TextSpan(0, 5, "query"), TextSpan(6, 8, "query"))
    assert found.query == "aaaaa bb"
    # 5 * 5 + 1 = 26 with the first word of five letters, 2 * 5 + 1 = 11 with the same
    assert [(m.doc_token, m.similarity, m.doc_span) for m in found.matches] == [
        (1, 26.0, TextSpan(0, 5, "title")),
        (1, 11.0, TextSpan(0, 5, "title")),
    ]
    assert index.explain("aa", "b", Words()).doc_spans == (None, TextSpan(0, 4, "title"))
    assert index.explain("aa", "c", Words()).doc_tokens == (None, "just", "text")


def test_an_encoder_that_cuts_texts_need_not_run_its_model(tmp_path: Path) -> None:
    index = of_texts(tmp_path / "i", [("a", "T", "some words")])
    assert index.explain("aa", "a", Cutting()).doc_tokens == (None, "T", "some", "words")


class Other(Words):
    """Cuts into other tokens than those of the index."""

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        return self._encoded([text + " more" for text in texts], marked=True)


class Placeless(Words):
    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        found = self._encoded(texts, marked=True)
        return TokenVectors(found.vectors, found.offsets)

    encode_queries = encode_documents


class Broken(Words):
    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        raise UnsupportedError("the model is not here")


@pytest.mark.parametrize("encoder", [Other(), Placeless(), Broken(), None])
def test_where_places_are_unknown_everything_else_works(tmp_path: Path, encoder: Any) -> None:
    index = of_texts(tmp_path / "i", [("a", "Title", "some words")])
    found = index.explain(QUERY, "a", encoder)
    assert (found.doc_spans, found.doc_tokens) == (None, None)
    assert len(found.matches) == 3
    assert all(match.doc_span is None for match in found.matches)
    assert (found.title, found.text) == ("Title", "some words")
    page = found.to_html()
    assert "token 1" in page
    assert "is not known" in page
    assert "some words" in page


def test_an_index_without_texts_has_no_places(tmp_path: Path) -> None:
    encoded = Words().encode_documents(["some words"])
    index = build_index(tmp_path / "i", encoded.vectors, encoded.offsets, ids=["a"])
    found = index.explain("aa", "a", Words())
    assert found.doc_spans is None
    assert found.query_tokens == ("aa",)
    assert "keeps no text" in found.to_html()


def test_a_question_in_words_needs_an_encoder(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", DOCUMENT, [0, 3], ids=["a"])
    with pytest.raises(UnsupportedError, match=r"knows no encoder; explain with query vectors, or name one"):
        index.explain("why?", "a")


def test_a_manifest_without_the_key_of_an_encoder_is_one_of_an_index_without(tmp_path: Path) -> None:
    build_index(tmp_path / "i", DOCUMENT, [0, 3], ids=["a"], texts=["some text"])
    manifest = read_manifest(tmp_path / "i" / MANIFEST)
    write_manifest(tmp_path / "i" / MANIFEST, {key: value for key, value in manifest.items() if key != "encoder"})
    assert open_index(tmp_path / "i").explain(QUERY, "a").doc_spans is None


def test_to_dict_is_json_and_says_all(tmp_path: Path) -> None:
    index = of_texts(tmp_path / "i", [("a", "Größe", "naïve")])
    found = index.explain("aaaaa", "a", Words())
    content = json.loads(json.dumps(found.to_dict()))
    assert content["matches"] == [
        {
            "query_token": 0,
            "query_text": "aaaaa",
            "query_span": {"begin": 0, "end": 5, "part": "query"},
            "doc_token": 1,
            "doc_text": "Größe",
            "doc_span": {"begin": 0, "end": 5, "part": "title"},
            "similarity": 26.0,
            "share": 1.0,
        }
    ]
    assert content["doc_tokens"] == [None, "Größe", "naïve"]
    assert "similarities" not in content
    assert found.to_dict(with_similarities=True)["similarities"] == [[0.25, 26.0, 26.0]]


class Reader(HTMLParser):
    """What a browser would find: tags with their attributes, and the text that is shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown = ""
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "script", "title") or self._hidden

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False if tag in ("style", "script", "title") else self._hidden

    def handle_data(self, data: str) -> None:
        self.shown += "" if self._hidden else data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


NASTY = '</div><script>alert("1")</script><img src=x onerror=alert(1)> &amp; \'"'


def nasty(path: Path) -> Explanation:
    index = of_texts(path, [(NASTY + "id", NASTY + "title", NASTY + "text")])
    return index.explain(NASTY + "query", NASTY + "id", Words())


def test_the_page_shows_markup_as_text_and_runs_nothing_of_it(tmp_path: Path) -> None:
    found = nasty(tmp_path / "i")
    page = Reader(found.to_html())
    assert len(page.of("script")) == 1  # its own
    assert page.of("img") == []
    for part in ("id", "title", "text", "query"):
        assert NASTY + part in page.shown
    allowed = "aria-label charset class content data-d data-n data-q dir href id lang name scope style tabindex title"
    assert {name for _, attributes in page.tags for name in attributes} <= set(allowed.split())


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = nasty(tmp_path / "i").to_html()
    assert Reader(page).of("link") == []
    assert not re.search(r"https?:|url\(|@import|src=(?!x )", page.replace("src=x", ""))
    assert all((link["href"] or "").startswith("#") for link in Reader(page).of("a"))


def test_every_link_of_the_page_leads_to_a_token_or_a_row_and_ids_are_unique(tmp_path: Path) -> None:
    index = of_texts(tmp_path / "i", [("a", "Größe", "naïve café and then")])
    for found in (index.explain("aaaaa bb cccc", "a", Words()), index.explain(QUERY, "a")):
        page = Reader(found.to_html())
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(set(ids)) == len(ids)
        links = [(link["href"] or "")[1:] for link in page.of("a")]
        assert len(links) == 3
        assert set(links) <= set(ids)


def test_lit_tokens_name_what_met_them_in_words(tmp_path: Path) -> None:
    index = of_texts(tmp_path / "i", [("a", "", "one three")])
    page = Reader(index.explain("ccccc dd", "a", Words()).to_html())
    (mark,) = page.of("mark")
    assert mark["data-n"] == "1,2"
    assert mark["title"] == (
        "1 ccccc → three: similarity 26.000, 70.3% of the score; 2 dd → three: similarity 11.000, 29.7% of the score"
    )
    for words in ("ccccc", "26.000", "70.3%", "score 37.000", "exact, from flat float32"):
        assert words in page.shown


def test_several_tokens_of_the_same_characters_are_one_place(tmp_path: Path) -> None:
    class Twice(Words):
        """As byte-level tokenizers do: two tokens for one character."""

        def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
            return TokenVectors(
                np.eye(2, dtype=np.float32), np.array([0, 2]), None, np.array([[0, 1], [0, 1]], np.int32)
            )

    index = build_index(tmp_path / "i", np.eye(2, dtype=np.float32), [0, 2], ids=["a"], texts=["🙂"])
    page = Reader(index.explain(np.eye(2, dtype=np.float32), "a", Twice()).to_html())
    (mark,) = page.of("mark")
    assert (mark["id"], mark["data-n"]) == ("d0", "1,2")
    assert [link["href"] for link in page.of("a")] == ["#d0", "#d0"]


def test_long_stretches_without_a_match_fold_away_and_nothing_is_lost(tmp_path: Path) -> None:
    text = "aa " * 2000 + "longest-word-of-all " + "bb " * 2000
    index = of_texts(tmp_path / "i", [("a", "", text)])
    page = Reader(index.explain("xxxxxxxxxx", "a", Words()).to_html())
    assert len(page.of("details")) == 2
    assert re.search(r"5,[34]\d\d characters without a match", page.shown)
    assert page.shown.count("aa ") >= 2000
    short = of_texts(tmp_path / "j", [("a", "", "aa " * 300)])
    assert Reader(short.explain("xx", "a", Words()).to_html()).of("details") == []


def test_save_html_writes_utf8_also_where_a_text_has_half_a_character(tmp_path: Path) -> None:
    index = of_texts(tmp_path / "i", [("a", "", "caf\u00e9 \ud83d x")])
    index.explain("aa", "a", Words()).save_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "caf\u00e9" in page
    assert page.startswith("<!doctype html>")


def colours(block: str) -> dict[str, tuple[float, float, float]]:
    found = {}
    for name, value in re.findall(r"--(\w+): (#[0-9a-f]{6}|\d+ \d+ \d+);", block):
        parts = [int(value[i : i + 2], 16) for i in (1, 3, 5)] if value[0] == "#" else [int(v) for v in value.split()]
        found[name] = (parts[0] / 255, parts[1] / 255, parts[2] / 255)
    return found


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """WCAG 2's ratio of two colours."""

    def luminance(colour: Sequence[float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_text_has_enough_contrast_on_every_strength_of_heat_in_light_and_dark() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    light, dark = explain_html._STYLE.split("@media", 1)
    for scheme in (colours(light), colours(dark)):
        for alpha in np.linspace(0, 1, 11).tolist():
            mixed = [alpha * h + (1 - alpha) * p for h, p in zip(scheme["heat"], scheme["page"], strict=True)]
            assert contrast(scheme["ink"], mixed) >= 4.5
        assert contrast(scheme["muted"], scheme["page"]) >= 4.5
        for name in ("edge", "on"):  # lines and bars
            assert contrast(scheme[name], scheme["page"]) >= 3
