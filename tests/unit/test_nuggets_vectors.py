"""The index of facts beside a store: brought up to date, fused with words, and purged of what is erased."""

from __future__ import annotations

from pathlib import Path

import pytest

import motherlode
from motherlode import Claim, InputError
from motherlode.workflows.nugget_vectors import NuggetVectors
from tests.unit.test_text_index import WordEncoder

CLAIMS = [
    Claim("Apple", "ceo", "Steve Jobs", valid_from="1997", valid_to="2011", source="a"),
    Claim("Apple", "ceo", "Zebediah Whisper", valid_from="2011", source="b"),
    Claim("Zoo", "ceo", "Tim Cook", valid_from="2011", source="a"),
]


def _bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def test_late_interaction_ranks_beside_words_once_it_is_up_to_date(tmp_path: Path) -> None:
    with motherlode.open_nuggets(tmp_path / "f.db", encoder=WordEncoder()) as store:
        store.assert_claims(CLAIMS)
        [hit] = store.ask("apple: chief", valid_at="2005", k=1)
        assert set(hit.parts) == {"lexical"}
        assert store.update_vectors() == 3
        [hit] = store.ask("apple: chief", valid_at="2005", k=1)
        assert hit.nugget.object == "Steve Jobs"
        assert set(hit.parts) == {"lexical", "vectors"}
        assert store.update_vectors() == 0


@pytest.mark.parametrize("with_encoder", [True, False])
def test_erasing_leaves_no_byte_in_the_index_whether_or_not_the_store_was_opened_with_an_encoder(
    tmp_path: Path, *, with_encoder: bool
) -> None:
    with motherlode.open_nuggets(tmp_path / "f.db", encoder=WordEncoder()) as store:
        store.assert_claims(CLAIMS)
        store.update_vectors()
    assert b"Whisper" in _bytes_of(tmp_path)
    with motherlode.open_nuggets(tmp_path / "f.db", encoder=WordEncoder() if with_encoder else None) as store:
        assert (store.vectors is not None) == with_encoder
        certificate = store.erase("b", actor="dpo")
        assert not certificate.bytes_left
    assert b"Whisper" not in _bytes_of(tmp_path)
    assert b"Tim Cook" in _bytes_of(tmp_path / "f.db.vectors")
    with motherlode.open_nuggets(tmp_path / "f.db", encoder=WordEncoder()) as store:
        store.update_vectors()
        assert [hit.nugget.object for hit in store.ask("apple: chief zebediah", valid_at="2005", k=3)] == ["Steve Jobs"]


def test_a_certificate_says_when_another_process_keeps_old_bytes_in_the_index(tmp_path: Path) -> None:
    with motherlode.open_nuggets(tmp_path / "f.db", encoder=WordEncoder()) as store:
        store.assert_claims(CLAIMS)
        store.update_vectors()
        index = motherlode.open_index(tmp_path / "f.db.vectors" / "index")
        with index.writer():
            assert store.erase("b", actor="dpo").bytes_left
        assert b"Whisper" in _bytes_of(tmp_path / "f.db.vectors")
        store.update_vectors()
    assert b"Whisper" not in _bytes_of(tmp_path)


def test_an_index_elsewhere_is_purged_where_it_is_named(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    with motherlode.open_nuggets(tmp_path / "f.db", encoder=WordEncoder(), vectors=place) as store:
        store.assert_claims(CLAIMS)
        store.update_vectors()
    with motherlode.open_nuggets(tmp_path / "f.db", vectors=place) as store:
        store.erase("b")
    assert b"Whisper" not in _bytes_of(tmp_path)


def test_a_store_without_encoder_makes_no_index_and_says_so(tmp_path: Path) -> None:
    with motherlode.open_nuggets(tmp_path / "f.db") as store:
        store.assert_claims(CLAIMS)
        store.erase("b")
        assert not (tmp_path / "f.db.vectors").exists()
        with pytest.raises(InputError, match="without an encoder"):
            store.update_vectors()
        with pytest.raises(InputError, match="built with an encoder"):
            NuggetVectors(store, tmp_path / "v").advance()
    with pytest.raises(InputError, match="name a folder"):
        motherlode.open_nuggets(":memory:", encoder=WordEncoder())
