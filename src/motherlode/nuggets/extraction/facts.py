"""From propositions to facts: which relation a verb means, which way round, when, and how sure the pattern is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from motherlode.core.time import PartialDate
from motherlode.nuggets.extraction.aspects import Aspect
from motherlode.nuggets.extraction.chunks import Kind
from motherlode.nuggets.extraction.clauses import Argument, Proposition
from motherlode.nuggets.extraction.dates import MONTH
from motherlode.nuggets.extraction.lexicon import word_set
from motherlode.nuggets.extraction.roles import is_role, split_role
from motherlode.nuggets.extraction.subjects import Resolved, SubjectResolver
from motherlode.nuggets.extraction.time_grammar import Relation, TimeExpression
from motherlode.nuggets.extraction.verbs import VerbSense, lasting_of, sense_of
from motherlode.nuggets.schema import load_schema
from motherlode.nuggets.values import Value

__all__ = ["Fact", "facts_of", "subject_of"]

When = PartialDate | None


@dataclass(frozen=True, slots=True)
class Fact:
    """What a pattern read. trust: 0 to 1, how often the pattern is right."""

    subject: str
    predicate: str
    object: Value
    start: When
    stop: When
    trust: float
    negated: bool = False
    is_event: bool = False
    unit: str | None = None


_COPULAS = frozenset(["is", "was", "were", "are", "been", "be", "being"])
# Patterns' shares of right claims, read in samples of the benchmark's development half.
_TRUST = {"role": 0.95, "typed": 0.93, "open": 0.91, "open_to": 0.89, "open_common": 0.82}
_NEED_A_NAME = frozenset({"member of", "employer", "educated at", "residence", "headquarters", "spouse", "owned by"})
_OPEN_PREPOSITIONS = word_set("to at for in by as from into with on under against through")
_DAY_ONLY = re.compile(rf"{MONTH}(?:\s+\d{{1,2}})?|\d{{1,2}}\s+{MONTH}")
_SEATS = ("headquarters", "capital", "seat")
_FORMER = re.compile(r"\b(?:formerly|previously|originally|once)\b")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_SCHOOL = re.compile(r"school|college|universit|academy|institut|seminary|gymnasium|conservator", re.IGNORECASE)
_LEADING = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_OWN = re.compile(r"^(?:his|her|its|their|our|my)\b", re.IGNORECASE)
_NAME_IN = re.compile(r"\b[A-Z0-9ÀÁÂÄÅÆÇÈÉÊÍÎÑÓÔÖØÚÜĆČŁŚŠŻŽ]")
_LIGHT = frozenset(["did", "does", "do", "had", "has", "have", "got", "gets"])


def facts_of(
    sentence: str, proposition: Proposition, resolver: SubjectResolver, published: PartialDate | None
) -> Iterator[Fact]:
    """The facts that one proposition states."""
    verb = proposition.verb
    subject = subject_of(sentence, proposition, resolver)
    gives = verb.head in _APPOINTS and not verb.is_passive
    if not verb.is_real or (subject is None and not gives):
        return
    subject = subject or Resolved("", 0.9)  # who appointed need not be known, who was does
    if verb.negated and not _says_no_longer(sentence, verb.begin, verb.end):
        return
    arguments = proposition.arguments
    yield from _life(sentence, proposition, subject)
    reached = 0
    for at, argument in enumerate(arguments):
        if argument.begin < reached and argument.time == arguments[at - 1].time:
            continue  # it is part of the position before it
        words = _extended(sentence, arguments, at)
        reached = argument.begin + len(words)
        for fact in _facts(sentence, proposition, argument, words, subject, resolver, published):
            if fact.subject and fact.object:
                yield _turned(fact, proposition, argument, words, resolver)
    if verb.head == "succeeded" and not verb.is_passive:
        yield from _predecessor(sentence, arguments, subject)


def _turned(fact: Fact, proposition: Proposition, argument: Argument, words: str, resolver: SubjectResolver) -> Fact:
    """The same fact said of the page's subject: "Smith bought the house" → (house, bought by, Smith)."""
    title, verb = resolver.title, proposition.verb
    if title is None or not isinstance(fact.object, str):
        return fact
    owned = f" of {title}"
    if fact.subject.endswith(owned) and fact.predicate in _MEMBERSHIP:
        return replace(fact, subject=title, predicate=fact.subject.removesuffix(owned), trust=fact.trust / 0.75)
    is_own_words = fact.predicate.split()[0] == verb.head and not verb.is_passive and not argument.preposition
    if is_own_words and fact.subject != title and not argument.rank and resolver.is_title(words):
        return replace(fact, subject=title, predicate=f"{verb.head} by", object=fact.subject)
    return fact


