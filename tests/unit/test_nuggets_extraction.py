"""The offline extractor on sentences, lists and tables, with the claims that a reader would write down."""

from __future__ import annotations

import random
import time
from decimal import Decimal

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.extraction.offline import OfflineExtractor
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.values import Quantity

HE = " He is known for his work. He and his wife live in Rome."
IT = " It is large. Its offices are in Rome."


def claims(text: str, title: str | None = None, published_at: str | None = None) -> list[Claim]:
    document = Document(id="doc", text=text, title=title, published_at=published_at)
    found = OfflineExtractor().extract(document)
    for claim in found:
        assert claim.span is not None
        assert text[claim.span[0] : claim.span[1]] == claim.text
        assert claim.source == "doc"
    return found


def rows(text: str, title: str | None = None, published_at: str | None = None) -> set[tuple[str, str, str, str]]:
    """Claims as (subject, predicate, object, interval)."""
    return {
        (each.subject, each.predicate, str(each.object), str(each.interval))
        for each in claims(text, title, published_at)
    }


def test_a_position_and_its_holder_are_two_claims_on_the_holders_page() -> None:
    found = rows("Tim Cook has been CEO of Apple since August 2011.", "Tim Cook")
    assert ("Tim Cook", "position held", "CEO of Apple", "[2011-08, …)") in found
    assert ("Apple", "CEO", "Tim Cook", "[2011-08, …)") in found


def test_an_office_that_one_holds_at_a_time_is_told_of_its_holder_only() -> None:
    """The next holder closes that fact; nothing would close the person's."""
    assert rows("Tim Cook has been CEO of Apple since August 2011.") == {("Apple", "CEO", "Tim Cook", "[2011-08, …)")}


def test_a_pronoun_of_a_persons_page_is_the_title() -> None:
    found = rows("In 2019 she became director of the museum." + HE, "Anna Smith")
    assert ("Anna Smith", "position held", "director of the museum", "[2019, …)") in found


def test_a_pronoun_without_a_title_is_nobody() -> None:
    assert not rows("In 2019 she became director of the museum.")


def test_two_times_bind_to_their_own_facts() -> None:
    found = rows("Bohemond was Count of Tripoli from 1187 to 1233, and Prince of Antioch from 1201 to 1216.")
    assert ("Bohemond", "position held", "Count of Tripoli", "[1187, 1233)") in found
    assert ("Bohemond", "position held", "Prince of Antioch", "[1201, 1216)") in found


def test_a_second_tenure_is_a_second_interval() -> None:
    found = rows("Bohemond was Prince of Antioch from 1201 to 1216 and from 1219 to 1233.")
    assert {row[3] for row in found if row[1] == "position held"} == {"[1201, 1216)", "[1219, 1233)"}


def test_employers_with_their_years_in_brackets() -> None:
    found = rows("She taught at Luther Seminary (1985-1990) and Luther College (1990-1995)." + HE, "Marcia Bunge")
    assert ("Marcia Bunge", "employer", "Luther Seminary", "[1985, 1990)") in found
    assert ("Marcia Bunge", "employer", "Luther College", "[1990, 1995)") in found


def test_membership_and_leaving() -> None:
    found = rows("In 1987 he joined Waterlooville. He left Waterlooville in 1989." + HE, "Guy Whittingham")
    assert ("Guy Whittingham", "member of", "Waterlooville", "[1987, …)") in found
    assert ("Guy Whittingham", "member of", "Waterlooville", "[?, 1989)") in found


def test_education_and_marriage() -> None:
    found = rows("He graduated from Hendrix College in 1960. He married Elinor Pryor in 1961." + HE, "Steven Ozment")
    assert ("Steven Ozment", "educated at", "Hendrix College", "[?, 1960)") in found
    assert ("Steven Ozment", "spouse", "Elinor Pryor", "[1961, …)") in found


