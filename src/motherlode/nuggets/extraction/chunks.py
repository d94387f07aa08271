"""A sentence as chunks: name phrases, verb groups, prepositions, times, joints. No parse tree, one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from motherlode.nuggets.extraction.lexicon import word_set
from motherlode.nuggets.extraction.time_grammar import Relation, TimeExpression
from motherlode.nuggets.extraction.tokens import Tag, Token

__all__ = ["Chunk", "Kind", "chunk"]


class Kind(Enum):
    NAME = "name phrase"
    PRONOUN = "pronoun"
    VERB = "verb group"
    PREPOSITION = "preposition"
    TIME = "time"
    AND = "and"
    COMMA = "comma"
    OPEN = "("
    CLOSE = ")"
    CLAUSE = "clause"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Chunk:
    """``sentence[begin:end]`` and what it can be.

    head: of a verb group, its last verb; of a name phrase, its first word; else the word itself; in small letters
    is_real: it is said to have happened: no "could", no "planned to"
    is_passive: a form of "to be" before a past participle
    is_loose: a participle or infinitive without a subject of its own
    """

    kind: Kind
    begin: int
    end: int
    head: str = ""
    time: TimeExpression | None = None
    negated: bool = False
    is_real: bool = True
    is_passive: bool = False
    is_loose: bool = False


_BE = frozenset(["is", "was", "are", "were", "be", "been", "being", "got", "gets", "get"])
_UNREAL_MODALS = frozenset(["could", "may", "might", "should", "can", "must", "shall", "cannot"])
_BASES = word_set(
    "be become join lead manage play work serve teach study take make form lead head run attend marry live "
    "move settle buy sell acquire purchase found establish create open build replace succeed win earn receive "
    "coach train captain command sign enter return start begin act host edit publish produce own represent "
    "captain rejoin pursue"
)
# After these an infinitive says what happened: "went on to lead"; elsewhere what somebody wanted.
_LEADS_TO = word_set("went returned came began started continued moved chosen appointed elected moving returning")
_VERBAL = (Tag.VERB, Tag.AUXILIARY, Tag.MODAL, Tag.NOT, Tag.ADVERB, Tag.PARTICIPLE)


def chunk(sentence: str, tokens: Sequence[Token], tags: Sequence[Tag], times: Sequence[TimeExpression]) -> list[Chunk]:
    """The chunks of a tagged sentence, in order."""
    chunks: list[Chunk] = []
    marks = _with_times(sentence, tokens, tags, times)
    at = 0
    while at < len(tokens):
        time = marks.get(at)
        if time is not None:
            expression, at = time
            chunks.append(Chunk(Kind.TIME, expression.begin, expression.end, time=expression))
            continue
        made, n_used = _next(tokens, tags, at, chunks[-1] if chunks else None, marks)
        if made is not None:
            chunks.append(made)
        at += n_used
    return chunks


def _with_times(
    sentence: str, tokens: Sequence[Token], tags: Sequence[Tag], times: Sequence[TimeExpression]
) -> dict[int, tuple[TimeExpression, int]]:
    """Index of a time's first token → the time and the index after its last. A bare year inside a name is no time."""
    marks: dict[int, tuple[TimeExpression, int]] = {}
    at = 0
    for expression in times:
        if expression.relation is Relation.NO_LONGER:
            continue  # a part of the verb group
        while at < len(tokens) and tokens[at].end <= expression.begin:
            at += 1
        stop = at
        while stop < len(tokens) and tokens[stop].begin < expression.end:
            stop += 1
        is_bare = expression.relation is Relation.BARE
        if is_bare and at and tags[at - 1] not in (Tag.OPEN, Tag.COMMA, Tag.CLAUSE) and sentence[stop:] != "":
            continue
        if (
            is_bare
            and at == 0
            and not sentence[expression.end : expression.end + 3].strip().startswith((":", "–", "-", ","))
        ):
            continue
        if stop > at:
            marks[at] = (expression, stop)
            at = stop
    return marks


_SINGLE = {
    Tag.PRONOUN: Kind.PRONOUN,
    Tag.PREPOSITION: Kind.PREPOSITION,
    Tag.TO: Kind.PREPOSITION,
    Tag.OF: Kind.PREPOSITION,
    Tag.AND: Kind.AND,
    Tag.COMMA: Kind.COMMA,
    Tag.OPEN: Kind.OPEN,
    Tag.CLOSE: Kind.CLOSE,
    Tag.CLAUSE: Kind.CLAUSE,
}
_AFTER = (Kind.COMMA, Kind.AND, Kind.PREPOSITION, Kind.CLAUSE, Kind.TIME)


