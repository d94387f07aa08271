"""TimeQA: Wikipedia pages as documents, questions with a time, gold answers.

The data come as tokens with spaces between ("Newton D . Baker", "( 2001 – 2004 )"); documents and answers get ordinary
typography back by one function, so that an answer is still a part of its document. Apostrophes are lost in the source.
A page is `dev` or `held out` by the hash of its title, so that patterns are written on one half and reported on both.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from urllib.parse import unquote

from motherlode.nuggets.record import Document

__all__ = ["Page", "TimeQuestion", "load_timeqa", "restore_typography"]

_DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


@dataclass(frozen=True, slots=True)
class TimeQuestion:
    """A question about one page. answers: empty where the page does not tell."""

    text: str
    relation: str
    page: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    document: Document
    questions: tuple[TimeQuestion, ...]
    is_dev: bool


def load_timeqa(folder: Path | None = None) -> list[Page]:
    """The pages with their questions, each page once, in the order of the file.

    folder: with ``train.json``; by default ``timeqa`` below $MOTHERLODE_DATA, else ``../shared/data``
    """
    folder = folder or Path(os.environ.get("MOTHERLODE_DATA") or _DATA) / "timeqa"
    rows = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    texts: dict[str, list[str]] = {}
    questions: dict[str, list[TimeQuestion]] = {}
    for row in rows:
        title = unquote(row["link"].removeprefix("/wiki/")).replace("_", " ")
        texts.setdefault(title, row["paras"])
        for text, found in row["questions"]:
            answers = tuple(restore_typography(each["answer"]) for each in found if each["answer"].strip())
            questions.setdefault(title, []).append(TimeQuestion(text, row["type"], title, answers))
    return [
        Page(
            Document(id=title, title=title, text="\n".join(restore_typography(line) for line in paragraphs)),
            tuple(questions[title]),
            blake2b(title.encode(), digest_size=1).digest()[0] % 2 == 0,
        )
        for title, paragraphs in texts.items()
    ]


_RULES = (
    (re.compile(r"\s+([,;:?!%)\]”])"), r"\1"),
    (re.compile(r"([(\[“])\s+"), r"\1"),
    (re.compile(r"\s+\.(?=\s|$)"), "."),
    (re.compile(r"(?<=\d)\s+([–—])\s+(?=\d|present)"), r"\1"),
    (re.compile(r" {2,}"), " "),
)


def restore_typography(tokens: str) -> str:
    """Tokens with spaces between as people write them: no space before a comma, none inside brackets."""
    text = tokens
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()
