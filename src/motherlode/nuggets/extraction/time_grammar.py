"""Time expressions of an English sentence: where they stand, what they relate, which bounds of a fact they give.

A date alone does not bound a fact; the word before it and the verb do: "since 2015" begins, "until 2015" ends,
"in 2015" begins with "became", ends with "resigned" and otherwise holds somewhere within. Bounds are closed-open, and
as fine as they were stated: "until 2018" ends somewhere in 2018, "to 31 December 2014" ends with 2015-01-01.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from motherlode.core.time import EVER, NEVER, Granularity, Interval, PartialDate, from_micros
from motherlode.errors import InputError
from motherlode.nuggets.extraction.aspects import Aspect, aspect_at
from motherlode.nuggets.extraction.dates import DateMention, find_dates, last_word, next_bound
from motherlode.nuggets.extraction.durations import duration_before, shifted_by

__all__ = ["Relation", "TimeExpression", "find_times"]


class Relation(StrEnum):
    """What the words make of a date."""

    WITHIN = "within"
    """in 2019, on 5 May, during the 1990s: the verb decides"""
    FROM = "from"
    UNTIL = "until"
    BETWEEN = "between"
    """from one date to another"""
    AS_OF = "as of"
    BEFORE = "before"
    BY = "by"
    AFTER = "after"
    NO_LONGER = "no longer"
    BARE = "bare"
    """A date that no word relates: "the 2004 Olympics", "(2004)"."""


@dataclass(frozen=True, slots=True)
class TimeExpression:
    """What ``sentence[begin:end]`` says of time.

    first, last: the dates as stated; one alone is in both, and None is not said
    aspect: what the verb beside it says happens then
    """

    begin: int
    end: int
    relation: Relation
    first: PartialDate | None
    last: PartialDate | None
    aspect: Aspect = Aspect.HOLDS
    is_relative: bool = False
    includes_last: bool = True
    """'to 31 December' has that day, 'until 31 December' has not."""

    @property
    def start(self) -> PartialDate | None:
        """When the fact begins; None where that is not said."""
        return self.bounds()[0]

    @property
    def stop(self) -> PartialDate | None:
        """When it ends, exclusive; None where that is not said, and what began goes on."""
        return self.bounds()[1]

    def bounds(self, aspect: Aspect | None = None) -> tuple[PartialDate | None, PartialDate | None]:
        """Start and exclusive end of a fact whose verb has an aspect, by default the one found."""
        first, last = self.first, self.last
        match self.relation:
            case Relation.FROM:
                return first, None
            case Relation.UNTIL:
                return None, last
            case Relation.BETWEEN:
                return first, next_bound(last) if last is not None and self.includes_last else last
            case Relation.AS_OF:
                return None if first is None else PartialDate.before(first), None
            case Relation.NO_LONGER:
                return None, None if last is None else PartialDate.before(last)
            case _:
                return _pointed(self.relation, first, last, aspect or self.aspect)

    @property
    def interval(self) -> Interval:
        """The bounds as an interval; of nothing known where they contradict each other ("from 2010 to 2005")."""
        try:
            return Interval(*self.bounds())
        except InputError:
            return Interval()


def _pointed(
    relation: Relation, first: PartialDate | None, last: PartialDate | None, aspect: Aspect
) -> tuple[PartialDate | None, PartialDate | None]:
    """Bounds from one stated time, which the verb makes a start, an end or a stretch."""
    if first is None:
        return None, None
    stated = first
    if relation is Relation.BEFORE:
        stated = PartialDate(NEVER, stated.earliest, Granularity.RANGE)
    elif relation is Relation.AFTER:
        stated = PartialDate(next_bound(stated).earliest if stated.is_exact else stated.latest, EVER, Granularity.RANGE)
    elif relation is Relation.BY:
        stated = PartialDate.before(stated)
    if aspect is Aspect.ENDS:
        return None, stated
    if aspect is Aspect.BEGINS or relation in (Relation.AFTER, Relation.BY):
        return stated, None
    if relation is Relation.BEFORE:
        return None, stated
    return stated, next_bound(last or stated)


# "to the Académie in 1987" is no end, "to his death in 1987" is.
_EVENT = (
    r"(?:his|her|its|their|the)\s+(?:\w+\s+){0,2}(?:death|retirement|resignation|departure|dissolution|end|abolition|closure"
    r"|defeat|fall|collapse|demise|outbreak|start|beginning|merger|sale|assassination|execution|removal|dismissal|election"
    r"|marriage|move|relegation|replacement|abdication|deposition|closing|demolition)\s+(?:\w+\s+){0,3}(?:in|on)"
)
# Words right before a date, longest first within their kind; "the" may stand between.
_BEFORE = re.compile(
    r"""\b(?:
      (?P<since>(?:ever\s+)?since|from|starting(?:\s+(?:in|from|on|with))?|beginning(?:\s+(?:in|from|on|with))?|commencing(?:\s+(?:in|on))?
        |as\s+from|effective(?:\s+(?:as\s+of|from|on))?|with\s+effect\s+(?:from|on)|dating\s+(?:from|back\s+to))
    | (?P<until>(?:(?:up\s+)?until|till|til)\s+(?:his|her|its|their|the)\s+(?:\w+\s+){1,4}(?:in|on)
        |(?:up\s+to|to|through)\s+@EVENT@
        |(?:up\s+)?until|till|til|up\s+to|up\s+through|through|ending(?:\s+(?:in|on))?|to)
    | (?P<between>(?:in\s+)?between)
    | (?P<as_of>as\s+(?:of|at)(?:\s+(?:late|early|mid))?)
    | (?P<by>by(?:\s+(?:at\s+)?the\s+(?:end|start|beginning)\s+of)?)
    | (?P<before>before|prior\s+to|preceding)
    | (?P<after>after|following|subsequent\s+to)
    | (?P<within>in|on|during|throughout|within|at|over|around|across|for)
    )\s+(?:the\s+)?(?:years?\s+)?(?:season\s+)?$""".replace("@EVENT@", _EVENT),
    re.VERBOSE,
)
# The words in which those end: a look at the last word spares most searches.
_LAST_WORDS = frozenset(
    re.findall(
        r"\w+",
        "since from starting in on with beginning commencing effective of to back until till til through "
        "ending between at late early mid by before preceding after following during throughout within over "
        "around across for the year years season ",
    )
)
_JOIN = re.compile(
    r"(?:\s*,)?\s*(?:season\s+)?(?P<word>[\u2010-\u2015\u2212-]|to|until|till|til|up\s+to|up\s+until|through|and(?:\s+until)?|into)"
    rf"\s*(?:{_EVENT}\s*)?(?:the\s+)?(?:season\s+)?(?:of\s+)?",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\s*(?:[\u2010-\u2015\u2212-]|to|until|till|through)\s*(?:the\s+)?(?:present(?:\s+day)?|now|today|date|current)\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(r"\s?[\u2010-\u2015\u2212-]\s*(?=[)\],;]|$)")
_ONWARDS = re.compile(r"\s+(?:onwards?|on(?=\s*[,.;)]|\s*$)|and\s+later|or\s+later)\b", re.IGNORECASE)
_NO_LONGER = re.compile(
    r"\b(?:no\s+longer|not\s+any\s?more|ceased\s+to\s+be|is\s+a\s+former|are\s+former)\b", re.IGNORECASE
)
_IN_A_NAME = re.compile(
    r"\s+(?!seasons?\b|and\b|to\b|or\b|but\b|until\b|when\b|with\b|by\b|as\b|he\b|she\b|it\b|they\b|the\b)[^\W\d_]"
)
_SEASON_AFTER = re.compile(r"\s+seasons?\b", re.IGNORECASE)
_NOW = re.compile(r"(?:currently|presently|at\s+present|now|nowadays)$", re.IGNORECASE)


def find_times(
    sentence: str,
    published: PartialDate | None = None,
    mentioned: PartialDate | None = None,
    *,
    with_aspects: bool = True,
) -> list[TimeExpression]:
    """The time expressions of a sentence, in order, none inside another.

    published: the document's date, for "last year", "yesterday", "currently" and the end that "no longer" gives
    mentioned: the date before this sentence, for "the following year"
    with_aspects: look for the verb beside each; a question does not need it

    Cost: linear in the sentence.
    """
    mentions = find_dates(sentence, published, mentioned)
    found: list[TimeExpression] = []
    at = 0
    floor = 0
    while at < len(mentions):
        expression, n_used = _expression(sentence, mentions, at, floor, with_aspects=with_aspects)
        if expression is not None:
            found.append(expression)
            floor = expression.end
        at += n_used
    negation = _NO_LONGER.search(sentence) if with_aspects else None
    if negation is not None and not any(_is_bound(each) for each in found):
        found.append(TimeExpression(*negation.span(), Relation.NO_LONGER, published, published, Aspect.ENDS))
        found.sort(key=lambda each: each.begin)
    return found


def _is_bound(expression: TimeExpression) -> bool:
    return expression.relation is not Relation.BARE


def _expression(
    sentence: str, mentions: list[DateMention], at: int, floor: int, *, with_aspects: bool
) -> tuple[TimeExpression | None, int]:
    """The expression that begins with a mention, and how many mentions it used."""
    mention = mentions[at]
    if mention.kind == "refused":
        return None, 1
    begin, relation = _related(sentence, mention.begin, floor)
    is_relative = mention.kind == "relative"
    ranged = _ranged(sentence, mentions, at, relation, begin)
    if ranged is not None:
        return ranged
    if mention.date is None or (mention.kind == "short" and relation is Relation.BARE):
        return None, 1
    if is_relative and _NOW.match(sentence, mention.begin, mention.end):
        return TimeExpression(
            mention.begin, mention.end, Relation.AS_OF, mention.date, mention.date, is_relative=True
        ), 1
    first, last, end = mention.date, mention.last or mention.date, mention.end
    if first.granularity is Granularity.YEAR and _IN_A_NAME.match(sentence, end) and _names_it(sentence, mention.begin):
        begin, relation = mention.begin, Relation.BARE  # "in the 2008 election"
    if is_relative and relation is Relation.BARE:
        relation = Relation.WITHIN
    season = _SEASON_AFTER.match(sentence, end)
    if season is not None and relation is Relation.BARE:
        relation, end = Relation.WITHIN, season.end()
    if mention.kind == "pair" and relation in (Relation.BARE, Relation.WITHIN):
        relation = Relation.BETWEEN if relation is Relation.BARE else Relation.WITHIN
    opened = _OPEN.match(sentence, end) or (_DANGLING.match(sentence, end) if relation is Relation.BARE else None)
    onwards = _ONWARDS.match(sentence, end)
    if relation in (Relation.BARE, Relation.FROM, Relation.WITHIN) and (opened or onwards):
        end = (opened or onwards).end()  # type: ignore[union-attr]
        relation = Relation.FROM
    if relation is Relation.UNTIL:
        return TimeExpression(begin, end, relation, None, _until(sentence[begin : mention.begin], last)), 1
    lasting = duration_before(sentence, begin) if relation is Relation.FROM else None
    if lasting is not None:
        stop = shifted_by(first, lasting.n, lasting.unit)
        if stop is not None:
            return TimeExpression(lasting.begin, end, Relation.BETWEEN, first, stop), 1
    aspect = aspect_at(sentence, begin, end) if with_aspects else Aspect.HOLDS
    return TimeExpression(begin, end, relation, first, last, aspect, is_relative), 1


def _related(sentence: str, at: int, floor: int) -> tuple[int, Relation]:
    """Where the words begin that relate the date at a place, and what they make of it."""
    low = max(floor, at - 28)
    before = sentence[low:at]
    if last_word(before) not in _LAST_WORDS:
        return at, Relation.BARE
    word = _BEFORE.search(_lower(before))
    if low > floor and (word is None or word.lastgroup == "within"):
        far = _lower(sentence[max(floor, at - 64) : at])
        if "until" in far or "till" in far or " to " in far:  # "until his retirement in"
            low = at - len(far)
            word = _BEFORE.search(far)
    return (at, Relation.BARE) if word is None else (low + word.start(), _RELATIONS[str(word.lastgroup)])


def _names_it(sentence: str, at: int) -> bool:
    """Whether "the" or "a" stands right before a year, so that a noun after it makes a name of the two."""
    return last_word(sentence[max(0, at - 8) : at]) in ("the", "a", "an", "its", "his", "her", "their")


def _lower(text: str) -> str:
    """Lower case, place for place (a few letters of the world get longer by it)."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text


