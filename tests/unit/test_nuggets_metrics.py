"""Measures of a context, against counts by hand."""

from __future__ import annotations

from math import log2

import pytest

from motherlode.core.time import Interval, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.answers import Answer, count_tokens, cut, is_said, normalize_answer
from motherlode.nuggets.metrics import (
    Measured,
    bootstrap_difference,
    bootstrap_interval,
    chain_completeness,
    clear_recall,
    conflict_transparency,
    context_tokens,
    has_conflict,
    mentions,
    ndcg,
    nugget_recall,
    temporal_correctness,
    temporal_faithfulness,
    wilson_interval,
)


def during(start: str | None, end: str | None = None) -> Interval:
    return Interval(
        None if start is None else parse_partial_date(start), None if end is None else parse_partial_date(end)
    )


def window(first: str, last: str) -> tuple[int, int]:
    return parse_partial_date(first).earliest, parse_partial_date(last).earliest


def answers(*texts: str) -> list[Answer]:
    return [Answer(text) for text in texts]


CONTEXT = answers("Jobs led Apple until 2011.", "The weather was fine.", "Cook and Ive worked with Jobs.")


def test_answers_are_compared_without_case_signs_and_articles() -> None:
    assert normalize_answer("The I.O.I") == normalize_answer("i . o . i") == "i o i"
    assert normalize_answer("L'Oiseau  Bleu") == normalize_answer("LOiseau Bleu")
    assert is_said("Newton D . Baker", Answer("Mayor Newton D. Baker, of Cleveland"))


def test_a_value_is_said_only_as_whole_words() -> None:
    assert not is_said("Page", Answer("Pages of history"))
    assert not is_said("...", Answer("anything"))


def test_tokens_are_words_and_signs() -> None:
    assert count_tokens("Cook, CEO since 2011.") == 6
    assert Answer("Cook, CEO since 2011.").tokens == 6
    assert Answer("Cook", tokens=9).tokens == 9


def test_recall_is_the_share_of_right_values_that_are_said() -> None:
    assert nugget_recall(CONTEXT, ["Cook", "Forstall"]) == 0.5
    assert nugget_recall(CONTEXT, ["Cook"], k=2) == 0.0  # it stands in the third item
    assert nugget_recall(CONTEXT, []) is None


def test_dated_recall_counts_only_items_that_may_hold_then() -> None:
    found = [Answer("Cook is CEO of Apple", during("2011-08-24")), Answer("Jobs was CEO of Apple")]
    assert nugget_recall(found, ["Cook"], within=window("2015", "2016")) == 1.0
    assert nugget_recall(found, ["Cook"], within=window("2005", "2006")) == 0.0
    assert nugget_recall(found, ["Jobs"], within=window("2005", "2006")) == 0.0, "its time is not known"


def test_an_interval_of_which_nothing_is_known_is_no_date() -> None:
    assert nugget_recall([Answer("Cook", Interval())], ["Cook"], within=window("2015", "2016")) == 0.0


def test_clear_recall_wants_an_item_that_states_no_rival() -> None:
    assert clear_recall(mentions(CONTEXT, ["Cook"], ["Jobs"]), ["Cook"]) == 0.0
    assert clear_recall(mentions(CONTEXT, ["Jobs"], ["Cook"]), ["Jobs"]) == 1.0, "the first item is clear"
    assert clear_recall(mentions(CONTEXT, [], ["Cook"]), []) is None


def test_a_context_is_cut_inside_the_item_that_no_longer_fits() -> None:
    assert [a.text for a in cut(CONTEXT, 8)] == ["Jobs led Apple until 2011.", "The weather"]
    assert [a.tokens for a in cut(CONTEXT, 8)] == [6, 2]
    assert cut(CONTEXT, 6) == CONTEXT[:1]
    assert cut(CONTEXT, 100) == CONTEXT


def test_temporal_correctness_counts_mentions() -> None:
    # Jobs twice and Cook once: asked for 2015, one of three mentions is right.
    assert temporal_correctness(mentions(CONTEXT, ["Cook"], ["Jobs"])) == pytest.approx(1 / 3)
    assert temporal_correctness(mentions(CONTEXT, ["Jobs"], ["Cook"])) == pytest.approx(2 / 3)


def test_a_context_that_says_nothing_of_the_key_has_no_temporal_correctness() -> None:
    assert temporal_correctness(mentions(CONTEXT[1:2], ["Cook"], ["Jobs"])) is None


def test_a_conflict_needs_two_values_of_which_one_is_wrong() -> None:
    assert has_conflict(mentions(CONTEXT, ["Cook"], ["Jobs"]))
    assert not has_conflict(mentions(CONTEXT[:1], ["Cook"], ["Jobs"])), "one wrong value contradicts nobody"
    assert has_conflict(mentions(CONTEXT, [], ["Cook", "Jobs"])), "two wrong ones contradict each other"
    assert not has_conflict(mentions(CONTEXT, ["Cook", "Ive"], [])), "two right ones stand together"


def test_context_tokens_are_those_of_the_first_k() -> None:
    assert context_tokens(CONTEXT, k=2) == 6 + 5


def test_ndcg_discounts_the_first_mention_of_each_value() -> None:
    # Jobs at rank 1, Cook at rank 3, the ideal at ranks 1 and 2.
    expected = (1 + 1 / log2(4)) / (1 + 1 / log2(3))
    assert ndcg(CONTEXT, ["Jobs", "Cook"]) == pytest.approx(expected)
    assert ndcg(CONTEXT, ["Jobs"]) == 1.0
    assert ndcg(CONTEXT, ["Forstall"]) == 0.0
    assert ndcg(CONTEXT, []) is None


