"""What an index of so many tokens will take on disk and in memory, before anything is built.

Sizes on disk follow from the formats (docs/formats/); what depends on the data (token types, posting lists) and the
memory of a build were fitted to indexes that were built, see docs/log.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.retrieval.allocation import allocate_centroids, default_n_centroids
from motherlode.retrieval.build import FLAT_TOKENS, least_memory
from motherlode.retrieval.codebook import CENTROID_BITS, sample_size
from motherlode.retrieval.inputs import MAX_DIM, check_bits, check_count
from motherlode.retrieval.kernels import native, thread_count
from motherlode.retrieval.segment_files import CodeShape

__all__ = ["Estimate", "estimate_index", "shards_within"]

# Token types of English text under BERT's vocabulary: 12,943 in 770,461 tokens, 18,042 in 4.7 million.
_VOCABULARY = 30_522
_TYPES_AT_ONE, _TYPES_GROWTH = 1085.0, 0.183
_ZIPF_EXPONENT, _ZIPF_OFFSET = 1.05, 2.7  # their frequencies: the most frequent one has 4 to 5 % of the tokens
_DISTINCT = 0.8  # centroids of a document per token of it: .75 for text; more for tokens that do not repeat
_LIST_BITS = 2.15  # bits of a posting above log2(mean gap): the widest gap of a block of 128 decides
_QUERY_LANES = 32  # query tokens that a search's memory is stated for
_RANGES_FROM = 131_072  # centroids from which on a search scores some of them only
_HEADER = 4096
_MOST_SHARDS = 1 << 16
_MEBI = 1 << 20
_BUILD_BASE = 40 * _MEBI  # the interpreter, numpy and this library
_SEARCH_BASE = 28 * _MEBI  # … without what only a build needs


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an index will take. All sizes in bytes.

    n_docs, n_tokens, dim, bits, refine_bits, n_centroids, n_types, n_shards, kind: what was estimated, with defaults
        filled in; n_centroids is 0 for a flat index
    disk: by part, all shards together: "codebook", "assignment", "codes", "scales", "refinement", "lists" (posting
        lists), "documents", or "vectors"
    build_memory: peak of a build beside its input, with the interpreter; of a sharded one, whose training is the peak
    build_memory_limited: the least ``memory_limit_bytes`` that a build accepts
    build_disk: needed beside the index while a sharded one is built
    search_memory: of a process that has one shard open: the interpreter, and scratch for ``n_threads`` searches at once
    search_hot: mapped bytes of one shard that every search reads: keep them in memory
    search_mapped: all other mapped bytes of one shard: read in parts, faster the more of them the page cache holds
    n_threads: for which build_memory and search_memory hold
    """

    n_docs: int
    n_tokens: int
    dim: int
    bits: int
    refine_bits: int
    n_centroids: int
    n_types: int
    n_shards: int
    kind: str
    n_threads: int
    disk: Mapping[str, int]
    build_memory: int
    build_memory_limited: int
    build_disk: int
    search_memory: int
    search_hot: int
    search_mapped: int

    @property
    def disk_bytes(self) -> int:
        return sum(self.disk.values())

    @property
    def bytes_per_token(self) -> float:
        return self.disk_bytes / max(1, self.n_tokens)

    @property
    def search_total(self) -> int:
        """Memory of a machine that searches one shard without ever waiting for its disk."""
        return self.search_memory + self.search_hot + self.search_mapped

    def to_dict(self) -> dict[str, Any]:
        """The estimate as JSON values."""
        more = {
            "disk_bytes": self.disk_bytes,
            "bytes_per_token": self.bytes_per_token,
            "search_total": self.search_total,
        }
        return {**asdict(self), "disk": dict(self.disk), **more}