_RELATIONS = {
    "since": Relation.FROM,
    "until": Relation.UNTIL,
    "between": Relation.BETWEEN,
    "as_of": Relation.AS_OF,
    "by": Relation.BY,
    "before": Relation.BEFORE,
    "after": Relation.AFTER,
    "within": Relation.WITHIN,
}


def _until(words: str, last: PartialDate) -> PartialDate:
    """'until D' ends with D's first instant, 'to D' and 'through D' include the day."""
    inclusive = words.casefold().lstrip().startswith(("through", "to", "up through"))
    return next_bound(last) if inclusive else last


def _ranged(
    sentence: str, mentions: list[DateMention], at: int, relation: Relation, begin: int
) -> tuple[TimeExpression, int] | None:
    """'from A to B', 'A–B', 'between A and B', also where A lacks the year that B has."""
    if at + 1 == len(mentions) or relation not in (Relation.FROM, Relation.BETWEEN, Relation.WITHIN, Relation.BARE):
        return None
    mention, other = mentions[at], mentions[at + 1]
    if other.begin - mention.end > 64 or other.kind == "refused":
        return None
    gap = sentence[mention.end : other.begin]
    join = _JOIN.match(gap)
    if join is None or not _is_only_a_part(gap[join.end() :]):
        return None
    joined = join["word"].casefold()
    if joined == "and" and relation is not Relation.BETWEEN:
        return None
    first, last = _years_shared(mention, other)
    if first is None or last is None or last.latest <= first.earliest:
        return None
    includes = not joined.startswith(("until", "til", "up to", "up until"))
    return TimeExpression(begin, other.end, Relation.BETWEEN, first, last, includes_last=includes), 2


def _is_only_a_part(rest: str) -> bool:
    """Between the joint and the second date stands nothing but words that belong to that date."""
    return (
        not rest.strip()
        or re.fullmatch(r"\s*(?:early|mid|late|c\s?\.|circa|the|in|around|about)[\s-]*", rest, re.I) is not None
    )


def _years_shared(mention: DateMention, other: DateMention) -> tuple[PartialDate | None, PartialDate | None]:
    first, last = mention.date, other.last or other.date
    if mention.kind == "yearless" and last is not None and other.kind == "date":
        moment = from_micros(last.earliest)
        first = mention.in_year(moment.year) if moment is not None else None
    elif other.kind == "yearless" and first is not None and mention.kind == "date":
        moment = from_micros(first.earliest)
        last = other.in_year(moment.year) if moment is not None else None
    if other.kind == "relative" and last is None:
        return None, None
    return first, last
