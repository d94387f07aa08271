"""Retrieval and recommendation in one library. Every name is loaded at first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "AuditReport": "motherlode.nuggets.audit",
    "Claim": "motherlode.nuggets.record",
    "CandidateSource": "motherlode.retrieval.text_search",
    "Clusters": "motherlode.retrieval.clustering",
    "ConflictError": "motherlode.errors",
    "Context": "motherlode.nuggets.context",
    "CpuInfo": "motherlode.retrieval.kernels",
    "DataError": "motherlode.errors",
    "Document": "motherlode.nuggets.record",
    "DocumentVectors": "motherlode.retrieval.document_vectors",
    "Encoder": "motherlode.core.ports",
    "Explanation": "motherlode.retrieval.explain",
    "Estimate": "motherlode.retrieval.estimate",
    "GovernedPassage": "motherlode.nuggets.postprocess",
    "Hits": "motherlode.retrieval.hits",
    "Index": "motherlode.retrieval.index",
    "ImpactReport": "motherlode.lifecycle.impact",
    "InputError": "motherlode.errors",
    "LifecycleGraph": "motherlode.lifecycle.graph",
    "LodeError": "motherlode.errors",
    "Match": "motherlode.retrieval.explain",
    "Passage": "motherlode.nuggets.passages",
    "Reranked": "motherlode.retrieval.rerank",
    "TextSpan": "motherlode.core.spans",
    "TextTokens": "motherlode.core.ports",
    "ShardTask": "motherlode.retrieval.shard_task",
    "ShardedIndex": "motherlode.retrieval.shards",
    "TokenVectors": "motherlode.core.ports",
    "TrainingError": "motherlode.errors",
    "UnsupportedError": "motherlode.errors",
    "VectorDocument": "motherlode.retrieval.stream",
    "Writer": "motherlode.retrieval.writer",
    "audit": "motherlode.nuggets.audit",
    "build_context": "motherlode.nuggets.context",
    "build_index": "motherlode.retrieval.build",
    "build_index_stream": "motherlode.retrieval.stream",
    "build_sharded_index": "motherlode.retrieval.shard_build",
    "build_text_index": "motherlode.workflows.text_index",
    "compress_index": "motherlode.retrieval.compression",
    "cpu": "motherlode.retrieval.kernels",
    "estimate_index": "motherlode.retrieval.estimate",
    "exact_search": "motherlode.retrieval.exact",
    "Evidence": "motherlode.nuggets.hits",
    "Nugget": "motherlode.nuggets.hits",
    "NuggetHit": "motherlode.nuggets.hits",
    "NuggetStore": "motherlode.nuggets.store",
    "Quantity": "motherlode.nuggets.values",
    "load_schema": "motherlode.nuggets.schema",
    "open_lifecycle": "motherlode.lifecycle.graph",
    "open_nuggets": "motherlode.workflows.nuggets",
    "field": "motherlode.retrieval.metadata.expressions",
    "from_arrow": "motherlode.retrieval.arrays",
    "from_documents": "motherlode.retrieval.arrays",
    "govern": "motherlode.nuggets.postprocess",
    "hit_passage": "motherlode.nuggets.context",
    "load_encoder": "motherlode.retrieval.encoders",
    "merge_hits": "motherlode.retrieval.shards",
    "open_index": "motherlode.retrieval.index",
    "open_sharded_index": "motherlode.retrieval.shards",
    "shards_within": "motherlode.retrieval.estimate",
    "read_trec": "motherlode.retrieval.runs",
    "to_ir_measures": "motherlode.retrieval.runs",
    "to_ranx": "motherlode.retrieval.runs",
    "to_trec": "motherlode.retrieval.runs",
    "token_aware_clusters": "motherlode.retrieval.clustering",
    "valid_at": "motherlode.retrieval.metadata.expressions",
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
