"""The extractor on pages that its patterns were not written on."""

from __future__ import annotations

import pytest

from bench.timeqa_extraction import evaluate
from bench.workloads.timeqa_pages import load_timeqa
from motherlode.nuggets.extraction.offline import OfflineExtractor


def test_held_out_pages_of_timeqa_are_answered() -> None:
    try:
        pages = [page for page in load_timeqa() if not page.is_dev][:40]
    except FileNotFoundError as error:
        pytest.skip(f"the shared data of TimeQA are not here: {error.filename}")
    extractor = OfflineExtractor()
    claims = {page.document.id: extractor.extract(page.document) for page in pages}
    for page in pages:
        for claim in claims[page.document.id]:
            assert claim.span is not None
            assert page.document.text[claim.span[0] : claim.span[1]] == claim.text
    halves, _ = evaluate(pages, claims, 0.0)
    score = halves["held out"]
    assert score.n > 100
    assert score.page >= 0.35 * score.n  # of answerable questions, the answer among a page's ten best; .49 of all pages