def test_an_acquisition_is_said_of_what_was_bought() -> None:
    found = rows("Google acquired YouTube in October 2006. The site was sold to Foo Media in 2010." + IT, "YouTube")
    assert ("YouTube", "owned by", "Google", "[2006-10, …)") in found
    assert ("YouTube", "owned by", "Foo Media", "[2010, …)") in found


def test_a_renaming_is_a_name_from_then() -> None:
    found = rows("In 1938 Ambrose was renamed HMS Cochrane." + IT, "Ambrose")
    assert ("Ambrose", "name", "HMS Cochrane", "[1938, …)") in found


def test_headquarters_that_move() -> None:
    found = rows("It moved its headquarters to New York in 1959 and to Jerusalem in 1973." + IT, "World Union")
    assert ("World Union", "headquarters", "New York", "[1959, …)") in found
    assert ("World Union", "headquarters", "Jerusalem", "[1973, …)") in found


def test_a_move_under_the_verbs_own_words() -> None:
    found = rows("In 1974 he transferred into the Texas Army National Guard." + HE, "Myles Deering")
    assert ("Myles Deering", "transferred into", "Texas Army National Guard", "[1974, …)") in found


def test_no_longer_is_a_negated_claim() -> None:
    found = [each for each in claims("John Smith is no longer CEO of Apple.", None, "2021-03-15") if each.negated]
    assert [(each.subject, each.object, str(each.valid_from)) for each in found] == [
        ("Apple", "John Smith", "../2021-03-15"),
    ]


def test_what_is_denied_or_only_possible_is_no_claim() -> None:
    for text in (
        "John Smith was not the CEO of Apple in 2010.",
        "John Smith could become the CEO of Apple in 2010.",
        "John Smith never joined Apple in 2010.",
        "In 2010 Acme planned to acquire Apple.",
    ):
        assert not [row for row in rows(text) if "Apple" in row[2] or row[1] == "owned by"], text


def test_no_cue_leaves_the_validity_unknown_and_the_source_date_apart() -> None:
    (found,) = [
        each for each in claims("John Smith is CEO of Apple.", None, "2021-03-15") if each.predicate == "position held"
    ]
    assert not found.interval.is_known
    assert found.published_at == "2021-03-15"


def test_who_appointed_is_not_who_got_the_position() -> None:
    found = rows("The king appointed John Smith as governor of Kent in 1650.")
    assert ("Kent", "governor", "John Smith", "[1650, …)") in found
    assert not [row for row in found if "king" in row[0] and row[1] == "position held"]


def test_births_and_deaths_are_dates() -> None:
    found = rows("Flowers was born in Poplar on 22 December 1905." + HE, "Tommy Flowers")
    assert ("Tommy Flowers", "date of birth", "1905-12-22", "[1905-12-22, …)") in found


def test_short_lines_are_sentences_where_they_have_a_verb() -> None:
    for text, claim in {
        "Tim Cook succeeded Steve Jobs as CEO of Apple in August 2011.": (
            "Apple",
            "CEO",
            "Tim Cook",
            "[2011-08, …)",
        ),
        "Marissa Mayer stepped down as CEO of Yahoo in 2017.": (
            "Yahoo",
            "CEO",
            "Marissa Mayer",
            "[?, 2017)",
        ),
        "Facebook changed its name to Meta on 28 October 2021.": ("Facebook", "name", "Meta", "[2021-10-28, …)"),
        "Disney bought Pixar for $7.4 billion in 2006.": ("Pixar", "owned by", "Disney", "[2006, …)"),
        "Tim Cook became Apple's CEO on 24 August 2011.": ("Apple", "CEO", "Tim Cook", "[2011-08-24, …)"),
    }.items():
        assert claim in rows(text, "Some page"), text


def test_a_successor_closes_the_predecessor() -> None:
    found = rows("Tim Cook succeeded Steve Jobs as CEO of Apple in August 2011.")
    assert ("Steve Jobs", "position held", "CEO of Apple", "[?, 2011-08)") in found


