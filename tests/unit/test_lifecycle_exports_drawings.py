"""Mermaid, DOT and Markdown: what is shown, what is said to be hidden, and names that would like to be more."""

from __future__ import annotations

import html
import re

import pytest

from motherlode.lifecycle.exports import export
from motherlode.lifecycle.exports.diagrams import _COLOURS, _PLAIN, _TARGET
from motherlode.lifecycle.exports.layers import layers_of
from motherlode.lifecycle.exports.picture import Picture, picture_of
from motherlode.lifecycle.exports.words import counted, one_line
from motherlode.lifecycle.record import Edge, Observation
from motherlode.lifecycle.uris import make_uri
from tests.lifecycle_exports_world import AMOUNT, CHAMPION, FEATURE, HOSTILE, VERSION, fan, hostile, world

_LINE = re.compile(
    r"flowchart LR|  classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#111111"
    r'|  n\d+\["[^"\[\]{}|`<>]*(?:<br/>[^"\[\]{}|`<>]*)*"\]:::[a-z]+|  n\d+ (?:-->|-\.->)\|"[^"|]*"\| n\d+'
    r'|  note\d+\(\["[^"\[\]{}|`<>]*"\]\)|  style note\d+ [a-z0-9:#, -]+'
)


def _mermaid_label(label: str) -> str:
    """What Mermaid shows: its entities are HTML's with another sign."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", label))


def test_mermaid_draws_the_change_what_it_affects_and_every_edge_between() -> None:
    text = export(world().impact(FEATURE), "mermaid")
    assert 'n0["feature<br/>orders.amount_7d<br/>drop"]:::target' in text
    assert 'n3["model<br/>ranking<br/>BREAKS · owner: alice"]:::breaks' in text
    assert 'n0 -.->|"input_of (0.90)"| n1' in text
    assert 'n2 -->|"has_feature"| n0' in text
    assert "not shown" not in text
    assert [line for line in text.splitlines() if not _LINE.fullmatch(line)] == []


def test_mermaid_has_no_line_that_a_hostile_name_made() -> None:
    text = export(world(hostile()).impact("feature:source"), "mermaid")
    assert [line for line in text.splitlines() if not _LINE.fullmatch(line)] == []
    labels = re.findall(r'"model<br/>(.*?)<br/>', text)
    shown = {_mermaid_label(label) for label in labels}
    assert '"]; click n0 "javascript:alert(1)" %% {{x}} #quot; `code` end' in shown
    assert 'back\\slash "quoted" \\N &lt; <!-- --> -->' in shown
    assert "gnp.elttil größe 訂單 [31mred ]0;title 5m" in shown  # nothing that turns or colours


def _dot_tokens(text: str) -> list[str]:
    """DOT's own lexing: quoted strings, identifiers, signs; anything else is a mistake."""
    token = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[A-Za-z_0-9.]+|[{}\[\];=,])', re.DOTALL)
    at, found = 0, []
    text = text.strip()
    while at < len(text):
        match = token.match(text, at)
        assert match, text[at : at + 60]
        found.append(match[1])
        at = match.end()
    return found


def test_dot_lexes_as_nodes_and_arrows_whatever_the_names_hold() -> None:
    tokens = _dot_tokens(export(world(hostile()).impact("feature:source"), "dot"))
    assert [token for token in tokens if re.fullmatch(r"n\d+", token)].count("n0") == 1 + len(HOSTILE)
    assert tokens.count("->") == len(HOSTILE)
    words = {token for token in tokens if not token.startswith('"') and re.match(r"[A-Za-z]", token)}
    assert {word for word in words if not re.fullmatch(r"n\d+", word)} == {
        *(
            "digraph",
            "lifecycle",
            "rankdir",
            "LR",
            "label",
            "labelloc",
            "t",
            "fontname",
            "node",
            "shape",
            "box",
            "style",
        ),
        *("fontsize", "fontcolor", "edge", "color", "tooltip", "fillcolor", "penwidth", "dashed"),
    }
    named = next(token for token in tokens if "back" in token and token.startswith('"model'))
    assert named.startswith(r'"model\nback\\slash \"quoted\" \\N &amp;lt; <!-- --> -->\nBREAKS')


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_a_drawing_that_hides_components_has_a_node_that_counts_them_by_depth(form: str) -> None:
    report = world(fan([30, 60, 90])).impact("feature:root")
    text = export(report, form, n_max=40)
    assert "140 more are not shown: 50 at depth 2, 90 at depth 3" in text
    assert len(re.findall(r"^  n\d+ ?\[", text, re.MULTILINE)) == 41  # the change, all of depth 1, ten of depth 2
    assert "not shown" not in export(report, form, n_max=180)