_MEMBERSHIP = frozenset({"included", "include", "includes", "is", "is in", "is at"})


def subject_of(sentence: str, proposition: Proposition, resolver: SubjectResolver) -> Resolved | None:
    """Whom a proposition is about; None where the page does not tell."""
    chunk = proposition.subject
    if chunk is None:
        return None
    return resolver.resolve(sentence[chunk.begin : chunk.end], is_pronoun=chunk.kind is Kind.PRONOUN)


def _life(sentence: str, proposition: Proposition, subject: Resolved) -> Iterator[Fact]:
    """The dates of birth and death, as dates."""
    name = {"born": "date of birth", "died": "date of death"}.get(proposition.verb.head)
    time = proposition.time
    if name is None or time is None or time.first is None or time.relation is not Relation.WITHIN:
        return
    if sentence[proposition.verb.end : time.begin].count(",") <= 3:
        yield Fact(subject.name, name, time.first, time.first, None, subject.trust * 0.95)


def _says_no_longer(sentence: str, begin: int, end: int) -> bool:
    return "no longer" in sentence[begin : end + 12]


def _extended(sentence: str, arguments: Sequence[Argument], at: int) -> str:
    """The argument's words; of a role, with the "at the bank" that stands right behind it."""
    argument = arguments[at]
    words = sentence[argument.begin : argument.end]
    if at + 1 < len(arguments) and is_role(words):
        behind = arguments[at + 1]
        joint = sentence[argument.end : behind.begin].strip()
        if behind.rank == argument.rank + 1 and joint in ("at", "for", "in", "to", "with", "on", "at the", "under"):
            return sentence[argument.begin : behind.end]
    return words


def _facts(
    sentence: str,
    proposition: Proposition,
    argument: Argument,
    words: str,
    subject: Resolved,
    resolver: SubjectResolver,
    published: PartialDate | None,
) -> Iterator[Fact]:
    verb = proposition.verb
    bare = _LEADING.sub("", words).strip()
    is_name = _NAME_IN.search(bare) is not None and _OWN.match(bare) is None
    if not _LETTERS.search(bare) or _DAY_ONLY.fullmatch(bare):
        return
    is_person = resolver.is_person and subject.name == resolver.title
    lead = "" if argument.lead is None else sentence[slice(*argument.lead)]
    sense = _sense(proposition, argument, words, lead, is_person=is_person)
    if sense.predicate in _NEED_A_NAME and not is_name:
        sense = VerbSense(None, sense_of("", "").aspect)
    bounds = _bounds(argument.time, sense.aspect, negated=verb.negated, published=published)
    is_dated = bounds != (None, None)
    trust = subject.trust * _penalty(argument, proposition)
    if sense.predicate == "position held":
        holder = _appointed(sentence, proposition, argument, resolver) or subject
        yield from _role_facts(bare, words, holder, bounds, trust, resolver, negated=verb.negated)
    elif sense.predicate is not None:
        pair = (bare, subject.name) if sense.is_inverse else (subject.name, bare)
        if sense.predicate == "name" and _FORMER.search(sentence, max(0, verb.begin - 12), verb.end):
            sense = VerbSense("former name", sense.aspect)
            is_dated = True  # that it is over is what is said
        if sense.predicate is not None and (is_dated or sense.predicate in _NEED_A_NAME):
            yield Fact(pair[0], sense.predicate, pair[1], *bounds, trust * _TRUST["typed"], verb.negated)
    elif is_dated and not verb.negated and verb.head not in _LIGHT:
        head = "is" if verb.head in _COPULAS and not verb.is_passive else verb.head
        yield from _open_facts(sentence, argument, bare, subject, bounds, trust, head)


