"""``lode estimate``."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from motherlode.cli.console import results, size
from motherlode.errors import InputError

if TYPE_CHECKING:
    from motherlode import Estimate

__all__ = ["EstimateRequest", "estimate", "parse_number"]

_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "B": 3, "T": 4}


def parse_number(text: str, name: str, *, is_size: bool = False) -> int:
    """``598M``, ``8.8k``, ``1e6``, ``12_000``; sizes as ``64GB`` (powers of 1000) or ``64GiB`` (of 1024)."""
    match = re.fullmatch(r"([0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE][0-9]+)?) ?([kKmMgGbBtT]?)(i?)([bB]?)", text.strip())
    if match is None or (not is_size and (match[3] or match[4])):
        example = "64GB" if is_size else "598M"
        raise InputError(f"{name} {text!r}: give a number such as {example}; k, M, G and T stand for thousands")
    letter = match[2].upper().replace("K", "k")
    if is_size and letter == "B":  # 512B are bytes; elsewhere B is a billion
        letter = ""
    value = float(re.sub("[_,]", "", match[1])) * float(1024 if match[3] else 1000) ** _POWERS[letter]
    if not value < 1 << 40 and not is_size:
        raise InputError(f"{name} {text!r}: more than any index holds")
    return round(value)


@dataclass(frozen=True, slots=True)
class EstimateRequest:
    """What ``lode estimate`` was asked, as it was written."""

    docs: str
    tokens: str | None
    tokens_per_doc: float | None
    dim: int
    bits: int
    refine_bits: int
    keep_vectors: str | None
    centroids: str | None
    text: str

    def arguments(self) -> dict[str, Any]:
        """Arguments of ``estimate_index``."""
        n_docs = parse_number(self.docs, "--docs")
        if (self.tokens is None) == (self.tokens_per_doc is None):
            raise InputError("give --tokens or --tokens-per-doc: a corpus of passages has 50 to 150 tokens a document")
        if self.tokens is not None:
            n_tokens = parse_number(self.tokens, "--tokens")
        else:
            n_tokens = round((self.tokens_per_doc or 0) * n_docs)
        return {
            "n_docs": n_docs,
            "n_tokens": n_tokens,
            "dim": self.dim,
            "bits": self.bits,
            "refine_bits": self.refine_bits,
            "keep_vectors": self.keep_vectors,
            "n_centroids": None if self.centroids is None else parse_number(self.centroids, "--centroids"),
            "text_bytes": parse_number(self.text, "--text", is_size=True),
        }


def estimate(
    request: EstimateRequest, *, n_shards: int, memory: str | None, n_threads: int, as_json: bool, no_color: bool
) -> None:
    """Print sizes by part, memory of building and searching, and how many machines it takes."""
    from motherlode import estimate_index, shards_within

    arguments = {**request.arguments(), "n_threads": n_threads}
    memory_bytes = None if memory is None else parse_number(memory, "--memory", is_size=True)
    found = estimate_index(**arguments, n_shards=n_shards)
    wanted = None if memory_bytes is None else shards_within(memory_bytes, **arguments)
    if as_json:
        facts = found.to_dict()
        if memory_bytes is not None:
            facts |= {"memory": memory_bytes, "shards_within_memory": wanted}
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
        return
    console = results(no_color=no_color)
    _print_sizes(console, found)
    _print_memory(console, found)
    if memory_bytes is not None:
        split = None if wanted is None else estimate_index(**arguments, n_shards=wanted)
        _print_machines(console, memory_bytes, wanted, split, found)
    console.print("an estimate for text; other data differ (docs/log.md)", style="dim", markup=False)


def _print_sizes(console: Console, found: Estimate) -> None:
    centroids = f", {found.n_centroids:,} centroids, {found.bits} bits" if found.n_centroids else ""
    more = f" + {found.refine_bits}" if found.refine_bits else ""
    shards = f", {found.n_shards} shards" if found.n_shards > 1 else ""
    console.print(
        f"[bold]{found.n_docs:,} documents, {found.n_tokens:,} tokens[/] of {found.dim} dimensions: "
        f"{found.kind}{centroids}{more}{shards}",
        soft_wrap=True,
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="cyan")
    table.add_column("on disk")
    table.add_column("size", justify="right")
    table.add_column("bytes a token", justify="right")
    for part, n_bytes in found.disk.items():
        if n_bytes:
            table.add_row(part, size(n_bytes), f"{n_bytes / max(1, found.n_tokens):.2f}")
    table.add_row("in all", size(found.disk_bytes), f"{found.bytes_per_token:.2f}", style="bold")
    console.print(table)


def _print_memory(console: Console, found: Estimate) -> None:
    each = ", of each shard" if found.n_shards > 1 else ""
    limited = found.build_memory_limited if found.build_memory_limited < found.build_memory else 0
    threads = f"{found.n_threads} thread{'s' if found.n_threads != 1 else ''}"
    rows = [
        ("building", found.build_memory, f"peak beside the vectors, {threads}"),
        ("building, limited", limited, "with the least memory_limit_bytes that is accepted"),
        ("disk while building", found.build_disk, "beside the shards, until they are complete"),
        ("searching", found.search_memory, f"a process of its own, {threads}"),
        ("  and hot pages", found.search_hot, f"mapped, read all the time{each}"),
        ("  and other pages", found.search_mapped, f"mapped, read in parts{each}; fast if they fit"),
    ]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="cyan")
    table.add_column("memory")
    table.add_column("size", justify="right")
    table.add_column("")
    for name, n_bytes, meaning in rows:
        if n_bytes:
            table.add_row(name, size(n_bytes), meaning)
    console.print(table)


def _print_machines(
    console: Console, memory_bytes: int, wanted: int | None, split: Estimate | None, found: Estimate
) -> None:
    if wanted is None or split is None:
        console.print(f"machines of {size(memory_bytes)}: too small for one shard of any number", style="yellow")
        return
    one = "one machine" if wanted == 1 else f"{wanted} shards, one a machine"
    console.print(
        f"[bold green]{one}[/] of {size(memory_bytes)} hold{'s' if wanted == 1 else ''} all of it in memory "
        f"({size(split.search_total)} each)",
        soft_wrap=True,
    )
    if found.build_memory > memory_bytes:
        console.print(
            f"training the codebook on all tokens takes {size(found.build_memory)}: build with train_tokens= "
            "(a sample) or on a larger machine",
            style="yellow",
            soft_wrap=True,
        )
