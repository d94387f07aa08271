"""What the build of an index has to tell a lifecycle sink."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from motherlode.core.ports import Place, WorkRecord
from motherlode.retrieval.layout import MANIFEST, SHARDS

if TYPE_CHECKING:
    from motherlode.retrieval.index import Index
    from motherlode.retrieval.shards import ShardedIndex

__all__ = ["index_record", "places_of_arrays"]

_SETTINGS = ("kind", "dim", "codebook", "metadata", "built")


def index_record(
    index: Index | ShardedIndex,
    started_at: datetime,
    *,
    inputs: Sequence[Place] = (),
    parameters: Mapping[str, Any] | None = None,
) -> WorkRecord:
    """What was built: its settings and counts, the model that encodes for it, its manifest's digest as its version.

    started_at: aware; inputs: what was read; parameters: settings that the manifest does not keep
    """
    from motherlode import __version__

    manifest = index.info()
    encoder = manifest.get("encoder") or {}
    config = encoder.get("config", {})
    settings = {name: manifest[name] for name in _SETTINGS if manifest.get(name)}
    # Vectors that were made elsewhere are an input; who made them is not known.
    models = (str(encoder["name"]),) if encoder and config.get("kind") != "precomputed" else ()
    return WorkRecord(
        kind="index",
        name=index.path.resolve().name,
        address=str(index.path),
        inputs=tuple(inputs),
        models=models,
        parameters={**settings, **({"encoder": dict(config)} if config else {}), **(parameters or {})},
        metrics={"n_docs": index.n_docs, "n_tokens": index.n_tokens, "size_bytes": index.size_bytes},
        started_at=started_at,
        ended_at=datetime.now(UTC),
        version=_manifest_digest(index.path),
        code_version=f"motherlode {__version__}",
    )


def places_of_arrays(sources: Iterable[Any], n_rows: int) -> list[Place]:
    """The files that arrays lie in: paths, and arrays that are mapped from a file; others have no place."""
    places = []
    for source in sources:
        where = source.filename if isinstance(source, np.memmap) else source
        if isinstance(where, str | Path):
            places.append(Place(str(where), n_rows=n_rows))
    return places


def _manifest_digest(directory: Path) -> str:
    path = directory / SHARDS
    data = (path if path.exists() else directory / MANIFEST).read_bytes()
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
