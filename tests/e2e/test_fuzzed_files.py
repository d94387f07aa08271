"""Thousands of damaged indexes: each is refused by name, or opens and searches without harm.

The damaged copies are opened in child processes, so that a crash is seen as one. A child prints the number of the
mutation before it tries it; when it dies, that number and the seed are the way to see it again.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode import DataError, Index, InputError, LodeError, UnsupportedError, build_index, open_index
from motherlode.core.files import Container, read_manifest, write_manifest
from tests.corpora import environment, make_corpus

QUICK, LONG = 60, 1500  # mutations per kind of index
KINDS: dict[str, dict[str, Any]] = {
    "flat16": {"kind": "flat"},
    "flat32": {"kind": "flat"},
    "one": {"kind": "compressed", "bits": 1, "n_centroids": 50},
    "two": {"kind": "compressed", "bits": 2, "refine_bits": 4, "n_centroids": 50},
    "four": {"kind": "compressed", "bits": 4, "n_centroids": 12},
    "kept": {"kind": "compressed", "bits": 2, "n_centroids": 50, "keep_vectors": "float16"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    for name, options in KINDS.items():
        corpus = make_corpus(120, 12, dtype=np.float32 if name == "flat32" else np.float16)
        words = [f"document {i}" for i in range(120)]
        build_index(
            folder / name, corpus.vectors, corpus.offsets, corpus.token_ids, words, titles=words, texts=words, **options
        )
    return folder


# --- what is done to an index -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutation:
    what: str
    touches_data: bool  # bytes of a section changed, sizes and headers did not: only verify can find it


def mutate(index: Path, rng: random.Random) -> Mutation:
    """One random damage to one random file."""
    file = rng.choice(sorted(index.iterdir()))
    choice = rng.choice(["flip", "flip", "flip", "data", "data", "data", "run", "truncate", "extend", "swap", "forge"])
    if file.name == "manifest.json" and choice in ("data", "swap", "forge"):
        return rewrite_manifest(file, rng)
    data = bytearray(file.read_bytes())
    if choice == "flip":
        offset = rng.randrange(len(data))
        data[offset] ^= 1 << rng.randrange(8)
        what = f"{file.name}: bit at {offset}"
    elif choice == "run":
        offset, length = rng.randrange(len(data)), rng.choice([2, 4, 8, 64, 500, 5000])
        data[offset : offset + length] = rng.choice([b"\0", b"\xff", b"\x7f", b"["]) * min(length, len(data) - offset)
        what = f"{file.name}: {length} bytes at {offset}"
    elif choice == "truncate":
        del data[rng.choice([0, 27, 4095, 4096, len(data) - 1, rng.randrange(len(data))]) :]
        what = f"{file.name}: cut to {len(data)}"
    elif choice == "extend":
        data += bytes(rng.choice([1, 64, 4096]))
        what = f"{file.name}: extended to {len(data)}"
    elif choice == "swap":
        half = len(data) // 2
        begin, length = rng.randrange(half), rng.randrange(1, 400)
        other = half + rng.randrange(half - length) if half > length else half
        data[begin : begin + length], data[other : other + length] = (
            data[other : other + length],
            data[begin : begin + length],
        )
        what = f"{file.name}: {length} bytes at {begin} and {other} swapped"
    else:
        return damage_section(file, data, rng)
    file.write_bytes(data)
    return Mutation(what, touches_data=False)


def damage_section(file: Path, data: bytearray, rng: random.Random) -> Mutation:
    """Changes values inside a section, where neither size nor header tells."""
    name, begin, size = rng.choice([s for s in sections(file) if s[2]])
    item = rng.choice([1, 2, 4, 8])
    for _ in range(rng.choice([1, 1, 3, 50])):
        at = begin + rng.randrange(max(1, size // item)) * item
        value = rng.choice([0, 1, 2**15, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1, rng.getrandbits(64)])
        end = min(at + item, begin + size)
        data[at:end] = (value % 256**item).to_bytes(8, "little")[: end - at]
    file.write_bytes(data)
    return Mutation(f"{file.name}: values in section {name}", touches_data=True)


def sections(file: Path) -> Iterator[tuple[str, int, int]]:
    container = Container.open(file)
    for name in container.names():
        entry = container._sections[name]
        yield name, entry.offset, entry.size


def rewrite_manifest(file: Path, rng: random.Random) -> Mutation:
    """A manifest with a right CRC and a wrong value, as a bug or a hand might have written it."""
    manifest = read_manifest(file)
    places = list(leaves(manifest))
    holder, key = rng.choice(places)
    old = holder[key]
    holder[key] = rng.choice([0, 1, -1, 3, 2**31, 2**40, 2**64, 1.5, 1e300, "", "x", None, True, [], {}])
    if rng.random() < 0.2:
        del holder[key]
    write_manifest(file, manifest)
    return Mutation(f"manifest: {key} {old!r} became {holder.get(key, 'absent')!r}", touches_data=False)


def leaves(node: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in node.items():
        yield node, key
        if isinstance(value, dict):
            yield from leaves(value)


# --- what must hold afterwards ----------------------------------------------------------------------------------------


def harmless(path: Path) -> str:
    """Says "refused" when opening names the index, otherwise searches it every way and checks the hits."""
    try:
        index = open_index(path)
    except (DataError, InputError) as error:
        assert str(path) in str(error), f"names no file: {error}"
        return "refused"
    rng = np.random.default_rng(0)
    for n_tokens in (1, 7, 70):
        query = rng.standard_normal((n_tokens, index.dim)).astype(np.float32)
        for options in (
            {},
            {"coarse": "ranges", "query_token_ids": np.arange(n_tokens)},
            {"coarse": "exhaustive", "k": 10**6},
            {"coarse": "ranges", "k": 200, "k_centroids": 1000, "k_refine": 1000, "alpha": 0.5, "beta": 3},
        ):
            try:
                hits = index.search(query, **options)
            except DataError as error:
                assert str(path) in str(error), f"names no file: {error}"
                return "refused"
            positions = hits.positions.tolist()
            assert len(set(positions)) == len(positions), "a document twice"
            assert all(0 <= p < index.n_docs for p in positions), "a position outside"
            assert np.isfinite(hits.scores).all(), "a score that is no number"
            assert (np.diff(hits.scores) <= 0).all(), "scores out of order"
            assert all(isinstance(i, str) for i in hits.ids)
    if not words_are_harmless(path, index):
        return "refused"
    index.search_batch([np.ones((3, index.dim)), np.zeros((2, index.dim))], n_threads=2)
    for column in (index.ids, index.titles, index.texts):
        if column is not None:
            assert len(column[:]) == index.n_docs
    json.dumps(index.info())
    return look_closely(index, path, np.ones((5, index.dim), np.float32))


def look_closely(index: Index, path: Path, query: NDArray[np.float32]) -> str:
    """Reranks and explains documents one by one: reads what a search may have left out."""
    for name in index.ids[:40]:
        try:
            scores = index.rerank(query, [name]).scores
            found = index.explain(query, name)
        except DataError as error:
            assert str(path) in str(error), f"names no file: {error}"
            return "refused"
        except InputError as error:
            assert "the index has no" in str(error), "a damaged id or its hash"
            continue
        assert np.isfinite(scores).all(), "a score that is no number"
        assert np.isfinite(found.similarities).all(), "a similarity that is no number"
        json.dumps(found.to_dict(), allow_nan=False)
    return "harmless"


def words_are_harmless(path: Path, index: Index) -> bool:
    """Searches by words; whether it found documents, rather than that the file is damaged."""
    try:
        asked: tuple[tuple[Any, dict[str, Any]], ...] = (
            ([0], {}),
            ([0, 3, 3, 17], {"required": [[1]]}),
            (range(30), {"excluded": [[0, 1], [5]]}),
        )
        for ids, options in asked:
            for k in (3, 10**6):
                hits = index.search_lexical(ids, k, **options)
                positions = hits.positions.tolist()
                assert len(set(positions)) == len(positions), "a document twice"
                assert all(0 <= p < index.n_docs for p in positions), "a position outside"
                assert np.isfinite(hits.scores).all(), "a score that is no number"
                assert (np.diff(hits.scores) <= 0).all(), "scores out of order"
    except UnsupportedError:  # the manifest says now that nothing is known
        return True
    except DataError as error:
        assert str(path) in str(error), f"names no file: {error}"
        return False
    return True


def found_by_verify(path: Path) -> bool:
    try:
        open_index(path, verify=True)
    except LodeError as error:
        return str(path) in str(error)
    return False


def fuzz(original: Path, work: Path, first: int, last: int) -> dict[str, int]:
    """Mutations ``first`` to ``last - 1`` of one index, each seeded by its number."""
    counts = {"refused": 0, "harmless": 0}
    for number in range(first, last):
        print(f"trying {number}", flush=True)
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(original, work)
        before = {file.name: file.read_bytes() for file in work.iterdir()}
        mutation = mutate(work, random.Random(f"{original.name} {number}"))
        changed = before != {file.name: file.read_bytes() for file in work.iterdir()}
        try:
            counts[harmless(work)] += 1
            if mutation.touches_data and changed:
                assert found_by_verify(work), "not found by verify"
        except BaseException:
            print(f"mutation {number}: {mutation.what}", file=sys.stderr, flush=True)
            raise
    return counts


def run_batch(original: Path, work: Path, first: int, last: int) -> dict[str, int]:
    code = (
        "import sys, json; from pathlib import Path; from tests.e2e.test_fuzzed_files import fuzz\n"
        "a = sys.argv; print(json.dumps(fuzz(Path(a[1]), Path(a[2]), int(a[3]), int(a[4]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(original), str(work), str(first), str(last)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=environment(LODE_NUM_THREADS="2"),
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (
        f"{original.name}, {lines[-1] if lines else '?'}, exit {done.returncode}: {done.stderr[-3000:]}"
    )
    counts: dict[str, int] = json.loads(lines[-1])
    return counts


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_few_hundred_damaged_indexes_are_refused_by_name_or_harmless(folder: Path, tmp_path: Path, kind: str) -> None:
    counts = run_batch(folder / kind, tmp_path / "index", 0, QUICK)
    assert counts["refused"] + counts["harmless"] == QUICK
    assert min(counts.values()) > 0


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_thousands_of_damaged_indexes_are_refused_by_name_or_harmless(folder: Path, tmp_path: Path, kind: str) -> None:
    n = int(os.environ.get("LODE_FUZZ_MUTATIONS", LONG))
    for first in range(QUICK, n, 250):
        run_batch(folder / kind, tmp_path / "index", first, min(first + 250, n))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_verify_finds_a_flip_of_any_byte_of_data_and_names_file_and_offset(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    shutil.copytree(folder / kind, tmp_path / "i")
    rng = random.Random(kind)
    for file in sorted((tmp_path / "i").glob("*.lode")):
        original = file.read_bytes()
        for name, begin, size in sections(file):
            for at in {begin, begin + size - 1, *(begin + rng.randrange(size) for _ in range(5))} if size else ():
                data = bytearray(original)
                data[at] ^= 1 << rng.randrange(8)
                file.write_bytes(data)
                open_index(tmp_path / "i")
                with pytest.raises(DataError) as caught:
                    open_index(tmp_path / "i", verify=True)
                assert f"{file}: section {name!r} is damaged between offsets {begin}" in str(caught.value)
        file.write_bytes(original)
    open_index(tmp_path / "i", verify=True)
