"""Names of positions: what a person can become and an organisation can have."""

from __future__ import annotations

import re

from motherlode.nuggets.extraction.lexicon import word_set

__all__ = ["is_role", "is_title_of_honour", "split_role"]

_ROLES = word_set(
    "president vice-president chairman chairwoman chairperson chair ceo cto cfo coo cio director minister "
    "secretary governor mayor premier chancellor senator congressman representative delegate member "
    "commissioner ambassador consul envoy judge justice magistrate attorney solicitor prosecutor counsel king "
    "queen emperor empress prince princess duke duchess earl count countess baron baronet lord sultan emir "
    "shah caliph pope bishop archbishop cardinal abbot abbess priest vicar rector dean provost principal "
    "headmaster headmistress professor lecturer reader instructor teacher tutor fellow researcher scientist "
    "assistant associate editor editor-in-chief journalist reporter correspondent columnist publisher host "
    "co-host presenter anchor announcer producer executive manager coach head-coach captain player-manager "
    "trainer coordinator officer general colonel major lieutenant commander admiral sergeant corporal "
    "commodore brigadier marshal ensign midshipman chief head leader deputy speaker treasurer clerk "
    "administrator superintendent inspector warden curator conservator librarian archivist conductor organist "
    "director-general secretary-general partner founder co-founder owner co-owner spokesperson spokesman "
    "spokeswoman advisor adviser consultant engineer architect surgeon physician apprentice intern councillor "
    "councilor alderman sheriff mp mep whip regent viceroy steward master grandmaster champion ruler monarch "
    "heir successor agent trustee chaplain pastor guitarist drummer vocalist singer bassist pianist violinist "
    "goalkeeper striker quarterback pilot astronaut boss"
)
_SPLIT = re.compile(
    r"^(?:the\s+|a\s+|an\s+)?(?P<role>(?:(?!(?:in|to|with|on|under|of|at|for)\s)[^\s,()]{1,30}\s+){1,6}?)(?:of|at|for)\s+(?:the\s+)?(?P<owner>[A-Z0-9][^,()]{1,80})$",
    re.DOTALL,
)
_HEAD_ENDS = re.compile(r"\s(?:of|at|for|in|to|with|on|under)\s")
_ORDINAL = re.compile(
    r"^(?:\d+(?:st|nd|rd|th)|first|second|third|fourth|fifth|new|next|sole|current|youngest|its|his)\s+", re.I
)


_OWNS = re.compile(r"^(?:the\s+)?(?P<owner>[A-Z][^,()]{0,60}?)[’']s?\s(?P<role>[^,()]{2,60})$")
_OWNER_ENDS = re.compile(r"\s(?:on|with|under|as|to|by)\s")


def is_role(words: str) -> bool:
    """Whether a name phrase names a position: "the chief executive officer of Apple", "Governor of Mississippi"."""
    head = _HEAD_ENDS.split(words[:120], maxsplit=1)[0]
    parts = head.split()
    if not parts:
        return False
    if parts[-1].casefold().rstrip("s.,") in _ROLES or parts[-1].casefold() in _ROLES:
        return True
    # "Prime Minister Thatcher" names a person, "Parliamentary Private Secretary" a position: the last word decides.
    return len(parts) > 1 and parts[-1].casefold() in ("minor", "elect", "designate", "emeritus", "general")


_HONOURS = frozenset({"sir", "dr", "mr", "mrs", "ms", "saint", "st", "dame", "lady", "rev", "gen", "col", "capt", "lt"})


def is_title_of_honour(word: str) -> bool:
    """Whether a word may stand before a person's name: General, Captain, Sir, Dr."""
    lower = word.casefold().rstrip(".")
    return lower in _ROLES or lower in _HONOURS


def split_role(words: str) -> tuple[str, str] | None:
    """('CEO', 'Apple') of "the CEO of Apple"; None where no organisation is said."""
    own = _OWNS.match(words)
    if own is not None and is_role(own["role"]):
        return own["role"], own["owner"]
    found = _SPLIT.match(words)
    if found is None or not is_role(found["role"].strip()):
        return None
    role = _ORDINAL.sub("", found["role"]).strip()
    if role.casefold().split()[-1] in ("minister", "secretary"):
        return None  # "Minister of Health": the whole is the position
    return role, _OWNER_ENDS.split(found["owner"], maxsplit=1)[0].strip()