def _sense(proposition: Proposition, argument: Argument, words: str, lead: str, *, is_person: bool) -> VerbSense:
    """The verb's sense with this object; its own words where the object does not fit the relation."""
    verb, preposition = proposition.verb, argument.preposition
    sense = sense_of(verb.head, preposition)
    own = VerbSense(None, lasting_of(verb.head))
    if sense.is_inverse and verb.is_passive:
        return own
    if verb.head in ("moved", "relocated", "moving") and preposition == "to" and lead.endswith(_SEATS):
        return VerbSense(lead.split()[-1].casefold(), Aspect.BEGINS)
    if verb.head in ("changed", "shortened") and preposition == "to" and lead.endswith("name"):
        return VerbSense("name", Aspect.BEGINS)
    match sense.predicate:
        case "member of":
            # A ship leaves a port and a firm signs with a client: neither is a member.
            is_loose = verb.head.startswith(("sign", "re-sign", "left", "leaving", "depart", "quit"))
            return own if is_loose and not is_person else sense
        case "educated at" if verb.head in ("entered", "admitted"):
            return sense if _SCHOOL.search(words) else own
        case "name":
            is_said_of_subject = verb.is_passive or (preposition == "as" and argument.lead is None)
            return sense if is_said_of_subject else own
        case "position held":
            given = proposition.receiver is not None and verb.head in _APPOINTS
            if not is_role(words) or argument.rank > (0 if preposition in ("", "to") and not given else 1):
                return own
            by_another = verb.head in _APPOINTS and not (verb.is_passive or _continues_passive(proposition))
            is_given = given or (argument.lead is not None and preposition in ("as", "to"))
            return own if by_another and not is_given else sense
        case _:
            return sense


def _open_facts(
    sentence: str,
    argument: Argument,
    bare: str,
    subject: Resolved,
    bounds: tuple[When, When],
    trust: float,
    head: str,
) -> Iterator[Fact]:
    """A dated proposition under the verb's own words."""
    preposition = argument.preposition
    has_name = _NAME_IN.search(bare) is not None
    if not has_name and (preposition or _OWN.match(bare) or len(bare.split()) > 8):
        return
    if preposition and preposition not in _OPEN_PREPOSITIONS:
        return
    if argument.rank and preposition not in ("", "to", "at", "from", "by", "in", "as"):
        trust *= 0.92
    lead = "" if argument.lead is None else sentence[slice(*argument.lead)]
    lead = _LEADING.sub("", lead) if len(lead) <= 60 else ""
    words = " ".join(part for part in (head, lead, preposition) if part)
    kind = "open_to" if preposition else "open" if has_name else "open_common"
    yield Fact(subject.name, words, bare, *bounds, trust * _TRUST[kind], is_event=head != "is")


_APPOINTS = word_set("appointed elected re-elected reelected named made chosen selected promoted crowned hired")


def _continues_passive(proposition: Proposition) -> bool:
    """Whether a second verb is passive like the first: "He was elected to the Académie, named a senator"."""
    return proposition.follows_passive and proposition.verb.end - proposition.verb.begin == len(proposition.verb.head)


