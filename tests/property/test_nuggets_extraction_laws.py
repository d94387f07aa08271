"""Laws of the extraction that hold for any text."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from motherlode.core.time import parse_partial_date
from motherlode.nuggets.extraction.offline import OfflineExtractor
from motherlode.nuggets.extraction.question_time import question_time
from motherlode.nuggets.extraction.time_grammar import find_times
from motherlode.nuggets.record import Document

PIECES = (
    "from 2001 to 2004~until May 2010~in 1999~since~between~and~, ~. ~; ~(~)~\n~- ~~ a ~ b ~2011–~"
    "1994–95~5/6/2020~30 February 2001~he~she~it~the company~John Smith~Apple~became~was~"
    "is no longer~CEO~of~chairman~at~joined~left~married~born~acquired~by~last year~two years ago~"
    "the following year~Q3 2022~the 1990s~c. 1990~9999~0000~10000~December 31, 9999~1 January 0001~"
    "winter 9999~population~was 5,000~%~$5~’s~née"
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(PIECES.split("~")), max_size=40).map(" ".join),
)


@given(text=TEXTS, title=st.one_of(st.none(), st.text(max_size=20), st.just("John Smith")))
@settings(max_examples=300, deadline=None)
def test_every_claim_says_where_it_stands(text: str, title: str | None) -> None:
    document = Document(id="doc", text=text, title=title, published_at="2021-03-15")
    for claim in OfflineExtractor(min_trust=0).extract(document):
        assert claim.span is not None
        assert text[claim.span[0] : claim.span[1]] == claim.text
        assert claim.confidence is not None
        assert 0 <= claim.confidence <= 1
        assert claim.subject.strip()
        assert str(claim.object).strip()


@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
def test_time_expressions_are_in_order_and_apart(text: str) -> None:
    end = 0
    for each in find_times(text, parse_partial_date("2021-03-15"), parse_partial_date("1999")):
        assert end <= each.begin < each.end <= len(text)
        end = each.end
        assert each.interval is not None


@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
def test_a_question_never_asks_about_an_empty_window(text: str) -> None:
    found = question_time(text, parse_partial_date("2021-03-15"))
    assert (found.window is None) == (found.stated is None)
    assert found.window is None or found.window[0] < found.window[1]