def test_what_a_company_owns_is_said_of_it() -> None:
    found = rows("The company's headquarters have been in Redmond since 1986." + IT, "Microsoft")
    assert ("Microsoft", "headquarters", "Redmond", "[1986, …)") in found


def test_a_list_of_holders_under_its_heading() -> None:
    text = "Commanders.\n- 1966–1970: Claës-Henrik Nordenskiöld\n- Dick Stenberg (1970–1973)\n- Bengt Lönnbom, 1973–"
    found = rows(text, "Air Staff (Sweden)")
    assert found == {
        ("Air Staff (Sweden)", "commanders", "Claës-Henrik Nordenskiöld", "[1966, 1970)"),
        ("Air Staff (Sweden)", "commanders", "Dick Stenberg", "[1970, 1973)"),
        ("Air Staff (Sweden)", "commanders", "Bengt Lönnbom", "[1973, …)"),
    }


def test_references_are_no_facts() -> None:
    assert not rows("References.\n- Smith, J. The Air Staff (1990)", "Air Staff")


def test_lines_of_an_infobox() -> None:
    found = rows(
        "Headquarters: Redmond (1986–2000); Seattle (2000–present)\nBorn: 5 May 1950\nIndustry: Software", "Foo"
    )
    assert found == {
        ("Foo", "headquarters", "Redmond", "[1986, 2000)"),
        ("Foo", "headquarters", "Seattle", "[2000, …)"),
        ("Foo", "date of birth", "1950-05-05", "[?, ?)"),
        ("Foo", "industry", "Software", "[?, ?)"),
    }


def test_positions_mentioned_by_the_way_have_no_time() -> None:
    for text in ("Apple's CEO Tim Cook spoke.", "Tim Cook, the CEO of Apple, spoke."):
        found = rows(text)
        assert ("Apple", "CEO", "Tim Cook", "[?, ?)") in found, text
        assert ("Tim Cook", "position held", "CEO of Apple", "[?, ?)") in found, text


def test_a_former_name() -> None:
    found = rows("Meta, formerly known as Facebook, sells advertisements." + IT, "Meta")
    assert ("Meta", "former name", "Facebook", "[?, ?)") in found


def test_who_is_made_something_by_another_holds_the_position() -> None:
    found = rows("Wellesley made her an instructor in 1882." + HE, "Charlotte Roberts")
    assert ("Charlotte Roberts", "position held", "instructor", "[1882, …)") in found


def test_what_somebody_does_to_the_pages_subject_is_said_of_it() -> None:
    found = rows("In 1915 William French remodelled the house." + IT, "Baker House")
    assert ("Baker House", "remodelled by", "William French", "[1915, 1915)") in found


def test_a_time_before_a_subordinate_clause_is_the_main_clauses() -> None:
    for text in (
        "In 1994, after serving ten years, Downs moved to Perth.",
        "When it opened in 1994, Downs moved to Perth.",
    ):
        assert ("Diane Downs", "moved to", "Perth", "[1994, …)") in rows(text + HE, "Diane Downs"), text


def test_a_life_in_brackets_is_no_validity() -> None:
    found = rows("Smith was a pupil of Rosa Mullinex (April 23, 1930 – February 11, 2009).", "Anna Smith")
    assert not [row for row in found if "2009" in row[3]]


def test_a_table_with_a_column_of_years() -> None:
    text = "| Years | Manager |\n|---|---|\n| 2001–2004 | John Smith |\n| 2004–2010 | Jane Doe |"
    assert rows(text, "FC Foo") == {
        ("FC Foo", "manager", "John Smith", "[2001, 2004)"),
        ("FC Foo", "manager", "Jane Doe", "[2004, 2010)"),
    }


def test_a_table_with_columns_from_and_to() -> None:
    text = "| Name | From | To |\n|---|---|---|\n| John Smith | 2001 | 2004 |"
    assert rows(text, "FC Foo") == {("FC Foo", "name", "John Smith", "[2001, 2004)")}


