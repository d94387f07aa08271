"""Writing a corpus into files: its vectors as they are, or coded with a codebook that was trained on it or on more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import ContainerWriter
from motherlode.core.ports import Progress
from motherlode.retrieval.clustering import token_aware_clusters
from motherlode.retrieval.codebook import Codebook, make_codebook, write_codebook
from motherlode.retrieval.coding import assign_tokens, encode_tokens
from motherlode.retrieval.kernels import native
from motherlode.retrieval.segment_files import CodeShape, write_assignment, write_lists, write_vectors
from motherlode.retrieval.terms import centroid_kinds, write_terms

if TYPE_CHECKING:
    from motherlode.retrieval.build import Corpus, Plan

__all__ = ["Create", "EncoderRecord", "Trained", "Written", "train_codebook", "write_compressed", "write_flat"]

_CHUNK_TOKENS = 1 << 16
Create = Callable[[str], ContainerWriter]
Written = tuple[list[str], list[str], dict[str, Any]]  # roles of the index, roles of its segment, facts of the manifest


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """What an index keeps of its encoder."""

    name: str
    dim: int
    config: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A codebook, and what its training came to.

    assignment: uint32 [n_tokens], the centroid of each token of the corpus; None to find it when they are coded
    pseudo_types: whether token types came from a coarse clustering
    clustering_error: mean squared distance of the trained tokens to their centroids
    """

    book: Codebook
    assignment: NDArray[np.uint32] | None
    pseudo_types: bool
    clustering_error: float


def train_codebook(corpus: Corpus, plan: Plan, report: Progress) -> Trained:
    """Clusters the tokens of a corpus and trains the words of their residuals."""
    clusters = token_aware_clusters(
        corpus.vectors,
        corpus.token_ids,
        plan.n_centroids,
        seed=plan.seed,
        n_threads=plan.n_threads,
        points_per_centroid=plan.points_per_centroid,
        progress=report,
    )
    book = make_codebook(clusters, corpus.vectors, plan.bits, plan.refine_bits, plan.seed, plan.n_threads)
    return Trained(book, clusters.assignment, clusters.pseudo_types, clusters.mean_squared_error)


def write_flat(corpus: Corpus, create: Create, report: Progress) -> Written:
    report.start("writing vectors", len(corpus.vectors), "tokens")
    with create("flat") as writer:
        writer.add("doc_offsets", corpus.offsets)
        with writer.section("vectors", corpus.vectors.dtype) as section:
            for begin in range(0, len(corpus.vectors), _CHUNK_TOKENS):
                chunk = corpus.vectors[begin : begin + _CHUNK_TOKENS]
                section.write(np.ascontiguousarray(chunk))
                report.advance(len(chunk))
    report.finish()
    terms = [] if corpus.token_ids is None else write_terms(create, None, corpus.token_ids, None)
    return [], ["flat", *terms], {"flat": {"dtype": corpus.vectors.dtype.name}}


def write_compressed(corpus: Corpus, plan: Plan, trained: Trained, create: Create, report: Progress) -> Written:
    book, assignment = trained.book, trained.assignment
    with create("codebook") as writer:
        facts = write_codebook(writer, book)
    if assignment is None:
        assignment = _assigned(corpus, plan, trained, report)
    left = _write_segment(corpus, plan, book, assignment, create, report)
    facts |= {
        "pseudo_types": trained.pseudo_types,
        "clustering_error": trained.clustering_error,
        "coding_error": left,
    }
    roles = ["segment", *(["refine"] if book.refine_bits else [])]
    if corpus.token_ids is not None:
        kinds = centroid_kinds(book.type_first, book.type_ids, len(book.centroids))
        roles += write_terms(create, kinds, corpus.token_ids, assignment)
    if plan.keep_vectors is None:
        return ["codebook"], roles, {"codebook": facts}
    with create("vectors") as writer:
        write_vectors(writer, corpus.vectors)
    return ["codebook"], [*roles, "vectors"], {"codebook": facts, "keep_vectors": plan.keep_vectors}


def _assigned(corpus: Corpus, plan: Plan, trained: Trained, report: Progress) -> NDArray[np.uint32]:
    """The centroid of every token, for tokens that the codebook was not trained on."""
    n_tokens = len(corpus.vectors)
    found = np.zeros(n_tokens, np.uint32)
    kinds = None if trained.pseudo_types else corpus.token_ids
    report.start("assigning tokens", n_tokens, "tokens")
    for begin in range(0, n_tokens, _CHUNK_TOKENS):
        part = slice(begin, min(n_tokens, begin + _CHUNK_TOKENS))
        own = None if kinds is None else kinds[part]
        found[part], _ = assign_tokens(trained.book, corpus.vectors[part], own, plan.n_threads)
        report.advance(part.stop - begin)
    report.finish()
    return found


def _write_segment(
    corpus: Corpus,
    plan: Plan,
    book: Codebook,
    assignment: NDArray[np.uint32],
    create: Create,
    report: Progress,
) -> float:
    """Codes every token and writes the segment; returns the mean squared error that the codes leave."""
    n_tokens = len(assignment)
    shape = CodeShape(book.dim, book.bits, book.refine_bits, len(book.centroids))
    scales = np.empty(n_tokens, np.uint16)
    refine_scales = np.empty(n_tokens if book.refine_bits else 0, np.uint16)
    left = 0.0
    with ExitStack() as stack:
        writer = stack.enter_context(create("segment"))
        refine = stack.enter_context(create("refine")) if book.refine_bits else None
        writer.add("doc_offsets", corpus.offsets.astype(np.uint64))
        write_assignment(writer, assignment, shape.id_bytes)
        report.start("coding tokens", n_tokens, "tokens")
        with ExitStack() as streams:
            codes = streams.enter_context(writer.section("codes", np.uint8))
            more = None if refine is None else streams.enter_context(refine.section("codes", np.uint8))
            for begin in range(0, n_tokens, _CHUNK_TOKENS):
                part = slice(begin, min(n_tokens, begin + _CHUNK_TOKENS))
                coded = encode_tokens(book, corpus.vectors, begin, assignment[part], plan.n_threads)
                codes.write(coded.codes)
                scales[part] = coded.scales
                if more is not None:
                    more.write(coded.refine_codes)
                    refine_scales[part] = coded.refine_scales
                left += coded.error
                report.advance(len(coded.assignment))
            codes.write(bytes(native.READ_SLACK))
            if more is not None:
                more.write(bytes(native.READ_SLACK))
        report.finish()
        writer.add("scales", scales)
        if refine is not None:
            refine.add("scales", refine_scales)
        del scales, refine_scales
        write_lists(writer, assignment, corpus.offsets, shape.n_centroids)
    return left / max(1, n_tokens)
