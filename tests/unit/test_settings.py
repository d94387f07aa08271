"""How the settings of a search are checked and what is taken where they are not given."""

from __future__ import annotations

from typing import Any

import pytest

from motherlode.errors import InputError
from motherlode.retrieval.settings import COARSE, SearchSettings


@pytest.mark.parametrize("refined", [False, True])
@pytest.mark.parametrize("coarse", sorted(COARSE))
@pytest.mark.parametrize("k", [0, 1, 10, 1000, 2**70])
def test_defaults_resolve_for_any_k(k: int, coarse: str, refined: bool) -> None:
    SearchSettings(k, coarse=coarse).native_options(refined)


@pytest.mark.parametrize("name", ["k", "k_centroids", "k_gather", "k_docs_to_score", "k_refine", "beta"])
@pytest.mark.parametrize("value", [-1, 1.5, "7", True])
def test_counts_that_are_none_are_refused_by_name(name: str, value: Any) -> None:
    settings = SearchSettings(**{"k": 10, name: value})
    with pytest.raises(InputError, match=f"{name}={value!r}"):
        settings.native_options(refined=True)


def test_k_must_be_given() -> None:
    with pytest.raises(InputError, match="k=None"):
        SearchSettings(None).native_options(refined=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf"), "0.5"])
def test_an_alpha_that_is_no_share_is_refused(alpha: Any) -> None:
    with pytest.raises(InputError, match="alpha="):
        SearchSettings(10, alpha=alpha).native_options(refined=False)


def test_an_unknown_coarse_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="coarse='graph': choose one of auto, exhaustive, ranges"):
        SearchSettings(10, coarse="graph").native_options(refined=False)


@pytest.mark.parametrize("name", ["k_centroids", "k_gather", "k_docs_to_score", "k_refine", "beta", "alpha"])
def test_zero_is_a_number(name: str) -> None:
    SearchSettings(**{"k": 10, name: 0}).native_options(refined=True)  # type: ignore[arg-type]
