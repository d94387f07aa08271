"""The nugget store with what it takes from its siblings: late-interaction search over its facts."""

from __future__ import annotations

import os
from pathlib import Path

from motherlode.core.ports import Encoder
from motherlode.core.time import Clock, now
from motherlode.errors import InputError
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.store import NuggetStore, open_nuggets as open_store
from motherlode.retrieval.encoders import load_encoder
from motherlode.workflows.nugget_vectors import NuggetVectors

__all__ = ["open_nuggets"]


def open_nuggets(
    where: str | os.PathLike[str],
    *,
    encoder: str | Encoder | None = None,
    vectors: str | os.PathLike[str] | None = None,
    schema: Schema | None = None,
    clock: Clock = now,
    create: bool = True,
    read_only: bool = False,
    timeout_s: float = 30,
) -> NuggetStore:
    """Open a nugget store, and make it where there is none.

    where: a file, ':memory:', or a PostgreSQL URL
    encoder: an `Encoder` or what `load_encoder` takes ("minilm"); with one, questions are answered by words and by late
        interaction, fused. None: by words alone
    vectors: folder of the late-interaction index, by default the file's name with ``.vectors``; a database that is no
        file needs one. It is a projection: `store.update_vectors()` brings it up to date, and what it lacks is found
        by words meanwhile
    schema: of predicates, for a store that has none of its own yet
    clock: tells the recorded times; tests inject theirs
    timeout_s: how long a write waits for another's to end

    Errors: InputError for a missing file with ``create=False``; DataError for a file that is no store, or a newer one;
    ConflictError where another process holds the lock for longer; UnsupportedError for PostgreSQL without its driver,
    or an encoder whose extra is missing.
    """
    place = os.fspath(where)
    if vectors is None and "://" not in place and place != ":memory:":
        vectors = Path(place + ".vectors")
    if encoder is not None and vectors is None:
        raise InputError(f"{place.partition('://')[0]} is no file: name a folder for the vectors (vectors=…)")
    store = open_store(where, schema=schema, clock=clock, create=create, read_only=read_only, timeout_s=timeout_s)
    if vectors is not None:
        loaded = load_encoder(encoder) if isinstance(encoder, str) else encoder
        index = NuggetVectors(store, Path(vectors), loaded)
        store.purge_copies = index.forget
        if loaded is not None:
            store.vectors = index
    return store