def test_what_connects_the_shown_components_is_shown_where_only_some_types_were_asked_for() -> None:
    picture = picture_of(world().downstream(AMOUNT, types=["model", "deployment"]), 1)
    assert [(node.name, node.depth) for node in picture.nodes] == [
        *[("orders.amount", 0), ("ranking", 4), ("orders.amount_7d", 1), ("orders.amount_7d", 2), ("ranking@v5", 3)]
    ]
    assert picture.n_hidden == {4: 1}  # the deployment
    _paths_lead_from_the_target(picture)


def test_every_path_of_a_drawing_leads_from_the_change_to_its_component() -> None:
    for n_max in (1, 3, 100):
        _paths_lead_from_the_target(picture_of(world().impact(AMOUNT), n_max))


def test_an_edge_that_ends_between_the_answer_and_its_drawing_is_still_the_evidence() -> None:
    graph = world()
    report = graph.impact(FEATURE)
    assert len(report.rows) == 4
    graph.add([Observation(VERSION, version=50)])  # the signature no longer names the feature
    picture = picture_of(report, 100)
    _paths_lead_from_the_target(picture)
    assert {arrow.relation for arrow in picture.arrows if arrow.on_path} >= {"input_of", "current_of"}


def _paths_lead_from_the_target(picture: Picture) -> None:
    assert picture.nodes[0].is_target
    for number, node in enumerate(picture.nodes):
        at = 0
        for place, along in node.path:
            arrow = picture.arrows[place]
            assert at == (arrow.source if along else arrow.target)
            at = arrow.target if along else arrow.source
        assert at == number or not node.path


def test_an_upstream_drawing_has_arrows_in_the_datas_direction() -> None:
    picture = picture_of(world().upstream(CHAMPION), 100)
    arrows = {(picture.nodes[a.source].uri, a.relation, picture.nodes[a.target].uri) for a in picture.arrows}
    assert (VERSION, "deployed_as", CHAMPION) in arrows
    assert (FEATURE, "input_of", VERSION) in arrows
    assert picture.title == "What deployment:ranking@champion is made from"


def test_a_graphs_drawing_prefers_components_with_many_edges_and_counts_the_rest() -> None:
    picture = picture_of(world(), 4)
    assert {node.name for node in picture.nodes} == {  # six edges, and four each
        *("shop.public.orders", "orders.parquet", "orders.amount_7d", "ranking@v5"),
    }
    assert {node.type for node in picture_of(world(), 100).nodes} & {"user", "team", "tag"} == set()
    assert picture.hidden_words() == "7 more are not shown"
    assert picture_of(world(), 100).hidden_words() == ""
    weak = world().as_of(min_confidence=0.95)
    assert {arrow.relation for arrow in picture_of(weak, 100).arrows} & {"input_of"} == set()


def test_layers_grow_along_arrows_and_cycles_end() -> None:
    assert layers_of(4, [(0, 1), (1, 2), (0, 2), (2, 3)]) == [0, 1, 2, 3]
    assert layers_of(3, [(0, 1), (1, 2), (2, 0)]) == [0, 1, 2]
    assert layers_of(3, [(2, 1), (1, 0), (0, 0)]) == [2, 1, 0]
    assert layers_of(2, []) == [0, 0]
    assert layers_of(50_000, [(at, at + 1) for at in range(49_999)])[-1] == 49_999


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_ink_on_every_fill_has_a_contrast_above_seven() -> None:
    ink = _luminance("#111111")
    for fill, _ in (*_COLOURS.values(), _TARGET, _PLAIN):
        assert (_luminance(fill) + 0.05) / (ink + 0.05) > 7, fill


