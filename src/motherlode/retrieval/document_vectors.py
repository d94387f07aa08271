"""The token vectors of one document, as well as the index remembers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.retrieval.decoding import decode_tokens
from motherlode.retrieval.segments import Segment, damaged
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["DocumentVectors", "find_documents", "source_of", "token_ranges", "vectors_of"]


@dataclass(frozen=True, slots=True)
class DocumentVectors:
    """A document's token vectors.

    vectors: float32 [n_doc_tokens, dim], in the order of the document's tokens
    exact: whether they are those that the index was given, up to float16's rounding where ``source`` names it; codes
        are not
    source: where they come from: "flat float16", "flat float32", "kept float16", "2-bit codes", "2+4-bit codes"
        (with a refinement tier), …
    """

    vectors: NDArray[np.float32]
    exact: bool
    source: str


def source_of(state: Snapshot) -> tuple[str, bool]:
    """Where an index's best vectors come from, and whether they are exact."""
    if state.kind == "flat":
        return f"flat {state.manifest['flat']['dtype']}", True
    if state.keep_vectors:
        return f"kept {state.keep_vectors}", True
    facts = state.manifest["codebook"]
    bits = f"{facts['bits']}+{facts['refine_bits']}" if facts["refine_bits"] else f"{facts['bits']}"
    return f"{bits}-bit codes", False


def find_documents(state: Snapshot, ids: Sequence[Any], name: str) -> NDArray[np.int64]:
    """Slots of documents; InputError, naming the ids, where the index does not have them (any more)."""
    for identifier in ids:
        if not isinstance(identifier, str):
            raise InputError(f"{name}: {identifier!r} is no string; ids are strings, convert with str()")
    slots = state.find(ids)
    missing = [ids[i] for i in np.flatnonzero(slots < 0).tolist()]
    if missing:
        shown = ", ".join(map(repr, missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise InputError(
            f"{name}: the index has no {shown}: never added, deleted, or written after this index was opened "
            "(refresh() shows the newest state)"
        )
    return slots


def token_ranges(segment: Segment, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last + 1 of the tokens of a segment's documents."""
    begins, ends = segment.offsets[places], segment.offsets[places + 1]
    wrong = np.flatnonzero((begins < 0) | (begins > ends) | (ends > segment.n_tokens))
    if len(wrong):
        first = int(wrong[0])
        raise damaged(segment.main, f"tokens {begins[first]} to {ends[first]}", f"inside {segment.n_tokens}")
    return begins, ends


def vectors_of(state: Snapshot, doc_id: str) -> DocumentVectors:
    """See :meth:`Index.vectors_of`."""
    segment, place = state.locate(int(find_documents(state, [doc_id], "doc_id")[0]))
    begins, ends = token_ranges(segment, np.array([place]))
    begin, end = int(begins[0]), int(ends[0])
    source, exact = source_of(state)
    if exact:
        return DocumentVectors(segment.vectors[begin:end].astype(np.float32), exact, source)
    with np.errstate(all="ignore"):  # a flipped bit in a scale can make it infinite
        return DocumentVectors(decode_tokens(state, segment, begin, end), exact, source)
