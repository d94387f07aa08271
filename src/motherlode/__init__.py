"""Retrieval and recommendation in one library. Every name is loaded at first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "Clusters": "motherlode.retrieval.clustering",
    "ConflictError": "motherlode.errors",
    "CpuInfo": "motherlode.retrieval.kernels",
    "DataError": "motherlode.errors",
    "Encoder": "motherlode.core.ports",
    "Hits": "motherlode.retrieval.hits",
    "Index": "motherlode.retrieval.index",
    "InputError": "motherlode.errors",
    "LodeError": "motherlode.errors",
    "TokenVectors": "motherlode.core.ports",
    "TrainingError": "motherlode.errors",
    "UnsupportedError": "motherlode.errors",
    "VectorDocument": "motherlode.retrieval.stream",
    "Writer": "motherlode.retrieval.writer",
    "build_index": "motherlode.retrieval.build",
    "build_index_stream": "motherlode.retrieval.stream",
    "build_text_index": "motherlode.workflows.text_index",
    "compress_index": "motherlode.retrieval.compression",
    "cpu": "motherlode.retrieval.kernels",
    "exact_search": "motherlode.retrieval.exact",
    "from_arrow": "motherlode.retrieval.arrays",
    "from_documents": "motherlode.retrieval.arrays",
    "load_encoder": "motherlode.retrieval.encoders",
    "open_index": "motherlode.retrieval.index",
    "read_trec": "motherlode.retrieval.runs",
    "to_ir_measures": "motherlode.retrieval.runs",
    "to_ranx": "motherlode.retrieval.runs",
    "to_trec": "motherlode.retrieval.runs",
    "token_aware_clusters": "motherlode.retrieval.clustering",
}

__all__ = sorted([*_WHERE, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'motherlode' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