def estimate_index(
    n_docs: int,
    n_tokens: int,
    dim: int = 128,
    *,
    bits: int = 2,
    refine_bits: int = 0,
    n_centroids: int | None = None,
    n_types: int | None = None,
    n_shards: int = 1,
    keep_vectors: str | None = None,
    text_bytes: int = 0,
    n_threads: int = 0,
) -> Estimate:
    """Estimates an index, sharded or not, of so many documents and tokens.

    dim, bits, refine_bits, n_centroids: as in :func:`build_index`
    n_types: token types (distinct vocabulary ids) of the corpus; None for what English text has
    n_shards: 1 for an index without shards
    keep_vectors: "float16" or "float32" for a flat index of such vectors; None for what ``kind="auto"`` builds
        (compressed above 262,144 tokens; below, flat, of float16)
    text_bytes: UTF-8 bytes of titles and texts that the index keeps
    n_threads: of the build, and searches at once; 0 for the CPUs this process may use

    Ids are taken to have as many digits as n_docs. Fitted to indexes of up to 4.6 million tokens, of text (MiniLM) and
    synthetic: there within 10 % of the size and 25 % of a build's memory. Beyond, it extrapolates; for other data give
    n_types and n_centroids. Raises InputError for values that no index has.
    """
    docs, tokens, text = (
        check_count(value, name)
        for value, name in ((n_docs, "n_docs"), (n_tokens, "n_tokens"), (text_bytes, "text_bytes"))
    )
    shards = check_count(n_shards, "n_shards")
    if not 1 <= shards <= max(1, docs):
        raise InputError(f"n_shards={n_shards!r}: give 1 to {max(1, docs)}, a shard has at least one document")
    if tokens and not docs:
        raise InputError(f"n_docs=0: {tokens} tokens belong to one document at least")
    if not 1 <= check_count(dim, "dim") <= MAX_DIM:
        raise InputError(f"dim={dim!r}: give 1 to {MAX_DIM}")
    check_bits(bits, refine_bits)
    if keep_vectors not in (None, "float16", "float32"):
        raise InputError(f'keep_vectors={keep_vectors!r}: give "float16", "float32" or None')
    threads = thread_count(n_threads)
    documents = _documents(docs, shards, text)
    if keep_vectors or tokens <= FLAT_TOKENS:
        return _flat(docs, tokens, dim, shards, np.dtype(keep_vectors or "float16").itemsize, documents, threads)
    sizes = _type_sizes(tokens, n_types)
    k = default_n_centroids(sizes) if n_centroids is None else min(check_count(n_centroids, "n_centroids"), tokens)
    shape = CodeShape(dim, bits, refine_bits, k)
    return _compressed(docs, tokens, shape, sizes, shards, documents, threads)


def shards_within(memory_bytes: int, n_docs: int, n_tokens: int, dim: int = 128, **options: Any) -> int | None:
    """The fewest shards of which each fits in so much memory with all its files; None where even the smallest do not.

    options: those of :func:`estimate_index` but n_shards
    """

    def fits(n_shards: int) -> bool:
        found = estimate_index(n_docs, n_tokens, dim, **{**options, "n_shards": n_shards})
        return found.search_total <= memory_bytes

    high, most = 1, min(max(1, n_docs), _MOST_SHARDS)
    while not fits(high):
        if high == most:
            return None
        high = min(2 * high, most)
    low = high // 2 + 1
    while low < high:  # a shard shrinks with their number
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return high


def _flat(docs: int, tokens: int, dim: int, shards: int, item_bytes: int, documents: int, threads: int) -> Estimate:
    vectors = tokens * dim * item_bytes + 8 * (docs + shards) + shards * _HEADER
    disk = {"vectors": vectors, "documents": documents}
    return Estimate(
        docs, tokens, dim, 0, 0, 0, 0, shards, "flat", threads, disk,
        build_memory=_BUILD_BASE + (1 << 16) * dim * item_bytes + _id_memory(docs, shards),
        build_memory_limited=least_memory(tokens, dim, threads),
        build_disk=0,
        search_memory=_SEARCH_BASE + 16 * docs // shards,
        search_hot=vectors // shards,
        search_mapped=documents // shards,
    )  # fmt: skip


