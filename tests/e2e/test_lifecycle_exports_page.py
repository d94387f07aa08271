"""The page of a lifecycle graph in a real browser: it loads nothing, obeys no name, and shows what one asks for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from motherlode.lifecycle.exports import export
from tests.e2e.browser import MissingBrowserError, Page, opened_page
from tests.lifecycle_exports_world import AMOUNT, CHAMPION, FEATURE, HOSTILE, MODEL, fan, hostile, world

ROOT = Path(__file__).resolve().parents[2]
STATUS = "document.getElementById('status').textContent"
DETAILS = "document.getElementById('details').innerText"


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    try:
        with opened_page() as page:
            yield page
    except MissingBrowserError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    browser.requests.clear()
    browser.errors.clear()
    yield browser
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith("file:///")] == []
    assert len({url.partition("#")[0] for url in browser.requests}) <= 1


def _written(folder: Path, text: str) -> Path:
    (folder / "graph.html").write_text(text, "utf-8")
    return folder / "graph.html"


def _click(page: Page, name: str) -> None:
    page.run(
        f"[...document.querySelectorAll('.node')].find(g => g.getAttribute('aria-label').startsWith({name!r}))"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )


def test_a_click_shows_details_the_path_from_the_change_and_neighbours_both_ways(page: Page, tmp_path: Path) -> None:
    page.open(_written(tmp_path, export(world().impact(AMOUNT), "html")))
    assert page.run("document.title") == "Dropping column:orders.amount: what is affected"
    assert page.run(STATUS) == "9 of 9 shown"
    _click(page, "ranking@champion")
    shown = page.run(DETAILS)
    assert CHAMPION in shown
    assert "deployment · BREAKS · depth 4" in shown
    steps = page.run("[...document.querySelectorAll('#details .path li')].map(li => li.innerText.split('\\n')[0])")
    assert steps == [
        "orders.amount derives orders.amount_7d",
        "orders.amount_7d feeds orders.amount_7d",
        "orders.amount_7d input_of ranking@v5",
        "ranking@v5 deployed_as ranking@champion",
    ]
    assert "confidence 0.90: signature" in shown
    assert page.run("document.querySelectorAll('.arrow.on').length") == 4
    page.run("document.querySelector('#details ul button').click()")  # directly upstream: ranking@v5
    assert page.run("document.querySelector('#details h2').textContent") == "ranking@v5"
    _click(page, "ranking,")
    assert "alice" in page.run(DETAILS)


def test_a_fragment_opens_the_page_at_a_component(page: Page, tmp_path: Path) -> None:
    page.open(_written(tmp_path, export(world().impact(FEATURE), "html")), quote(MODEL))
    assert page.run("document.querySelector('#details h2').textContent") == "ranking"


def test_names_with_tags_and_scripts_are_only_names(page: Page, tmp_path: Path) -> None:
    text = export(world(hostile()).impact("feature:source"), "html")
    assert text.count("</script>") == 2  # of the data and of the page's own script
    page.open(_written(tmp_path, text))
    assert page.run("document.title") == "Dropping feature:source: what is affected"
    assert page.run("document.querySelectorAll('script').length") == 2
    assert page.run("document.querySelectorAll('img, iframe, a, object').length") == 0
    for at in range(len(HOSTILE)):
        page.run(f"select({at} + 1)")
        assert page.run("[...document.querySelectorAll('#details dd')].map(dd => dd.textContent)[0]") in HOSTILE
    names = page.run("nodes.map(node => node.attributes.note).filter(Boolean)")
    assert sorted(names) == sorted(HOSTILE)


def test_five_thousand_nodes_are_folded_counted_searched_and_unfolded(page: Page, tmp_path: Path) -> None:
    page.open(_written(tmp_path, export(world(fan([300, 1500, 3199])).impact("feature:root"), "html")))
    assert page.run("nodes.length") == 5000
    assert page.run(STATUS) == "15 of 5,000 shown · 4,985 hidden, folded"
    pills = "[...document.querySelectorAll('.more')].map(g => g.getAttribute('aria-label'))"
    assert page.run(pills) == [
        "286 hidden at depth 1: show more",
        "1,500 hidden at depth 2: show more",
        "3,199 hidden at depth 3: show more",
    ]
    page.run("document.querySelector('[data-more=\"1\"]').dispatchEvent(new MouseEvent('click'))")
    assert page.run(STATUS) == "75 of 5,000 shown · 4,925 hidden, folded"
    page.run("document.getElementById('search').focus()")
    page.run("element('search').value = 'd3/03111'; element('search').dispatchEvent(new Event('input'))")
    assert page.run("document.querySelectorAll('#found button').length") == 1
    page.run("document.querySelector('#found button').click()")
    assert page.run("document.querySelector('#details h2').textContent") == "03111"
    assert page.run("document.querySelectorAll('.arrow.on').length") == 3  # its whole path came with it
    took = page.run("(() => { const t = performance.now(); redraw(); return performance.now() - t })()")
    assert took < 1000, f"a redraw took {took} ms"


def test_filters_say_how_many_they_hide(page: Page, tmp_path: Path) -> None:
    page.open(_written(tmp_path, export(world().impact(AMOUNT), "html")))
    page.run("document.querySelector('[data-key=\"severity MASKED\"]').click()")
    assert page.run(STATUS) == "6 of 9 shown · 3 hidden by filters"
    page.run("element('depth').value = 1; element('depth').dispatchEvent(new Event('input'))")
    assert page.run(STATUS) == "2 of 9 shown · 7 hidden by filters"
    page.run(f"select(nodes.findIndex(node => node.uri === {CHAMPION!r}))")  # what one asks for is shown, with its path
    assert page.run("document.querySelectorAll('.arrow.on').length") == 4


def test_the_keyboard_reaches_everything(page: Page, tmp_path: Path) -> None:
    page.open(_written(tmp_path, export(world().impact(FEATURE), "html")))
    page.run("document.querySelector('.node.target').focus()")
    page.press("ArrowRight")
    assert page.run("document.activeElement.getAttribute('aria-label')").startswith("orders, feature_view")
    page.press("ArrowDown")
    page.press("ArrowRight")
    focused = page.run("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith("ranking")
    page.press("Enter")
    assert focused.startswith(page.run("document.querySelector('#details h2').textContent"))
    assert page.run("document.activeElement.getAttribute('aria-label')") == focused  # the focus stays where it was
    page.press("Escape")
    assert "Select a node" in page.run(DETAILS)
    page.press("/")
    assert page.run("document.activeElement.id") == "search"
    before = page.run("camera.k")
    page.run("document.activeElement.blur()")
    page.press("+")
    assert page.run("camera.k") > before


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_every_severity_is_legible_in_light_and_dark(page: Page, tmp_path: Path, scheme: str) -> None:
    page.open(_written(tmp_path, export(world().impact(FEATURE), "html")))
    page.prefer(scheme)
    for severity in ("breaks", "degrades", "stale", "inform", "masked", ""):
        fill, ink, small = page.run(
            "(() => { const g = document.querySelectorAll('.node')[1]; "
            f"g.setAttribute('class', 'node {severity}'); const of = (e, p) => getComputedStyle(e)[p]; "
            "return [of(g.querySelector('rect'), 'fill'), of(g.querySelectorAll('text')[1], 'fill'), "
            "of(g.querySelector('.kind'), 'fill')] })()"
        )
        for text in (ink, small):
            high, low = sorted((_luminance(fill), _luminance(text)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (severity, fill, text)
    page.prefer("")


def test_the_whole_graph_and_an_upstream_answer_have_pages_too(page: Page, tmp_path: Path) -> None:
    page.open(_written(tmp_path, export(world(), "html")))
    assert page.run(STATUS) == "11 of 11 shown"
    page.open(_written(tmp_path, export(world().upstream(CHAMPION), "html")))
    x = "(name => places.get(nodes.findIndex(node => node.name === name)).x)"
    assert page.run(f"{x}('ranking@champion') > {x}('ranking@v5')")  # data flows from left to right
    assert page.run("document.title") == "What deployment:ranking@champion is made from"


def test_the_same_picture_is_the_same_page(tmp_path: Path) -> None:
    first, second = (export(world(fan([5, 9])).impact("feature:root"), "html") for _ in range(2))
    assert first == second


def test_the_screenshot_command_writes_a_picture(tmp_path: Path, browser: Page) -> None:
    page = _written(tmp_path, export(world().impact(FEATURE), "html"))
    script = str(ROOT / "scripts" / "lifecycle-screenshot")
    command = [sys.executable, script, str(page), str(tmp_path / "graph.png"), "--at", CHAMPION]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == f"wrote {tmp_path / 'graph.png'}"
    picture = (tmp_path / "graph.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20]) > 1000  # pixels wide