def test_markdown_begins_with_what_breaks_and_names_owners_and_evidence() -> None:
    text = export(world().impact(AMOUNT), "markdown")
    assert text.startswith(
        "## Dropping column:orders.amount breaks 1 column, 1 deployment, 1 feature and 2 other types of component. "
        "Also 3 reached without harm.\n"
    )
    assert "### BREAKS: 5 components broken" in text
    assert "| `model` | `ranking` | `alice` | 4 | 0.90 |" in text
    assert "**Owners to ask:** `alice` (1)" in text
    assert (
        "`column:orders.amount` –derives→ `orders.amount_7d` –feeds→ `orders.amount_7d` –input_of→ `ranking@v5`" in text
    )
    assert f"`{FEATURE}` input_of `{VERSION}` (`python`, confidence 0.90): `signature`" in text
    assert "nothing is known to be missing" in text


def test_an_answer_calls_its_target_what_the_source_calls_it_and_merged_addresses_once() -> None:
    first, second = make_uri("dataset", "x", "db/T_0017"), make_uri("dataset", "y", "t0017")
    orders = [Observation(uri, version=1, attributes={"name": "orders"}) for uri in (first, second)]
    graph = world([*orders, Observation(first, "same", 1, edges=(Edge(first, "same_as", second),))])
    report = graph.impact(first)
    assert set(report.targets) == {first, second}
    assert export(report, "markdown").startswith("## Dropping dataset:orders reaches nothing that is known here.")
    assert picture_of(report, 9).title == "Dropping dataset:orders: what is affected"
    assert picture_of(graph.upstream(second), 9).title == "What dataset:orders is made from"


def test_markdown_mentions_owners_only_when_asked_and_only_names_that_are_handles() -> None:
    report = world().impact(FEATURE)
    assert "@alice" not in export(report, "markdown")
    assert "@alice (1)" in export(report, "markdown", mention=True)
    hostile_report = export(world(hostile()).impact("feature:source"), "markdown", mention=True)
    assert not re.search(r"(?<!`)@everyone", re.sub(r"(`+).*?\1", "", hostile_report))


def test_no_hostile_name_leaves_its_code_span_or_its_cell() -> None:
    text = export(world(hostile()).impact("feature:source"), "markdown")
    rows = [line for line in text.splitlines() if line.startswith("| `model`")]
    assert len(rows) == len(HOSTILE)
    for row in rows:
        cells = re.split(r"(?<!\\)\|", row)
        assert len(cells) == 7, row
        for cell in cells[1:4]:
            assert re.fullmatch(r" (`+)(?!`).*(?<!`)\1 ", cell), cell
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"<script|<img|\*\*bold|javascript|\x1b|\u202e", outside)


def test_markdown_of_many_says_how_many_are_not_listed() -> None:
    text = export(world(fan([200])).impact("feature:root"), "markdown")
    assert "### BREAKS: 200 components broken" in text
    assert len([line for line in text.splitlines() if line.startswith("| `dataset`")]) == 50
    assert "_150 rows more not listed here; the CSV and JSON exports have all._" in text
    assert "200 affected components without a known owner" in text


def test_words_have_their_plurals() -> None:
    assert [counted(n, noun) for n, noun in ((1, "model"), (2, "feature_view"), (3, "ab_test"), (2, "index"))] == [
        *("1 model", "2 feature views", "3 ab tests"),
        "2 indexes",
    ]
    assert counted(2, "entity") == "2 entities"


def test_a_reader_of_markdown_finds_the_names_as_code_and_no_html_of_theirs() -> None:
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    tokens = reader.parse(export(world(hostile()).impact("feature:source"), "markdown"))
    blocks = [token.content.strip() for token in tokens if token.type == "html_block"]
    assert all(re.fullmatch(r"<details><summary>[\w: ]+</summary>|</details>", block) for block in blocks), blocks
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
    code = {child.content for child in inline if child.type == "code_inline"}
    assert {one_line(name) for name in HOSTILE} <= code
    assert not [child.content for child in inline if child.type == "text" and "javascript" in child.content]