def test_an_html_table() -> None:
    text = "<table><tr><th>Year</th><th>Coach</th></tr><tr><td>2001–2004</td><td><b>John Smith</b></td></tr></table>"
    assert rows(text, "FC Foo") == {("FC Foo", "coach", "John Smith", "[2001, 2004)")}


def test_a_dated_changelog() -> None:
    text = "# Changes\n## [1.2.0] - 2023-05-01\n- Drops Python 3.8\n## [1.1.0] - 2022-01-01\n- Adds search"
    found = rows(text, "widget")
    assert ("widget", "release", "1.2.0", "[2023-05-01, …)") in found
    assert ("widget", "changed in 1.2.0", "Drops Python 3.8", "[2023-05-01, …)") in found
    assert ("widget", "changed in 1.1.0", "Adds search", "[2022-01-01, …)") in found


def test_quantities_with_their_units() -> None:
    text = (
        "The population of Leimen was 25,432 in 2010. Revenue was €2.5 billion in 2019. It had 1,200 employees in 2018."
    )
    found = {(each.subject, each.predicate): each for each in claims(text + IT, "Leimen")}
    assert found["Leimen", "population"].object == Quantity(Decimal(25432))
    assert str(found["Leimen", "population"].interval) == "[2010, 2010)"
    assert found["Leimen", "employees"].object == Quantity(Decimal(1200))


def test_confidence_is_a_share() -> None:
    for each in claims("Tim Cook has been CEO of Apple since August 2011."):
        assert each.confidence is not None
        assert 0.5 <= each.confidence <= 1


def test_the_same_claim_is_made_once_and_extraction_repeats() -> None:
    text = "Tim Cook became CEO of Apple in 2011. Tim Cook became CEO of Apple in 2011."
    assert claims(text) == claims(text)
    assert len([each for each in claims(text) if each.object == "Tim Cook"]) == 1


def test_the_fingerprint_names_the_settings() -> None:
    assert OfflineExtractor().fingerprint != OfflineExtractor(min_trust=0.9).fingerprint


def test_a_trust_that_is_no_share_is_refused() -> None:
    with pytest.raises(InputError, match="min_trust"):
        OfflineExtractor(min_trust=2)


def test_any_text_is_read() -> None:
    noise = random.Random(0)
    garbage = "".join(
        chr(noise.choice([noise.randrange(1, 128), noise.randrange(0x100, 0xD7FF)])) for _ in range(20_000)
    )
    for text in (
        "",
        "\n\n \t\n",
        "\x00\x01\x02",
        garbage,
        "Он был президентом с 2001 по 2004 год.",
        "他从2001年到2004年担任总统。",
        "كان رئيسا من 2001 إلى 2004.",
        "a\u0301" * 1000,
        "İ" * 500 + " in 2005.",
    ):
        claims(text, "Title")


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a ",
        "the of ",
        "1999 ",
        "(",
        "in 1999, ",
        "he was ",
        ", and ",
        "A. ",
        "| ",
        "-",
        "<tr><td>",
        "is of the ",
        "\n",
        "Aa Bb's ",
        "John Smith, the ceo of ",
        "population of ",
        "Key: value; ",
        "to the end of ",
        "until his ",
        "\u00e9",
    ],
)
def test_repeated_text_takes_linear_time(unit: str) -> None:
    def seconds(n_chars: int) -> float:
        text = (unit * (n_chars // len(unit) + 1))[:n_chars]
        tries = []
        for _ in range(2):  # the better of two: a neighbour that wakes up makes one slow, not both
            begin = time.process_time()
            OfflineExtractor().extract(Document(id="doc", text=text, title="A title"))
            tries.append(time.process_time() - begin)
        return min(tries)

    assert seconds(80_000) < 24 * seconds(10_000) + 0.3  # 64 times would be quadratic
