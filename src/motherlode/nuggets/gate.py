"""The quality gate: which extracted claims are taken, which a person should see first, which are refused and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from motherlode.core.time import EVER, NEVER, PartialDate, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.record import Claim
from motherlode.nuggets.values import normalize_name

__all__ = ["Gate", "Sorted", "object_fault"]

# Words that point at something said elsewhere; as a whole subject or object they name nothing.
_PRONOUNS = frozenset(
    re.findall(
        r"\w+",
        """he she it they them him her his hers its their theirs we us our ours you your yours i me my mine this that
        these those who whom whose which what there here one ones someone somebody something anyone anybody anything
        everyone everybody everything none nobody nothing himself herself itself themselves former latter same other
        others both each either neither all some any many few several such""",
    )
)
_ARTICLES = frozenset(("the", "a", "an"))
_SENTENCE_END = re.compile(r"([^\W\d_]+)([.!?])[\"')\]”’]*\s+(\w)|[。！？](?=\S)")
_ABBREVIATED = frozenset(("vs", "approx", "ca", "no", "nos", "etc", "al", "cf", "eg", "ie", "pp", "vol"))


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a gate made of claims, each list in their order. rejected: with the reason."""

    accepted: list[Claim] = field(default_factory=list)
    for_review: list[Claim] = field(default_factory=list)
    rejected: list[tuple[Claim, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gate:
    """Sorts claims by confidence, after a look at what they say.

    accept, review: confidence from which a claim is taken, and from which a person sees it first; below, it is rejected
    unstated: what becomes of a claim without a confidence: 'accept' (claims that people bring), 'review' or 'reject'
    earliest, latest: years outside of which no stated bound may lie
    longest: characters of an object; more than a name or a value has

    Errors: InputError unless 0 ≤ review ≤ accept ≤ 1.
    Source: NuggetIndex (2026), its quality gate: 0.85 and 0.6; the checks of the object are our own.
    """

    accept: float = 0.85
    review: float = 0.6
    unstated: str = "review"
    earliest: int = 1
    latest: int = 2200
    longest: int = 200

    def __post_init__(self) -> None:
        if not 0 <= self.review <= self.accept <= 1:
            raise InputError(
                f"a gate needs 0 ≤ review ≤ accept ≤ 1, not review {self.review!r} and accept {self.accept!r}"
            )
        if self.unstated not in ("accept", "review", "reject"):
            raise InputError(f"unstated is 'accept', 'review' or 'reject', not {self.unstated!r}")

    def sort(self, claims: Iterable[Claim]) -> Sorted:
        """The claims in three lists. A fault rejects, whatever the confidence."""
        result = Sorted()
        for claim in claims:
            reason = self.fault(claim)
            verdict = "reject" if reason else self._verdict(claim.confidence)
            if verdict == "accept":
                result.accepted.append(claim)
            elif verdict == "review":
                result.for_review.append(claim)
            else:
                result.rejected.append((claim, reason or self._too_low(claim.confidence)))
        return result

    def fault(self, claim: Claim) -> str | None:
        """What is wrong with what the claim says, or None."""
        return object_fault(claim, longest=self.longest) or self._date_fault(claim)

    def _verdict(self, confidence: float | None) -> str:
        if confidence is None:
            return self.unstated
        return "accept" if confidence >= self.accept else "review" if confidence >= self.review else "reject"

    def _too_low(self, confidence: float | None) -> str:
        if confidence is None:
            return "no confidence is stated"
        return f"confidence {confidence:g} is below {self.review:g}"

    def _date_fault(self, claim: Claim) -> str | None:
        first = PartialDate.from_year(self.earliest).earliest
        last = PartialDate.from_year(self.latest).latest
        stated = [("valid_from", claim.interval.start), ("valid_to", claim.interval.end)]
        if isinstance(claim.object, date | PartialDate):
            stated.append(("the object", parse_partial_date(claim.object)))
        for name, bound in stated:
            if bound is None:
                continue
            too_early = bound.earliest != NEVER and bound.earliest < first
            too_late = bound.latest != EVER and bound.latest > last
            if too_early or too_late:
                return f"{name} {bound} is outside the years {self.earliest} to {self.latest}"
        return None


def object_fault(claim: Claim, *, longest: int = 200) -> str | None:
    """Why a claim's subject and object cannot stand as a fact, or None.

    A subject or object that only points (pronouns), an object that is the subject, an object that is more than a
    sentence or longer than ``longest`` characters.
    """
    if _only_points(claim.subject):
        return f"the subject {claim.subject!r} is a pronoun and names nothing"
    if not isinstance(claim.object, str):
        return None
    shown = claim.object.strip()
    if not any(letter.isalnum() for letter in shown):
        return f"the object {shown!r} holds no letter and no digit"
    if _only_points(shown):
        return f"the object {shown!r} is a pronoun and names nothing"
    if normalize_name(shown) == normalize_name(claim.subject):
        return f"the object is the subject, {claim.subject!r}"
    if len(shown) > longest:
        return f"the object has {len(shown)} characters; a name or value has at most {longest}"
    if _has_two_sentences(shown):
        return f"the object is more than one sentence: {shown[:60]!r}"
    return None


def _only_points(text: str) -> bool:
    """Whether a text is pronouns only. 'IT' and 'US' are names, 'The Who' is one by its second capital."""
    words = re.findall(r"\w+", text)
    if not words or (len(words) == 1 and len(words[0]) > 1 and words[0].isupper()):
        return False
    if any(word[0].isupper() for word in words[1:]):
        return False
    bare = [word.casefold() for word in words if word.casefold() not in _ARTICLES]
    return bool(bare) and all(word in _PRONOUNS for word in bare)


def _has_two_sentences(text: str) -> bool:
    """Whether a sentence ends inside; 'J. Smith', 'Capt. Cook', 'Acme Inc. of Ohio' and 'Yahoo! Japan' end none."""
    for found in _SENTENCE_END.finditer(text):
        word, sign, following = found.groups()
        if word is None:
            return True
        is_short = word[0].isupper() and len(word) < 6
        is_abbreviated = sign == "." and (is_short or word.lower() in _ABBREVIATED)
        is_in_name = sign != "." and len(text[: found.end(1)].split()) < 4
        if following.isupper() and not is_abbreviated and not is_in_name:
            return True
    return False
