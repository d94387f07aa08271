"""What a change becomes on its way: for each relation and kind of change, the severity at the other end.

Severities, from weak to strong: MASKED (it stops there), INFORM (people should know), STALE (it works on, with what is
old), DEGRADES (it works on, worse), BREAKS (it fails, or can no longer be made). A change crosses some relations as
itself: who drops a dataset drops its columns. What it becomes never grows stronger on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.lifecycle.relations import RELATION_NAMES, RELATIONS

__all__ = [
    "CHANGES",
    "N_CLASSES",
    "Change",
    "Severity",
    "arc_classes",
    "identity_classes",
    "impact_table",
    "lineage_table",
]


class Severity(IntEnum):
    """How badly a component is affected; the number orders them. SAME is the change itself."""

    NONE = 0
    MASKED = 1
    INFORM = 2
    STALE = 3
    DEGRADES = 4
    BREAKS = 5
    SAME = 6


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of change and what it means where it is made."""

    name: str
    severity: Severity
    meaning: str


_N, _M, _I, _S, _D, _B, _X = Severity
CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        change.name: change
        for change in (
            Change("drop", _B, "it is removed"),
            Change("delete", _B, "it is removed"),
            Change("rename", _B, "it has another name from now on"),
            Change("retype", _B, "it has another type from now on"),
            Change("null_rate", _D, "more of its values are missing"),
            Change("distribution", _D, "its values are distributed differently"),
            Change("freshness", _S, "it arrives later than it did"),
            Change("deprecate", _I, "it shall no longer be used"),
        )
    }
)

_HARD = ("drop", "delete", "rename", "retype")
_SOFT = ("null_rate", "distribution")


def _kinds(
    hard: Severity, soft: Severity, late: Severity, deprecated: Severity, **others: Severity
) -> dict[str, Severity]:
    return {
        **dict.fromkeys(_HARD, hard),
        **dict.fromkeys(_SOFT, soft),
        "freshness": late,
        "deprecate": deprecated,
        **others,
    }


@dataclass(frozen=True, slots=True)
class _Effect:
    """kinds: what each change, arriving as itself, becomes; severities: what NONE … BREAKS become, by number."""

    kinds: Mapping[str, Severity]
    severities: tuple[Severity, ...]


_CARRIED = (_N, _N, _I, _S, _D, _B)
_NOTHING = _Effect(_kinds(_N, _N, _N, _N), (_N,) * 6)
_SAME = _Effect(_kinds(_X, _X, _X, _X), (_N, _M, _I, _S, _D, _B))
_PARTS = _Effect(_kinds(_X, _X, _X, _X), _CARRIED)
_NEEDS = _Effect(_kinds(_B, _D, _S, _I), _CARRIED)
_WHOLE = _Effect(_kinds(_M, _M, _M, _M), (_N, _N, _M, _M, _M, _M))
_ONLY_ITSELF = _Effect(_kinds(_X, _X, _X, _X), (_N,) * 6)
_TOLD = _Effect(_kinds(_I, _I, _I, _I), (_N, _N, _I, _I, _I, _I))
_MADE = _Effect(_kinds(_S, _I, _S, _I), (_N, _N, _I, _S, _I, _S))

_DEPENDENCIES = (
    *("read_by", "writes", "derives", "feeds", "input_of", "registered_as", "deployed_as"),
    *("tested_in", "cell_of", "scored", "supports"),
)

# relation: (what crosses from source to target, what crosses back). A relation that is not here carries nothing.
_EFFECTS: Mapping[str, tuple[_Effect, _Effect]] = {
    **dict.fromkeys(_DEPENDENCIES, (_NEEDS, _NOTHING)),
    # Rows are chosen by it: a type that compares differently chooses differently, but the values are still there.
    "influences": (_Effect(_kinds(_B, _D, _S, _I, retype=_D), _CARRIED), _NOTHING),
    # A hash hides how values are distributed, not that they are missing, late or gone.
    "masks": (_Effect(_kinds(_B, _D, _S, _I, distribution=_M), _CARRIED), _NOTHING),
    "has_column": (_PARTS, _WHOLE),
    "has_feature": (_PARTS, _WHOLE),
    # What breaks one version breaks no other; what is done to the model is done to all.
    "has_version": (_ONLY_ITSELF, _WHOLE),
    "current_of": (_NEEDS, _NEEDS),
    # A trained model serves on without its training data; it cannot be made again as it was.
    "trains": (_MADE, _NOTHING),
    "produced": (_MADE, _NOTHING),
    "evaluates": (_TOLD, _NOTHING),
    "triggers": (_Effect(_kinds(_S, _N, _S, _I), (_N, _N, _I, _S, _N, _S)), _NOTHING),
    "same_as": (_SAME, _SAME),
}

N_CLASSES = 2 * len(RELATION_NAMES)
"""An arc's class is twice its relation's code, plus one for the way back."""

_N_CONDITIONS = len(Severity)


def arc_classes(code: int) -> tuple[int, ...]:
    """The classes of the arcs that an edge of a relation gives: there, and where something crosses, back."""
    name = RELATION_NAMES[code]
    if not RELATIONS[name].flow:
        return ()
    _, back = _EFFECTS.get(name, (_NOTHING, _NOTHING))
    return (2 * code,) if back is _NOTHING else (2 * code, 2 * code + 1)


@lru_cache(maxsize=16)
def impact_table(change: str) -> NDArray[np.uint8]:
    """What each condition becomes across each class of arcs, for one kind of change: uint8 [N_CLASSES, 7].

    Raises InputError for a kind that is not in CHANGES.
    """
    if change not in CHANGES:
        raise InputError(f"change {change!r}: expected one of {', '.join(CHANGES)}")
    table = np.zeros((N_CLASSES, _N_CONDITIONS), np.uint8)
    for name, effects in _EFFECTS.items():
        for back, effect in enumerate(effects):
            row = table[2 * RELATIONS[name].code + back]
            row[: Severity.SAME] = effect.severities
            row[Severity.SAME] = effect.kinds[change]
            # Nothing weaker may become something stronger than what is stronger becomes.
            row[:] = np.minimum.accumulate(row[::-1])[::-1]
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def lineage_table() -> NDArray[np.uint8]:
    """Plain lineage, one condition: uint8 [N_CLASSES, 2]: along flow relations, both ways between the same things."""
    table = np.zeros((N_CLASSES, 2), np.uint8)
    for relation in RELATIONS.values():
        if relation.flow:
            table[2 * relation.code, 1] = 1
    table[2 * RELATIONS["same_as"].code + 1, 1] = 1
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def identity_classes() -> NDArray[np.bool_]:
    """Which classes lead to the same thing, and so are no hop: bool [N_CLASSES]."""
    flags = np.zeros(N_CLASSES, np.bool_)
    code = RELATIONS["same_as"].code
    flags[2 * code : 2 * code + 2] = True
    flags.setflags(write=False)
    return flags
