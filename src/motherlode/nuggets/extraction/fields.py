"""Lines of an infobox: "Headquarters: Redmond (1986–2000); Seattle (2000–present)", "Born: 5 May 1950"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from motherlode.core.time import PartialDate
from motherlode.nuggets.extraction.facts import Fact
from motherlode.nuggets.extraction.lexicon import word_set
from motherlode.nuggets.extraction.time_grammar import Relation, find_times

__all__ = ["fields_of"]

_FIELD = re.compile(
    r"^(?:\*\*|__)?(?P<key>[A-Z][\w/’'-]*(?:\s[\w/’'&-]+){0,3})(?:\*\*|__)?\s?:(?:\*\*|__)?\s+(?P<value>\S.{0,220})$"
)
_NO_KEYS = word_set(
    "note notes see source sources category isbn issn doi retrieved updated example warning http https todo tip"
)
_VERB = re.compile(r"\b(?:is|was|were|are|has|had|became|have|been|will|would|can)\b")
_DATES = {"born": "date of birth", "died": "date of death", "founded": "inception", "established": "inception"}
_TRUST = 0.87
_MAX_PARTS = 20


def fields_of(line: str, title: str, published: PartialDate | None) -> Iterator[Fact]:
    """The facts of a line "Key: value; value"; none where it is another line."""
    found = _FIELD.match(line)
    if (
        found is None
        or _VERB.search(found["value"])
        or ". " in found["value"]
        or found["value"].endswith((".", "?", "!"))
    ):
        return
    key = found["key"].casefold()
    if key.split()[0] in _NO_KEYS:
        return
    for part in found["value"].split(";")[:_MAX_PARTS]:
        times = find_times(part, published, with_aspects=False)
        rest = part
        for each in reversed(times):
            rest = rest[: each.begin] + rest[each.end :]
        words = re.sub(r"\(\s*[,;]?\s*\)", "", rest).strip(" ,;()–—-\t")
        if not words and len(times) == 1 and times[0].first is not None and times[0].relation is Relation.BARE:
            yield Fact(title, _DATES.get(key, key), times[0].first, None, None, _TRUST)
        elif re.search(r"[^\W_]", words) and len(times) <= 1:
            start, stop = times[0].bounds() if times else (None, None)
            yield Fact(title, key, words, start, stop, _TRUST)
