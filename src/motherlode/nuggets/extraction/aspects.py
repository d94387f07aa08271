"""What a sentence says happens at a time: a state holds, begins, or ends; told by the verb beside the time."""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["Aspect", "aspect_at"]


class Aspect(StrEnum):
    """How a fact relates to the time that is said of it."""

    HOLDS = "holds"
    BEGINS = "begins"
    ENDS = "ends"


_BEGIN = (
    r"became|become|becomes|becoming|joined|joins|joining|appointed|elected|re-?elected|named|nominated|chosen|selected"
    r"|took\s+over|taken\s+over|takes\s+over|took\s+(?:up|office|charge)|assumed|assumes|succeeded|succeeds|inherited|began|begun|begins"
    r"|beginning|started|starts|starting|founded|established|created|formed|resumed|returned|returning|rejoined|moved|moves|moving"
    r"|relocated|settled|emigrated|immigrated|transferred|signed|signs|signing|promoted|installed|sworn\s+in|inaugurated"
    r"|hired|recruited|launched|opened|opens|acquired|acquires|bought|purchased|purchases|merged|married|marries|remarried|entered"
    r"|enrolled|matriculated|admitted|ascended|crowned|ordained|consecrated|commissioned|renamed|rebranded|changed\s+its\s+name|introduced"
    r"|replaced|replaces|granted|designated|listed|incorporated|born|built|adopted|switched|defected|converted|loaned"
    r"|was\s+made|were\s+made|was\s+given|came\s+to\s+power|invested|raised\s+to|elevated|called\s+up|drafted|traded|re-?signed"
    r"|announced|unveiled|published|released|premiered|awarded|won|received"
)
_END = (
    r"stepped\s+down|steps\s+down|stepping\s+down|stood\s+down|resigned|resigns|resigning|resignation|left|leaves|leaving"
    r"|retired|retires|retiring|retirement|died|dies|death|departed|departure|ended|ends|ending|ceased|closed|closes|closing"
    r"|dissolved|abolished|disbanded|fired|sacked|dismissed|removed|deposed|abdicated|divorced|expired|relinquished|quit"
    r"|folded|discontinued|demolished|withdrawn|withdrew|terminated|dropped\s+out|graduated|graduating|overthrown|ousted|separated"
    r"|was\s+succeeded|were\s+succeeded|was\s+replaced|were\s+replaced|been\s+replaced|being\s+replaced|being\s+succeeded|been\s+succeeded"
    r"|parted\s+(?:ways|company)|vacated|gave\s+up|sold\s+(?:his|her|its|the|their)|no\s+longer|relegated|killed|assassinated"
)
_CUE = re.compile(rf"\b(?:(?P<end>{_END})|(?P<begin>{_BEGIN}))\b", re.IGNORECASE)
# A clause ends where another may begin; the comma of "May 5, 2020" is inside the date and so never seen here.
_CLAUSE = re.compile(
    r"[;:()]|,\s|\s,|\s(?:and|but|before|after|when|while|where|who|which|until|then)\s", re.IGNORECASE
)
_REACH = 160


def aspect_at(sentence: str, begin: int, end: int) -> Aspect:
    """Whether what is said at ``sentence[begin:end]`` holds, begins or ends then.

    The nearest cue before the time in its clause decides; for a time at the head of its clause, the first cue after it.
    """
    before = sentence[max(0, begin - _REACH) : begin]
    cues = list(_CUE.finditer(before))
    if cues and not _CLAUSE.search(before, cues[-1].end()):
        return _of(cues[-1])
    after = sentence[end : end + _REACH]
    head = before.rstrip().rstrip(",;:(").rstrip()
    if not head or head != before.rstrip() or head.endswith((".", " and", " but", "then")):
        cue = _CUE.search(after)
        if cue is not None:
            return _of(cue)
        return Aspect.HOLDS
    if cues:
        # "He was appointed chairman of the board, and chief executive, in 2010": the cue of the sentence's last verb.
        between = before[cues[-1].end() :]
        if not re.search(r"\b(?:is|was|were|are|had|has|served|played|worked|lived|held|taught)\b", between):
            return _of(cues[-1])
    return Aspect.HOLDS


def _of(cue: re.Match[str]) -> Aspect:
    return Aspect.ENDS if cue["end"] else Aspect.BEGINS