def test_ndcg_never_passes_one() -> None:
    assert ndcg(answers("Jobs and Cook"), ["Jobs", "Cook"]) == 1.0


def test_a_claim_is_faithful_if_an_item_of_the_asked_time_supports_it() -> None:
    context = [Answer("Jobs is CEO of Apple", during("1997", "2011-08-24")), Answer("Cook is CEO of Apple")]
    claims = ["Jobs was the CEO of Apple.", "Cook is Apple's CEO."]
    assert temporal_faithfulness(claims[:1], context, window("2005", "2006")) == 1.0
    assert temporal_faithfulness(claims[:1], context, window("2015", "2016")) == 0.0
    assert temporal_faithfulness(["Cook was CEO of Apple"], context, window("2015", "2016")) == 0.0, "time unknown"
    assert temporal_faithfulness(["Cook was CEO of Apple", "Woz was CEO of Apple"], context) == 0.5
    assert temporal_faithfulness([], context) is None


def test_faithfulness_wants_every_content_word_also_the_negation() -> None:
    context = [Answer("Cook is CEO of Apple", during("2011"))]
    assert temporal_faithfulness(["Cook is not CEO of Apple"], context) == 0.0
    assert temporal_faithfulness(["Cook leads"], context, supports=lambda claim, text: "Cook" in text) == 1.0


def test_a_dispute_is_shown_by_naming_both_or_by_a_word_of_doubt() -> None:
    rivals = [["5 billion", "6 billion"]]
    assert conflict_transparency("It was 5 billion, or 6 billion.", rivals) == 1.0
    assert conflict_transparency("According to one source it was 5 billion.", rivals) == 1.0
    assert conflict_transparency("It was 5 billion, but that may change.", rivals) == 0.0
    assert conflict_transparency("The figure is disputed.", rivals) == 0.0, "it names none"
    assert conflict_transparency("It was 5 billion or 6 billion.", [*rivals, ["Rome", "Turin"]]) == 0.5
    assert conflict_transparency("It was 5 billion.", []) is None


def test_a_chain_is_complete_as_far_as_its_neighbours_follow_each_other() -> None:
    chain = ["Schmidt", "Page", "Pichai"]
    assert chain_completeness("Schmidt, then Page, then Pichai", chain) == 1.0
    assert chain_completeness("Schmidt, then Page", chain) == 0.5
    assert chain_completeness("Schmidt, then Pichai", chain) == 0.0, "a link is missing between them"
    assert chain_completeness("Pichai, Page, Schmidt", chain) == 0.0
    assert chain_completeness("nobody", chain) == 0.0
    assert chain_completeness("Page", ["Page"]) is None


def test_a_chain_can_come_back_to_a_value() -> None:
    assert chain_completeness("Jobs, Sculley, and Jobs again", ["Jobs", "Sculley", "Jobs"]) == 1.0
    assert chain_completeness("Jobs, Sculley", ["Jobs", "Sculley", "Jobs"]) == 0.5


def test_wilson_of_one_in_ten() -> None:
    # z = 1.96: (0.1 + 0.19207 ∓ 1.96 sqrt(0.009 + 0.009604)) / 1.38416
    found = wilson_interval(1, 10)
    assert found.value == 0.1
    assert found.low == pytest.approx(0.01788, abs=1e-4)
    assert found.high == pytest.approx(0.40415, abs=1e-4)


def test_wilson_stays_inside_at_the_ends() -> None:
    assert wilson_interval(0, 5).low == 0.0
    assert wilson_interval(5, 5).high == 1.0
    assert wilson_interval(0, 0) == Measured(None, None, None, 0)
    with pytest.raises(InputError, match="not 6 of 5"):
        wilson_interval(6, 5)


def test_bootstrap_of_equal_values_has_no_width() -> None:
    assert bootstrap_interval([0.5, 0.5, 0.5]) == Measured(0.5, 0.5, 0.5, 3)
    assert bootstrap_interval([]) == Measured(None, None, None, 0)


def test_bootstrap_holds_the_mean_and_repeats_with_its_seed() -> None:
    values = [0.0, 0.0, 1.0, 1.0] * 25
    found = bootstrap_interval(values)
    assert found.value == 0.5
    # The standard error of 100 fair coins is .05: 1.96 of them each way.
    assert found.low == pytest.approx(0.402, abs=0.02)
    assert found.high == pytest.approx(0.598, abs=0.02)
    assert bootstrap_interval(values) == found
    assert bootstrap_interval(values, seed=1) != found


def test_a_paired_difference_sees_what_two_wide_intervals_hide() -> None:
    theirs = [0.0, 1.0] * 20
    ours = [value * 0.9 + 0.1 for value in theirs]  # better by .1 on every other question
    found = bootstrap_difference(ours, theirs)
    assert found.value == pytest.approx(0.05)
    assert found.low is not None
    assert found.low > 0
    with pytest.raises(InputError, match="2 scores against 1"):
        bootstrap_difference([1, 2], [1])


def test_confidence_is_a_share() -> None:
    with pytest.raises(InputError, match="95"):
        wilson_interval(1, 2, confidence=95)


def test_the_window_of_a_year_is_in_microseconds() -> None:
    begin, end = window("2015", "2016")
    assert end - begin == 365 * 86_400_000_000
    assert parse_partial_date("2015-01-01T00:00Z").earliest == begin
