"""Every construction of the time grammar, with the bounds that a reader would give it."""

from __future__ import annotations

from time import process_time

import pytest

from motherlode.core.time import Granularity, PartialDate, parse_partial_date
from motherlode.nuggets.extraction.aspects import Aspect
from motherlode.nuggets.extraction.time_grammar import Relation, TimeExpression, find_times

PUBLISHED = parse_partial_date("2021-03-15")


def only(sentence: str, published: PartialDate | None = PUBLISHED, mentioned: str | None = None) -> TimeExpression:
    """The one time expression of a sentence."""
    found = find_times(sentence, published, None if mentioned is None else parse_partial_date(mentioned))
    assert len(found) == 1, [sentence[each.begin : each.end] for each in found]
    return found[0]


def bounds(sentence: str, published: PartialDate | None = PUBLISHED, mentioned: str | None = None) -> tuple[str, str]:
    """Start and exclusive end as text, '?' where unsaid."""
    start, stop = only(sentence, published, mentioned).bounds()
    return str(start or "?"), str(stop or "?")


def test_since_a_month_begins_in_it() -> None:
    found = only("He has been CEO since October 2015.")
    assert found.relation is Relation.FROM
    assert found.start == PartialDate.from_month(2015, 10)
    assert found.stop is None


def test_became_in_a_year_begins_in_it() -> None:
    found = only("She became CEO in 2019.")
    assert found.aspect is Aspect.BEGINS
    assert bounds("She became CEO in 2019.") == ("2019", "?")


def test_resumed_the_role_in_a_year_begins_in_it() -> None:
    assert bounds("He resumed the role in 1997.") == ("1997", "?")


def test_was_in_a_year_holds_somewhere_within_it() -> None:
    assert bounds("He was chairman in 2019.") == ("2019", "2019")


def test_until_a_year_ends_in_it_and_the_start_is_unknown() -> None:
    assert bounds("He was chairman until 2015.") == ("?", "2015")
    assert only("He was chairman until 2018.").stop == PartialDate.from_year(2018)


def test_from_to_has_both_ends() -> None:
    assert bounds("He was mayor from 2010 to 2014.") == ("2010", "2014")


def test_two_years_with_a_dash_are_both_ends() -> None:
    assert bounds("CEO (2011–2018)") == ("2011", "2018")
    assert bounds("CEO ( 2011 – 2018 )") == ("2011", "2018")
    assert bounds("CEO, 2011-2018") == ("2011", "2018")


def test_a_year_to_the_present_is_open() -> None:
    assert bounds("CEO, 2011-present") == ("2011", "?")
    assert bounds("CEO from 2011 to the present day") == ("2011", "?")


def test_a_year_with_a_dash_and_nothing_is_open() -> None:
    assert bounds("CEO (2011– )") == ("2011", "?")
    assert bounds("CEO (2011–)") == ("2011", "?")


def test_between_and_has_both_ends() -> None:
    assert bounds("Between 2001 and 2005 he led the bank.") == ("2001", "2005")


def test_from_on_is_open() -> None:
    assert bounds("He led it from 2010 onwards.") == ("2010", "?")
    assert bounds("He led it from 2010 on.") == ("2010", "?")


def test_effective_a_day_begins_on_it() -> None:
    assert bounds("The merger is effective 1 July 2021.") == ("2021-07-01", "?")
    assert bounds("The tax applies with effect from 1 July 2021.") == ("2021-07-01", "?")


def test_as_of_a_month_was_true_by_then_at_the_latest() -> None:
    found = only("As of June 2023 the company had 300 offices.")
    assert found.relation is Relation.AS_OF
    assert found.start == PartialDate.before(PartialDate.from_month(2023, 6))
    assert found.stop is None


def test_last_year_is_relative_to_the_document() -> None:
    assert bounds("He joined the firm last year.") == ("2020", "?")


def test_last_month_is_relative_to_the_document() -> None:
    assert bounds("It was cheap last month.") == ("2021-02", "2021-02")
    assert bounds("It was cheap last month.", parse_partial_date("2021-01-03")) == ("2020-12", "2020-12")


def test_years_ago_are_relative_to_the_document() -> None:
    assert bounds("He joined two years ago.") == ("2019", "?")
    assert bounds("He joined 10 years ago.") == ("2011", "?")


def test_this_year_is_relative_to_the_document() -> None:
    assert bounds("He was abroad this year.") == ("2021", "2021")


