"""What is compared: each run is one index of one system, searched at settings that give a curve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bench.measure import cpu_flags

__all__ = ["RUNS", "Run"]

AVX512 = {"avx512f", "avx512bw", "avx512_vnni"}


@dataclass(frozen=True, slots=True)
class Run:
    """label: in the tables
    system: folder under peers/
    build: options of the build
    settings: options of searches; the first is what the system does without options
    cpu_level: LODE_CPU_LEVEL for this run
    n_queries: fewer known-item queries, for the slow ones
    index_of: searches the index of another run
    """

    label: str
    system: str
    build: dict[str, Any] = field(default_factory=dict)
    settings: tuple[dict[str, Any], ...] = ({},)
    cpu_level: str | None = None
    n_queries: int | None = None
    index_of: str | None = None

    def missing(self) -> str | None:
        """Why this CPU cannot run it."""
        if self.cpu_level == "avx512" and not cpu_flags() >= AVX512:
            return "this CPU has no AVX-512 VNNI"
        if self.cpu_level == "avx2" and "avx2" not in cpu_flags():
            return "this CPU has no AVX2"
        return None

    def environment(self) -> dict[str, str]:
        return {} if self.cpu_level is None else {"LODE_CPU_LEVEL": self.cpu_level}


_OUR_CURVE: tuple[dict[str, Any], ...] = (
    {},
    {"k_centroids": 8, "k_docs_to_score": 40, "k_gather": 256},
    {"k_centroids": 16, "k_docs_to_score": 80, "k_gather": 512},
    {"k_centroids": 64, "k_docs_to_score": 320, "k_gather": 2048},
    {"k_centroids": 128, "k_docs_to_score": 1000, "k_gather": 8000},
)
_TACHIOM_CURVE: tuple[dict[str, Any], ...] = (
    {},
    {"k_centroids": 4, "k_docs_to_score": 100},
    {"k_centroids": 10, "k_docs_to_score": 250},
    {"k_centroids": 40, "k_docs_to_score": 1000},
    {"k_centroids": 80, "k_docs_to_score": 4000, "alpha": 10.0},
)
_PLAID_CURVE: tuple[dict[str, Any], ...] = (
    {},
    {"n_ivf_probe": 4, "n_full_scores": 1024},
    {"n_ivf_probe": 16, "n_full_scores": 8192},
)

RUNS = (
    Run("motherlode", "motherlode", {"kind": "compressed"}, _OUR_CURVE),
    Run("motherlode, forced avx2", "motherlode", {}, cpu_level="avx2", index_of="motherlode"),
    Run("motherlode, forced avx512", "motherlode", {}, cpu_level="avx512", index_of="motherlode"),
    Run("motherlode 4 bits", "motherlode", {"kind": "compressed", "bits": 4}, _OUR_CURVE),
    Run("motherlode 2 + 2 bits", "motherlode", {"kind": "compressed", "bits": 2, "refine_bits": 2}, _OUR_CURVE),
    Run("motherlode flat", "motherlode", {"kind": "flat"}, n_queries=100),
    Run("tachiom", "tachiom", {}, _TACHIOM_CURVE),
    Run("fast-plaid", "fast_plaid", {}, _PLAID_CURVE, n_queries=200),
    Run("xtr-warp", "xtr_warp", {}, ({}, {"nprobe": 16}, {"nprobe": 64}), n_queries=200),
    Run("exact float32 (BLAS)", "exact", {"dtype": "float32"}, n_queries=100),
    Run("exact int8 (NumKong)", "exact", {"dtype": "int8"}, n_queries=100),
)
