"""The texts of the main workload: package descriptions of Debian main, with queries and judgements.

documents   the long descriptions, one for each distinct text (packages share some), shuffled with a fixed seed so
            that every prefix is a fair sample
queries     known-item: 1,000 packages drawn at random; the query is the short description, the answer the document
            tag: the vocabulary of debtags; the query is a tag's own wording, every document with the tag is relevant
            (tags with 5 to 300 documents)

Needs apt on a Debian system. It downloads into the cache only: nothing is installed and the system's lists stay.
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.workloads.cache import write_atomically

__all__ = ["Package", "prepare_texts"]

N_KNOWN_ITEM = 1000
TAG_DOCS = range(5, 301)
SEED = 0


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    short: str
    long: str


def prepare_texts(folder: Path) -> None:
    """Write docs.jsonl, queries.json and qrels.txt into ``folder``, unless they are there."""
    if (folder / "qrels.txt").exists():
        return
    downloads = folder / "downloads"
    translation, vocabulary, tags = _download(downloads)
    documents = _documents(translation)
    known = {package.name for package in documents}

    queries: list[dict[str, str]] = []
    qrels: list[str] = []
    for qid, package in enumerate(_known_items(documents)):
        queries.append({"qid": f"k{qid:04d}", "kind": "known-item", "text": package.short})
        qrels.append(f"k{qid:04d} 0 {package.name} 1")
    documents_of = _documents_of_tags(tags, known)
    for tag, wording in sorted(_tag_wordings(vocabulary).items()):
        if len(documents_of[tag]) in TAG_DOCS:
            qid_of_tag = f"t:{tag}"
            queries.append({"qid": qid_of_tag, "kind": "tag", "text": wording})
            qrels.extend(f"{qid_of_tag} 0 {name} 1" for name in sorted(documents_of[tag]))

    lines = [json.dumps({"id": p.name, "title": p.short, "text": p.long}, ensure_ascii=False) for p in documents]
    write_atomically(folder / "docs.jsonl", lambda path: _write_lines(path, lines))
    write_atomically(folder / "queries.json", lambda path: _write_lines(path, [json.dumps(queries, indent=0)]))
    write_atomically(folder / "qrels.txt", lambda path: _write_lines(path, qrels))  # last: it marks the end


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _download(folder: Path) -> tuple[str, str, str]:
    """(Translation-en of the suites that apt knows, debtags vocabulary, debtags of packages) as texts."""
    for part in ("lists/partial", "cache/archives/partial", "debtags"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    config = folder / "apt.conf"
    config.write_text(
        '#clear Acquire::Languages;\nAcquire::Languages { "en"; };\n'
        f'Dir::State::lists "{folder}/lists";\nDir::Cache "{folder}/cache";\n'
        'APT::Sandbox::User "root";\n'
    )
    if not list(folder.glob("lists/*_dists_*_main_i18n_Translation-en*")):
        _run(["apt-get", "-q", "-c", str(config), "update"], folder)
    if not list(folder.glob("debtags_*.deb")):
        _run(["apt-get", "-q", "-c", str(config), "download", "debtags"], folder)
    deb = next(folder.glob("debtags_*.deb"))
    _run(["dpkg-deb", "-x", str(deb), "debtags"], folder)
    lists = sorted(
        path
        for path in folder.glob("lists/*_dists_*_main_i18n_Translation-en*")
        if "security" not in path.name and "updates" not in path.name
    )
    if not lists:
        raise SystemExit("apt delivered no Translation-en list of a Debian main archive: this workload needs Debian.")
    translation = _run(["/usr/lib/apt/apt-helper", "cat-file", str(lists[0])], folder)
    shared = folder / "debtags" / "usr" / "share" / "debtags"
    with gzip.open(shared / "tags-current.gz", "rt", encoding="utf-8") as stream:
        tags = stream.read()
    return translation, (shared / "vocabulary").read_text(encoding="utf-8"), tags


def _run(command: list[str], folder: Path) -> str:
    try:
        return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    except FileNotFoundError:
        raise SystemExit(f"{command[0]} is missing: the Debian workload needs a Debian system.") from None


def _documents(translation: str) -> list[Package]:
    """Packages with a long description, the first of each distinct text, shuffled."""
    names: set[str] = set()
    texts: set[str] = set()
    packages: list[Package] = []
    for stanza in translation.split("\n\n"):
        if not stanza.startswith("Package: "):
            continue
        lines = stanza.splitlines()
        name = lines[0].removeprefix("Package: ")
        short = next(line for line in lines if line.startswith("Description-en: ")).removeprefix("Description-en: ")
        long = "\n".join("" if line == " ." else line[1:] for line in lines if line.startswith(" ")).strip()
        if name not in names and long and long not in texts:
            names.add(name)
            texts.add(long)
            packages.append(Package(name, short.strip(), long))
    random.Random(SEED).shuffle(packages)
    return packages


def _known_items(documents: list[Package]) -> list[Package]:
    shorts = Counter(package.short for package in documents)
    unique = [package for package in documents if shorts[package.short] == 1]
    return random.Random(SEED + 1).sample(unique, N_KNOWN_ITEM)


def _tag_wordings(vocabulary: str) -> dict[str, str]:
    wordings: dict[str, str] = {}
    for stanza in vocabulary.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " ")
        if "Tag" in fields and "Description" in fields:
            wordings[fields["Tag"]] = fields["Description"].strip()
    return wordings


def _documents_of_tags(tags: str, known: set[str]) -> dict[str, set[str]]:
    documents_of: dict[str, set[str]] = defaultdict(set)
    for line in tags.splitlines():
        name, _, listed = line.partition(": ")
        if name in known:
            for tag in listed.split(", "):
                documents_of[tag].add(name)
    return documents_of