def test_yesterday_is_the_day_before_the_document() -> None:
    assert bounds("He was abroad yesterday.") == ("2021-03-14", "2021-03-15")


def test_relative_words_mean_nothing_without_the_documents_date() -> None:
    assert find_times("He joined last year.") == []
    assert find_times("He joined yesterday.", parse_partial_date("2021")) == []


def test_the_following_year_is_relative_to_the_date_before() -> None:
    assert bounds("The following year he joined Arsenal.", None, "1999-05") == ("2000", "?")
    assert find_times("The following year he joined Arsenal.") == []


def test_currently_is_as_of_the_document() -> None:
    assert bounds("He is currently the manager.") == ("../2021-03-15", "?")


def test_quarters_in_two_spellings() -> None:
    assert bounds("Revenue was 3 million in Q3 2022.") == ("2022-Q3", "2022-Q3")
    assert bounds("Revenue was 3 million in the third quarter of 2022.") == ("2022-Q3", "2022-Q3")


def test_a_decade() -> None:
    assert bounds("He lived in Rome in the 1990s.") == ("1990s", "1990s")


def test_early_mid_and_late_of_a_decade() -> None:
    assert bounds("He lived there in the early 1990s.") == ("1990/1993", "1990/1993")
    assert bounds("He lived there in the mid-1990s.") == ("1994/1996", "1994/1996")
    assert bounds("He lived there in the late 1990s.") == ("1997/1999", "1997/1999")


def test_early_mid_and_late_of_a_year() -> None:
    assert only("He left in early 2015.").stop == parse_partial_date("2015-01/2015-04")
    assert only("He left in mid-2015.").stop == parse_partial_date("2015-05/2015-08")
    assert only("He left in late 2012.").stop == parse_partial_date("2012-09/2012-12")


def test_a_part_of_a_century() -> None:
    assert bounds("It was used in the late 19th century.") == ("1870/1899", "1870/1899")


def test_stepped_down_closes() -> None:
    assert bounds("He stepped down in 2020.") == ("?", "2020")


@pytest.mark.parametrize("verb", ["resigned", "left", "retired", "died"])
def test_leaving_closes(verb: str) -> None:
    found = only(f"She {verb} in May 2020.")
    assert found.aspect is Aspect.ENDS
    assert bounds(f"She {verb} in May 2020.") == ("?", "2020-05")


def test_no_longer_closes_some_time_up_to_the_document() -> None:
    found = only("He is no longer CEO.")
    assert found.relation is Relation.NO_LONGER
    assert found.stop == PartialDate.before(PUBLISHED)


def test_no_longer_with_a_date_closes_then() -> None:
    assert bounds("He was no longer CEO in 2012.") == ("?", "2012")


def test_no_longer_without_any_date_closes_nobody_knows_when() -> None:
    assert only("He is no longer CEO.", None).bounds() == (None, None)


def test_on_a_day_holds_for_that_day() -> None:
    assert bounds("On 5 May 2020 he was abroad.") == ("2020-05-05", "2020-05-06")


def test_days_in_three_spellings() -> None:
    for day in ("May 5, 2020", "May 5 , 2020", "5th of May 2020", "2020-05-05"):
        assert bounds(f"He became CEO on {day}.") == ("2020-05-05", "?"), day


def test_ambiguous_numeric_dates_are_refused() -> None:
    for text in ("He became CEO on 5/6/2020.", "He became CEO in 5/2020.", "He became CEO on 05.06.2020."):
        assert find_times(text) == [], text


def test_a_numeric_date_with_one_reading_is_read() -> None:
    assert bounds("He became CEO on 13/06/2020.") == ("2020-06-13", "?")
    assert bounds("He became CEO on 06/13/2020.") == ("2020-06-13", "?")


def test_a_day_that_no_calendar_has_is_refused() -> None:
    assert find_times("He became CEO on 31 June 2020.") == []


def test_by_a_year_holds_then_at_the_latest() -> None:
    assert bounds("By 2015 he was a partner.") == ("../2015", "?")


def test_before_a_year_is_not_in_it() -> None:
    assert bounds("He became a partner before 2010.") == ("../2009", "?")
    assert bounds("He was a partner before 2010.") == ("?", "../2009")


def test_after_a_year_is_not_in_it() -> None:
    assert bounds("He became a partner after 2010.") == ("2011/..", "?")


def test_through_a_year_ends_in_it() -> None:
    assert bounds("He was mayor through 2018.") == ("?", "2018")


def test_a_duration_from_a_year_gives_the_end() -> None:
    assert bounds("He led it for three years from 2010.") == ("2010", "2013")


