"""Claims by language models: prompts, windows, answers, what it costs, what was paid for already."""

from motherlode.nuggets.llm.cache import ExtractionCache, FileExtractionCache, MemoryExtractionCache
from motherlode.nuggets.llm.client import LiteLlmClient
from motherlode.nuggets.llm.extractor import LlmExtractor
from motherlode.nuggets.llm.requests import CallError, ModelClient, Reply, Request
from motherlode.nuggets.llm.result import CostEstimate, ExtractionResult

__all__ = [
    "CallError",
    "CostEstimate",
    "ExtractionCache",
    "ExtractionResult",
    "FileExtractionCache",
    "LiteLlmClient",
    "LlmExtractor",
    "MemoryExtractionCache",
    "ModelClient",
    "Reply",
    "Request",
]
