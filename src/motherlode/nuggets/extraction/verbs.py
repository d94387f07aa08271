"""Verb forms that English spelling does not give away, and what verbs say of their subject and object."""

from __future__ import annotations

from dataclasses import dataclass

from motherlode.nuggets.extraction.aspects import Aspect
from motherlode.nuggets.extraction.lexicon import word_set

__all__ = ["AUXILIARIES", "IRREGULAR", "PRESENT", "VerbSense", "has_verb", "lasting_of", "sense_of"]

AUXILIARIES = word_set("is was are were be been being has had have having did does do got gets")
IRREGULAR = word_set(
    "became become becomes began begun begins won wins held holds took taken takes led leads built builds "
    "sold sells bought buys gave given gives went gone goes ran runs run made makes left leaves met meets "
    "lost loses wrote written writes chose chosen drew drawn grew grown knew known rose risen saw seen sent "
    "sends spent spends stood sworn taught teaches told thought understood wore fought fell fallen found flew "
    "flown kept keeps laid lay brought broke broken came comes cut drove driven fed felt forbade forgave hit "
    "hid hurt lent let paid put quit read rode rung sang sank set sat shot showed shown shut slept spoke "
    "spoken spread sprang stole stuck struck swam threw thrown withdrew withdrawn woke wound oversaw overseen "
    "overthrew overthrown undertook rebuilt remade resold rewrote shared served played died born"
)
PRESENT = word_set(
    "serves serve leads plays play works work lives live owns own remains remain manages coaches teaches "
    "represents represent operates operate contains includes hosts chairs heads joins studies attends governs "
    "rules commands edits publishes produces belongs belong resides stands flies reports competes compete"
)


@dataclass(frozen=True, slots=True)
class VerbSense:
    """What a verb makes of a fact.

    predicate: the relation's name; None keeps the verb's own words
    is_inverse: the object is the subject of the fact ("X acquired Y": Y is owned by X)
    """

    predicate: str | None
    aspect: Aspect
    is_inverse: bool = False


_B, _E, _H = Aspect.BEGINS, Aspect.ENDS, Aspect.HOLDS
_POSITION = "position held"

# (verb, preposition) → sense; the preposition is "" for a direct object. "by" marks the agent of a passive.
_SENSES: dict[tuple[str, str], VerbSense] = {}


def _add(verbs: str, preposition: str, predicate: str | None, aspect: Aspect, *, is_inverse: bool = False) -> None:
    for verb in verbs.split():
        for each in preposition.split("|"):
            _SENSES[verb, each] = VerbSense(predicate, aspect, is_inverse)


_add("became become becomes becoming", "", _POSITION, _B)
_add(
    "appointed elected re-elected reelected named made chosen selected crowned ordained consecrated promoted"
    " commissioned",
    "|as|to",
    _POSITION,
    _B,
)
_add("nominated installed inaugurated hired elevated recalled reappointed sworn enthroned", "as|to|", _POSITION, _B)
_add("succeeded took taken returned started began resumed continued joined enthroned", "as", _POSITION, _B)
_add("assumed", "", _POSITION, _B)
_add("served serves serving acted acting worked works working ruled reigned continued", "as", _POSITION, _H)
_add("is was were are been remained remains being", "", _POSITION, _H)
_add("held holds holding", "", _POSITION, _H)
_add("stepped stood stepping", "as|from", _POSITION, _E)
_add("resigned retired retiring resigning removed dismissed ousted deposed fired sacked", "as|from", _POSITION, _E)
_add("joined joins joining rejoined re-joined entered entering", "", "member of", _B)
_add("signed signs signing re-signed", "for|with", "member of", _B)
_add("loaned traded drafted", "to|by", "member of", _B)
_add("played plays playing appeared competed raced pitched", "for|with", "member of", _H)
_add("left leaving departed quit", "", "member of", _E)
_add("released", "by|from", "member of", _E)
_add("belonged belongs", "to", "member of", _H)
_add("worked works working employed", "for|at|with|by", "employer", _H)
_add("taught teaching lectured", "at", "employer", _H)
_add("hired recruited employed", "by", "employer", _B)
_add("studied studying educated trained studies enrolled", "at|in", "educated at", _H)
_add("enrolled matriculated entered admitted", "at|in|to|", "educated at", _B)
_add("attended attending attends", "", "educated at", _H)
_add("graduated graduating", "from|at", "educated at", _E)
_add("married marries marrying remarried", "|to", "spouse", _B)
_add("wed", "", "spouse", _B)
_add("divorced divorcing", "|from", "spouse", _E)
_add("lived lives living resided resides residing dwelt", "in|at", "residence", _H)
_add("settled emigrated immigrated relocated settling", "in|to", "residence", _B)
_add("acquired bought purchased sold taken owned", "by|to", "owned by", _B)
_add("owned", "by", "owned by", _H)
_add("acquired bought purchased acquires purchasing acquiring", "", "owned by", _B)
for _verb in ["acquired", "bought", "purchased", "acquires", "purchasing", "acquiring"]:
    _SENSES[_verb, ""] = VerbSense("owned by", _B, is_inverse=True)
_add("headquartered based", "in|at", "headquarters", _H)
_add("located situated", "in|at|on", "location", _H)
_add("renamed rebranded redesignated retitled rechristened re-named", "|to|as", "name", _B)
_add("known called titled styled nicknamed", "as|", "name", _H)
_add("manufactured built produced made constructed", "by", "manufacturer", _H)
_add("published", "by", "publisher", _H)
_add("designed", "by", "designer", _H)
_add("founded established created formed", "by", "founded by", _B)
_add("managed coached trained captained", "by", "managed by", _H)
_add("led headed chaired governed commanded directed run edited hosted presented ruled", "by", "led by", _H)
_add("replaced succeeded", "by", "replaced by", _B)
_add("born", "in|at", "place of birth", _B)

# Verbs after which something stays so: under their own words, too, the fact goes on. Others happen and are over.
_LASTING = word_set(
    "became become becoming renamed redesignated designated moved moving relocated transferred "
    "transferring switched converted granted raised elevated installed assigned reassigned attached "
    "posted stationed appointed elected named promoted merged incorporated listed added adopted returned "
    "established introduced joined assumed took taken inherited replaced entered admitted enlisted signed "
    "commissioned attaining attained changed shortened split"
)


def sense_of(verb: str, preposition: str) -> VerbSense:
    """The sense of a verb with a preposition ('' for a direct object); its own words where the lists have none."""
    known = _SENSES.get((verb, preposition))
    if known is not None:
        return known
    return VerbSense(None, lasting_of(verb))


def lasting_of(verb: str) -> Aspect:
    """Whether a fact under a verb's own words goes on from then, or holds then only."""
    return _B if verb in _LASTING else _H


def has_verb(text: str) -> bool:
    """Whether a word in small letters has the form of a verb."""
    return any(
        word in AUXILIARIES or word in IRREGULAR or word in PRESENT or (len(word) > 4 and word.endswith("ed"))
        for word in text.split()
    )