def _compressed(
    docs: int, tokens: int, shape: CodeShape, sizes: NDArray[np.int64], shards: int, documents: int, threads: int
) -> Estimate:
    k, dim = shape.n_centroids, shape.dim
    allocation = allocate_centroids(sizes, np.ones(len(sizes)), k)
    n_types = int((~allocation.pooled).sum()) + int(allocation.pooled.any())
    codebook = _codebook_bytes(shape, n_types)
    lists = shards * _list_bytes(docs / shards, tokens / shards, k)
    disk = {
        "codebook": shards * codebook,
        "assignment": shape.id_bytes * tokens,
        "codes": shape.row_bytes * tokens,
        "scales": 2 * tokens,
        "refinement": (shape.refine_row_bytes + 2) * tokens if shape.refine_bits else 0,
        "lists": lists + shards * 12 * k,
        "terms": _term_bytes(int(sizes[allocation.pooled].sum()), tokens // shards, len(sizes)),
        "documents": documents + 8 * (docs + shards) + shards * 2 * _HEADER,
    }
    largest = min(64 * int(allocation.counts.max()), int(sizes.max()))  # tokens that train one type
    per_shard = sum(disk.values()) // shards
    # Score table, gatherer (three arrays of a word per document) and what a query needs for a chunk of tokens.
    rows = k if k <= _RANGES_FROM else min(k, 8 * _RANGES_FROM) // 4
    scratch = rows * _QUERY_LANES * 2 + (0 if k <= _RANGES_FROM else 8 * k) + 12 * (docs // shards) + (1 << 20)
    return Estimate(
        docs, tokens, dim, shape.bits, shape.refine_bits, k, len(sizes), shards, "compressed", threads, disk,
        build_memory=_BUILD_BASE + _build_peak(docs, tokens, shape, largest, shards, threads),
        build_memory_limited=least_memory(tokens, dim, threads),
        build_disk=codebook + 4 * tokens if shards > 1 else 0,
        search_memory=_SEARCH_BASE + threads * scratch,
        search_hot=codebook + 12 * k,
        search_mapped=max(0, per_shard - codebook - 12 * k),
    )  # fmt: skip


def _type_sizes(tokens: int, n_types: int | None) -> NDArray[np.int64]:
    """Tokens of each type, by the law of Zipf and Mandelbrot."""
    count = round(_TYPES_AT_ONE * tokens**_TYPES_GROWTH) if n_types is None else check_count(n_types, "n_types")
    count = min(count if n_types is not None else min(count, _VOCABULARY), tokens)
    if count == 0:
        raise InputError(f"n_types={n_types!r}: give a positive number, or None")
    shares = (np.arange(count) + 1 + _ZIPF_OFFSET) ** -_ZIPF_EXPONENT
    sizes: NDArray[np.int64] = np.maximum(1, np.round(shares / shares.sum() * tokens)).astype(np.int64)
    return sizes


def _codebook_bytes(shape: CodeShape, n_types: int) -> int:
    dim, width = shape.dim, 8 // shape.bits
    row = int(native.row_bytes(dim, CENTROID_BITS))
    basis = 4 * dim * dim if dim <= 256 else 0
    return (shape.n_centroids + n_types) * row + 12 * n_types + basis + -(-dim // width) * 256 * width + _HEADER


def _list_bytes(docs: float, tokens: float, k: int) -> int:
    """Posting lists of one segment."""
    postings = _DISTINCT * tokens
    gap_bits = math.log2(max(1.0, docs * k / postings))
    short = min(3.0, 4 * k / postings)  # a block's head, and its widest gap, weigh more in short lists
    return int(postings * (gap_bits + _LIST_BITS + short) / 8)


def _term_bytes(pooled: int, tokens: int, n_types: int) -> int:
    """Places and vocabulary ids of the tokens that share the pool's centroids."""
    place, kind = ((2 if most < 1 << 16 else 4 if most < 1 << 32 else 8) for most in (tokens, n_types))
    return (place + kind) * pooled


def _documents(docs: int, shards: int, text_bytes: int) -> int:
    """Ids of as many digits as there are documents, hashes, titles and texts."""
    columns = 16 * (docs + shards) if text_bytes else 0
    return docs * (len(str(docs)) + 20) + 8 * shards + columns + text_bytes + shards * _HEADER


def _id_memory(docs: int, shards: int) -> int:
    """The check that ids are distinct, and a shard's ids as strings."""
    return 110 * docs + (60 * (docs // shards) if shards > 1 else 0)


def _build_peak(docs: int, tokens: int, shape: CodeShape, largest: int, shards: int, threads: int) -> int:
    """The largest stage of a build: grouping tokens, clustering, coding centroids, or coding a shard."""
    k, dim = shape.n_centroids, shape.dim
    values = 4 * dim * k  # centroids as float32
    sample = largest * dim * 4
    trained = 4 * sample_size(tokens, dim) * dim
    own = tokens // shards
    stages = {
        "grouping": 19 * tokens,
        "clustering": 8 * tokens + values + threads * sample,
        "codebook": 12 * tokens + 2 * values + 4 * trained,
        "coding": 14 * own + k * int(native.row_bytes(dim, CENTROID_BITS)) + 40 * k + (1 << 16) * (8 * dim),
    }
    return max(stages.values()) + _id_memory(docs, shards)
