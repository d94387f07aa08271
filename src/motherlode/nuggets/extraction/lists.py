"""Lines that are no sentences: "- 1966–1970: Dick Stenberg", "Wolfgang Ernst (2000–2016)", tables, dated changelogs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from motherlode.core.time import Granularity, PartialDate
from motherlode.nuggets.extraction.facts import Fact
from motherlode.nuggets.extraction.fields import fields_of
from motherlode.nuggets.extraction.tables import TableReader
from motherlode.nuggets.extraction.time_grammar import Relation, TimeExpression, find_times
from motherlode.nuggets.extraction.verbs import has_verb

__all__ = ["ListReader"]

_BULLET = re.compile(r"^(?:[-*•·‣▪–—]|\(?\d{1,3}[.)])\s+")
_HEADING = re.compile(r"^(#{1,6}\s+|=+\s*)?(?P<words>[^.:;!?|]{2,80}?)(?:\s*=+)?\s*[.:]?$")
_VERB = re.compile(r"\b(?:is|was|were|are|has|had|became|have|been|joined|served|played|won|led|moved|made)\b")
_DATE_FIELD = re.compile(r"(?:born|died|founded|established)\s?:", re.IGNORECASE)
_RELEASE = re.compile(
    r"^(?:#{1,6}\s*)?(?:version\s+|release\s+|v\.?\s?)?\[?(?P<version>v?\d+\.\d+[\w.+-]*)\]?\s*(?:[-–—:(]|\s)\s*(?P<date>\d{4}-\d{2}-\d{2})\)?$",
    re.IGNORECASE,
)
_LEAD_SIGNS = " \t:–—-,.;)|"
_LONGEST = 400
_LONGEST_OBJECT = 160
_TRUST_BULLET = 0.9
_TRUST_LINE = 0.86
_TRUST_HEAD = 0.83
"""A line without a bullet that begins with years may be a heading: "2008–10: Mainstream success"."""


class ListReader:
    """Reads lines one after the other; a heading names the relation of the items below it."""

    def __init__(self, title: str | None, published: PartialDate | None) -> None:
        self._title = title.strip() if title and title.strip() else None
        self._published = published
        self._heading: str | None = None
        self._release: tuple[str, PartialDate] | None = None
        self._table = TableReader(self._title)

    def read(self, line: str) -> Iterator[Fact]:
        """The facts of a line; none where it is a sentence."""
        if self._title is None or len(line) > 20_000:
            return
        yield from self._table.read(line, self._heading)
        if self._table.is_inside or len(line) > _LONGEST:
            return
        release = _RELEASE.match(line)
        if release is not None:
            dates = find_times(release["date"], with_aspects=False)
            if dates and dates[0].first is not None:
                self._release = release["version"], dates[0].first
                yield Fact(self._title, "release", release["version"], dates[0].first, None, 0.95, is_event=True)
            return
        bullet = _BULLET.match(line)
        body = line[bullet.end() :] if bullet else line
        if bullet and self._release is not None:
            version, date = self._release
            yield Fact(self._title, f"changed in {version}", body[:_LONGEST_OBJECT], date, None, 0.9, is_event=True)
            return
        found = list(self._items(body, is_bullet=bullet is not None))
        if not found or ";" in body or _DATE_FIELD.match(body):
            found = list(fields_of(body, self._title, self._published)) or found
        yield from found
        if not found and bullet is None:
            self._read_heading(line)

    def _read_heading(self, line: str) -> None:
        found = _HEADING.match(line)
        words = found["words"].strip() if found else ""
        if found is not None and len(words.split()) <= 8 and not _VERB.search(words):
            self._heading = words
            if found[1]:
                self._release = None

    def _items(self, body: str, *, is_bullet: bool) -> Iterator[Fact]:
        """An item with its time in front or behind."""
        assert self._title is not None
        if self._heading is not None and _REFERENCES.match(self._heading):
            return
        times = [each for each in find_times(body, self._published, with_aspects=False) if _counts(body, each)]
        if not times:
            return
        trust = _TRUST_BULLET if is_bullet else _TRUST_LINE
        predicate = self._predicate()
        first = times[0]
        if not body[: first.begin].strip(" (["):
            rest = body[first.end :].lstrip(_LEAD_SIGNS).strip()
            sign = body[first.end : first.end + 3].strip()[:1]
            separated = sign in (":", "–", "—", "-", ",", ")", "]") or (is_bullet and len(rest) <= 60)
            words = _object(rest)
            is_prose = _is_prose(first) or (not is_bullet and body[first.begin].isalpha())
            if words and separated and first.relation is not Relation.AS_OF and not is_prose:
                yield self._fact(predicate, words, first, trust if is_bullet else _TRUST_HEAD)
            return
        if not is_bullet and (len(body) > 120 or _VERB.search(body)):
            return
        if body[first.begin].isalpha() and has_verb(body[: first.begin]):
            return  # a sentence: "He joined Arsenal in 2001"
        bracketed = [each for each in times if body[: each.begin].rstrip().endswith("(")]
        if bracketed and not body[: first.begin].rstrip().endswith("("):
            first, times = bracketed[0], bracketed  # "The Year 1000 (1974)"
        behind = body[times[-1].end :].strip(" .)];,")
        before = body[: first.begin].rstrip(" (,:–—-;[").strip()
        if "(" in before and ")" not in before[before.rindex("(") :]:
            before = before[: before.rindex("(")].rstrip(" ,;:")
        before = before.replace("[[", "").replace("]]", "").strip("*_ ")
        if len(behind) <= 40 and before and len(before) <= _LONGEST_OBJECT and not _VERB.search(before):
            for each in _listed_times(body, times):
                if _PEOPLE.search(predicate) and _is_long(each):
                    continue  # somebody's life
                yield self._fact(predicate, before, each, trust * (0.98 if not behind else 0.95))

    def _fact(self, predicate: str, words: str, time: TimeExpression, trust: float) -> Fact:
        assert self._title is not None
        start, stop = time.bounds()
        if time.relation is Relation.BARE and start is not None and start.granularity is Granularity.DAY:
            return Fact(self._title, predicate, words, start, stop, trust, is_event=True)
        return Fact(self._title, predicate, words, start, stop, trust)

    def _predicate(self) -> str:
        return self._heading.casefold() if self._heading else "listed"


_PEOPLE = re.compile(
    r"residents|people|alumni|painters|artists|writers|musicians|famil|children|personalit|natives|issue|descend|buried"
    r"|citizens|siblings|spouse|marriage",
    re.I,
)


def _is_long(time: TimeExpression) -> bool:
    """Whether a range is as long as a life rather than a stay."""
    first, last = time.first, time.last
    return first is not None and last is not None and last.earliest - first.earliest > 18 * 365 * 86_400_000_000


def _is_prose(time: TimeExpression) -> bool:
    """Whether a line that begins with a time goes on as a sentence: "In 2015, he became"."""
    return time.relation not in (Relation.BARE, Relation.BETWEEN, Relation.FROM)


_REFERENCES = re.compile(
    r"(?:references|sources|citations|notes|footnotes|further reading|external links|bibliography|literature"
    r"|see also)\b",
    re.I,
)
_LIFE = re.compile(
    r"(?:\bborn|\bb\.|\bdied|\bd\.|\brevised|\breprinted|\bissn|\bisbn)\s*(?:in\s*|on\s*)?$", re.IGNORECASE
)


def _counts(body: str, time: TimeExpression) -> bool:
    """Whether a time may be the item's: not the birth of the person whom it names."""
    if time.first is None and time.last is None:
        return False
    return _LIFE.search(body[max(0, time.begin - 14) : time.begin]) is None


def _listed_times(body: str, times: list[TimeExpression]) -> list[TimeExpression]:
    """The first time and those that only commas part from it: "1958, 1965 and 1976" three, "1962, revised 1965" one."""
    listed = times[:1]
    for each in times[1:]:
        if body[listed[-1].end : each.begin].strip(" ,;&)(") not in ("", "and"):
            break
        listed.append(each)
    return listed


def _object(rest: str) -> str:
    """The name at the head of an item's rest."""
    words = rest.strip(" .;,")
    if len(words) > _LONGEST_OBJECT:
        cut = re.search(r"[.;(]\s|,\s|\s\(", words)
        words = words[: cut.start()] if cut else words[:_LONGEST_OBJECT]
    return words.strip(" .;,") if re.search(r"\w", words) else ""