def test_a_season_is_three_months() -> None:
    found = only("He joined in the summer of 2015.")
    assert found.start == parse_partial_date("2015-06/2015-08")
    assert found.start is not None
    assert found.start.granularity is Granularity.RANGE


def test_a_winter_may_begin_in_either_year() -> None:
    assert only("He joined in the winter of 2015.").start == parse_partial_date("2014-12/2016-02")


def test_a_pair_of_years() -> None:
    assert bounds("Arsenal, 1994–95") == ("1994", "1995")
    assert bounds("Arsenal, 1999–00") == ("1999", "2000")


def test_a_season_of_two_years() -> None:
    assert bounds("He played there in the 1998/99 season.") == ("1998", "1999")


def test_a_pair_that_may_be_a_month_is_somewhere_in_the_two_years() -> None:
    assert bounds("He played there in 2004-05.") == ("2004/2005", "2004/2005")


def test_circa_is_a_few_years_wide() -> None:
    assert only("He was born c. 1990.").start == parse_partial_date("1985/1995")
    assert only("It was built circa 1643.").start == parse_partial_date("1641/1645")


def test_an_inclusive_last_day_ends_with_the_next() -> None:
    assert bounds("He led it from 1 January 2010 to 31 December 2014.") == ("2010-01-01", "2015-01-01")
    assert bounds("He led it to 31 December 2014.") == ("?", "2015-01-01")


def test_until_a_day_ends_with_it() -> None:
    assert bounds("He led it from 2011 until 2 October 2015.") == ("2011", "2015-10-02")
    assert bounds("He led it until 2 October 2015.") == ("?", "2015-10-02")


def test_a_range_shares_the_year_that_is_said_once() -> None:
    assert bounds("He led it from May to August 2012.") == ("2012-05", "2012-08")
    assert bounds("He led it from 5 May to 7 June 2012.") == ("2012-05-05", "2012-06-08")


def test_until_an_event_in_a_year() -> None:
    assert bounds("He led it from 2011 until his retirement in 2014.") == ("2011", "2014")


def test_elected_to_an_academy_in_a_year_is_no_end() -> None:
    assert bounds("He was elected to the Académie française in 1987.") == ("1987", "?")


def test_two_expressions_stay_apart() -> None:
    sentence = "He was CEO from 2001 to 2005 and chairman until 2010."
    first, second = find_times(sentence)
    assert sentence[first.begin : first.end] == "from 2001 to 2005"
    assert sentence[second.begin : second.end] == "until 2010"
    assert [str(each.interval) for each in (first, second)] == ["[2001, 2005)", "[?, 2010)"]


def test_each_expression_takes_the_verb_of_its_clause() -> None:
    begins, ends = find_times("In 2015, he became CEO, and in 2018 he left.")
    assert (begins.aspect, ends.aspect) == (Aspect.BEGINS, Aspect.ENDS)


def test_no_cue_is_no_expression() -> None:
    assert find_times("He is the manager of the club.", PUBLISHED) == []


def test_amounts_are_no_years() -> None:
    assert find_times("The village of 1500 people sold 2000 tons for $1999 in 300 lots.") == []


def test_years_before_christ_are_no_years_of_this_calendar() -> None:
    assert find_times("It was founded in 1200 BC.") == []


def test_a_bare_year_relates_nothing() -> None:
    assert only("the 2004 Olympics").relation is Relation.BARE


def test_a_range_backwards_is_no_range() -> None:
    assert all(each.relation is not Relation.BETWEEN for each in find_times("from 2010 to 2005"))
    assert all(str(each.interval) for each in find_times("from 2010 to 2005"))


def test_spans_cover_the_words() -> None:
    sentence = "He was, from early 2001 until mid-2005, the mayor."
    found = only(sentence)
    assert sentence[found.begin : found.end] == "from early 2001 until mid-2005"


def test_long_runs_of_dates_and_words_take_linear_time() -> None:
    for text in (
        "1999 ",
        "May ",
        "from to until since ",
        "1",
        "12/",
        "the end of ",
        "in the early ",
        "one ",
        "1999 to ",
    ):
        seconds = []
        for n in (1_000, 8_000):
            tries = []
            for _ in range(3):  # the best of three: a neighbour that wakes up makes one slow, not all
                begin = process_time()
                find_times(text * n)
                tries.append(process_time() - begin)
            seconds.append(min(tries))
        assert seconds[1] < 16 * seconds[0] + 0.05, text
