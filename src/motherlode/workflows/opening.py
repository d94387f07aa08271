"""Opening what stands in a directory: an index, or a sharded one."""

from __future__ import annotations

import os
from pathlib import Path

from motherlode.retrieval.index import Index, open_index
from motherlode.retrieval.layout import SHARDS
from motherlode.retrieval.shards import ShardedIndex, open_sharded_index

__all__ = ["open_any"]


def open_any(path: str | os.PathLike[str], *, verify: bool = False) -> Index | ShardedIndex:
    """The index at ``path``, with shards or without."""
    if (Path(path) / SHARDS).exists():
        return open_sharded_index(path, verify=verify)
    return open_index(path, verify=verify)