def _next(
    tokens: Sequence[Token],
    tags: Sequence[Tag],
    at: int,
    before: Chunk | None,
    marks: dict[int, tuple[TimeExpression, int]],
) -> tuple[Chunk | None, int]:
    tag, token = tags[at], tokens[at]
    if tag is Tag.TO and at + 1 < len(tokens) and tokens[at + 1].text in _BASES and (at + 1) not in marks:
        return _infinitive(tokens, at, before)
    if tag in (Tag.VERB, Tag.AUXILIARY, Tag.MODAL):
        return _verb_group(tokens, tags, at, marks)
    if tag is Tag.PARTICIPLE and before is not None and before.kind in _AFTER:
        made, n_used = _verb_group(tokens, tags, at, marks, is_loose=True)
        return (replace(made, negated=True) if tags[at - 1] is Tag.NOT else made), n_used
    if tag in (Tag.NOUN, Tag.DETERMINER, Tag.PARTICIPLE):
        return _name_phrase(tokens, tags, at, marks)
    if tag in (Tag.ADVERB, Tag.NOT):
        following = tags[at + 1] if at + 1 < len(tags) else Tag.OTHER
        if following in (Tag.VERB, Tag.AUXILIARY, Tag.MODAL) and at + 1 not in marks:
            return _verb_group(tokens, tags, at, marks)
        return None, 1
    return Chunk(_SINGLE.get(tag, Kind.OTHER), token.begin, token.end, token.text.casefold()), 1


def _infinitive(tokens: Sequence[Token], at: int, before: Chunk | None) -> tuple[Chunk, int]:
    is_real = before is not None and before.kind is Kind.VERB and before.is_real and before.head in _LEADS_TO
    verb = tokens[at + 1]
    return Chunk(Kind.VERB, tokens[at].begin, verb.end, verb.text, is_real=is_real, is_loose=True), 2


def _verb_group(
    tokens: Sequence[Token],
    tags: Sequence[Tag],
    at: int,
    marks: dict[int, tuple[TimeExpression, int]],
    *,
    is_loose: bool = False,
) -> tuple[Chunk, int]:
    stop, last = at, at
    while stop < len(tokens) and stop not in marks and tags[stop] in _VERBAL:
        if tags[stop] is Tag.PARTICIPLE and stop > at and tags[stop - 1] is not Tag.AUXILIARY:
            break
        if tags[stop] in (Tag.VERB, Tag.AUXILIARY, Tag.PARTICIPLE, Tag.MODAL):
            last = stop
        stop += 1
    words = [each.text.casefold() for each in tokens[at : last + 1]]
    tail = [each.text.casefold() for each in tokens[last + 1 : stop]]
    head = words[-1]
    return (
        Chunk(
            Kind.VERB,
            tokens[at].begin,
            tokens[last].end,
            head,
            negated=any(tag is Tag.NOT for tag in tags[at:stop]) or "longer" in tail,
            is_real=not any(word in _UNREAL_MODALS for word in words) and words[:2] != ["would", "have"],
            is_passive=len(words) > 1 and any(word in _BE for word in words[:-1]) and not head.endswith("ing"),
            is_loose=is_loose,
        ),
        max(1, last + 1 - at),
    )


def _name_phrase(
    tokens: Sequence[Token], tags: Sequence[Tag], at: int, marks: dict[int, tuple[TimeExpression, int]]
) -> tuple[Chunk | None, int]:
    """Determiner, nouns, and further name phrases joined by "of": "the Ministry of the Interior"."""
    stop = at
    n_nouns = 0
    while stop < len(tokens) and stop not in marks:
        tag = tags[stop]
        if tag in (Tag.NOUN, Tag.PARTICIPLE):
            n_nouns += 1
        elif tag is Tag.DETERMINER:
            if stop != at and tags[stop - 1] not in (Tag.OF, Tag.DETERMINER):
                break
        elif not n_nouns or not _goes_on(tags, stop + 1, marks) or not _joins(tokens, tag, stop):
            break
        stop += 1
    if not n_nouns:
        return None, max(1, stop - at)
    return Chunk(Kind.NAME, tokens[at].begin, tokens[stop - 1].end, tokens[at].text.casefold()), stop - at


_INSTITUTIONS = word_set(
    "Trust Institute Center Centre Committee Department Council Association Office Society Union School "
    "College Foundation Agency Bank Fund Organization Organisation Commission Commissariat Ministry "
    "Minister Secretary Academy Laboratory"
)


def _joins(tokens: Sequence[Token], tag: Tag, at: int) -> bool:
    """Whether a token may stand inside a name: "of", "&", or a sign without a space before it."""
    text = tokens[at].text
    if text == "for":
        return tokens[at - 1].text in _INSTITUTIONS and at + 1 < len(tokens) and tokens[at + 1].text[0].isupper()
    return tag is Tag.OF or text == "&" or (text in (".", "’", "'", "/") and tokens[at].begin == tokens[at - 1].end)


def _goes_on(tags: Sequence[Tag], at: int, marks: dict[int, tuple[TimeExpression, int]]) -> bool:
    return at < len(tags) and at not in marks and tags[at] in (Tag.NOUN, Tag.DETERMINER, Tag.PARTICIPLE)