def _appointed(
    sentence: str, proposition: Proposition, argument: Argument, resolver: SubjectResolver
) -> Resolved | None:
    """Who got the position where somebody else gave it: "The king appointed Smith as governor"."""
    verb = proposition.verb
    if verb.is_passive or _continues_passive(proposition) or verb.head not in _APPOINTS:
        return None
    receiver = proposition.receiver
    if receiver is not None:
        resolved = resolver.resolve(sentence[receiver.begin : receiver.end], is_pronoun=True)
        return resolved or Resolved("", 0.0)
    if argument.lead is None:
        return None
    name = sentence[slice(*argument.lead)]
    return Resolved(name, 0.9) if name[:1].isupper() else Resolved(name, 0.0)


def _penalty(argument: Argument, proposition: Proposition) -> float:
    """Objects further from the verb, and times from the head of the sentence, are bound wrongly more often."""
    penalty = 1.0 if argument.rank <= 1 else 0.85
    if argument.is_fronted and argument.time is not None:
        penalty *= 0.98
    if proposition.is_reduced:
        penalty *= 0.85
    return penalty * (0.97 if proposition.verb.is_loose else 1.0)


def _bounds(
    time: TimeExpression | None, aspect: Aspect, *, negated: bool, published: PartialDate | None
) -> tuple[When, When]:
    """Start and end of a fact. The sense of the verb decides what one date is; it knows better than the nearest cue."""
    if negated:
        if time is not None and time.relation is not Relation.NO_LONGER:
            return time.first, None
        return (None, None) if published is None else (PartialDate.before(published), None)
    if time is None or not time.interval.is_known:
        return None, None
    return time.bounds(aspect)


def _role_facts(
    bare: str,
    words: str,
    subject: Resolved,
    bounds: tuple[When, When],
    trust: float,
    resolver: SubjectResolver,
    *,
    negated: bool,
) -> Iterator[Fact]:
    """X's position, and its holder: (Tim Cook, position held, CEO of Apple), (Apple, CEO, Tim Cook).

    Of an office that one holds at a time only the holder, unless the page is about the person: the next holder closes
    that fact, and nothing would close the other.
    """
    sure = trust * _TRUST["role"]
    own = _OWN.match(bare)
    split = split_role(words)
    if split is not None and "’s " in words.replace("'", "’"):
        bare = f"{split[0]} of {split[1]}"
    held = Fact(subject.name, "position held", bare, *bounds, sure, negated)
    owner: str | None = None
    if split is not None:
        role, owner = split
    else:
        role = bare
        if own is not None:
            possessor = resolver.possessor(own[0]) if own[0].casefold() in ("his", "her", "its", "their") else None
            if possessor is None or possessor.name == subject.name:
                return  # own is a possessive, so there is no position to tell either
            role, owner, sure = bare[own.end() :].strip(), possessor.name, sure * possessor.trust
    if not owner and resolver.title and not resolver.is_person:
        owner, sure = resolver.title, 0.96 * sure  # a position on the page of a club is one of the club
    has_holder = bool(owner and role and owner != subject.name and bounds != (None, None))
    is_one = has_holder and load_schema().find(role).cardinality == "functional"
    if own is None and not (is_one and resolver.title != subject.name):
        yield held
    if has_holder and owner:
        yield Fact(owner, role, subject.name, *bounds, sure, negated)


def _predecessor(sentence: str, arguments: Sequence[Argument], subject: Resolved) -> Iterator[Fact]:
    """X succeeded Y as the CEO: so Y was, until then."""
    direct = [each for each in arguments if not each.preposition]
    roles = [each for each in arguments if each.preposition == "as"]
    if len(direct) != 1 or len(roles) != 1 or roles[0].time is None:
        return
    name, role = (_LEADING.sub("", sentence[each.begin : each.end]) for each in (direct[0], roles[0]))
    stop = roles[0].time.bounds(Aspect.ENDS)[1]
    if stop is not None and name[0].isupper() and is_role(role):
        yield Fact(name, "position held", role, None, stop, subject.trust * 0.88)
