"""How well the offline extractor reads TimeQA's pages: python bench/timeqa_extraction.py [--spacy] [--sample 100]

bound      a claim of the question's page has a gold answer in its object and may hold at the asked time: what ranking
           could reach at best
page@10    the same among the ten best claims of the page by shared words (BM25) that may hold at the asked time
all@10     the same among the claims of all pages

Only claims of known validity count. Unanswerable questions, and those without a time, are left out of the shares.
Patterns were written on the development half of the pages; the other half is reported beside it.
``--sample N`` writes N claims drawn with a seed, with their sentences, for people to judge.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.workloads.timeqa_pages import Page, TimeQuestion, load_timeqa
from motherlode.nuggets.extraction.offline import OfflineExtractor
from motherlode.nuggets.extraction.question_time import question_time
from motherlode.nuggets.record import Claim

__all__ = ["Score", "evaluate"]

RESULTS = Path(__file__).resolve().parent / "results"
ACCEPTED = 0.85
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Words in small letters, without a plural or possessive s."""
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in _WORD.findall(text.casefold())]


def has_answer(text: str, answers: Iterable[str]) -> bool:
    """Whether the words of an answer stand in the text, in order and side by side."""
    padded = f" {' '.join(words_of(text))} "
    return any(f" {' '.join(words_of(answer))} " in padded for answer in answers)


class Ranking:
    """BM25 over subject, predicate, object and sentence of claims."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.claims = claims
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._lengths = []
        for at, claim in enumerate(claims):
            counts = Counter(words_of(f"{claim.subject} {claim.predicate} {claim.object} {claim.text}"))
            self._lengths.append(sum(counts.values()))
            for word, n in counts.items():
                self._postings[word].append((at, n))
        self._mean = sum(self._lengths) / max(1, len(self._lengths))

    def best(self, question: str, window: tuple[int, int], k: int) -> list[Claim]:
        """The k best that may hold in the window."""
        scores: dict[int, float] = defaultdict(float)
        for word in set(words_of(question)):
            postings = self._postings.get(word, ())
            idf = math.log1p((len(self.claims) - len(postings) + 0.5) / (len(postings) + 0.5))
            for at, n in postings:
                scores[at] += idf * n * 2.2 / (n + 1.2 * (0.25 + 0.75 * self._lengths[at] / self._mean))
        ranked = sorted(scores, key=lambda at: (-scores[at], at))
        best: list[Claim] = []
        for at in ranked:
            if self.claims[at].interval.is_possible(*window):
                best.append(self.claims[at])
                if len(best) == k:
                    break
        return best


@dataclass(slots=True)
class Score:
    n: int = 0
    bound: int = 0
    page: int = 0
    everywhere: int = 0

    def shares(self) -> dict[str, float]:
        n = max(1, self.n)
        return {
            "questions": self.n,
            "bound": round(self.bound / n, 3),
            "page@10": round(self.page / n, 3),
            "all@10": round(self.everywhere / n, 3),
        }


def evaluate(
    pages: Sequence[Page], claims_of: dict[str, list[Claim]], least: float
) -> tuple[dict[str, Score], dict[str, Score]]:
    """Scores of the halves and of the relations, from claims of known validity and enough confidence."""
    kept = {
        page: [each for each in claims if each.interval.is_known and (each.confidence or 0) >= least]
        for page, claims in claims_of.items()
    }
    everywhere = Ranking([claim for claims in kept.values() for claim in claims])
    halves: dict[str, Score] = defaultdict(Score)
    relations: dict[str, Score] = defaultdict(Score)
    for page in pages:
        claims = kept[page.document.id]
        ranking = Ranking(claims)
        for question in page.questions:
            asked = question_time(question.text)
            if not question.answers or asked.window is None:
                continue
            _count(
                question,
                asked.window,
                asked.rest,
                (claims, ranking, everywhere),
                (halves["dev" if page.is_dev else "held out"], halves["both"], relations[question.relation]),
            )
    return halves, relations


def _count(
    question: TimeQuestion,
    window: tuple[int, int],
    rest: str,
    sources: tuple[Sequence[Claim], Ranking, Ranking],
    scores: Iterable[Score],
) -> None:
    claims, page, everywhere = sources

    def found(candidates: Iterable[Claim]) -> bool:
        return any(has_answer(str(each.object), question.answers) for each in candidates)

    bound = found(each for each in claims if each.interval.is_possible(*window))
    on_page = bound and found(page.best(rest, window, 10))
    overall = bound and found(everywhere.best(rest, window, 10))
    for score in scores:
        score.n += 1
        score.bound += bound
        score.page += on_page
        score.everywhere += overall


def main() -> None:
    """Extract, score, print; with --sample also write claims to judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spacy", action="store_true", help="tag with spaCy's small model (extra 'extract')")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="write N claims to judge")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--relations", action="store_true", help="scores of each relation too")
    arguments = parser.parse_args()
    pages = load_timeqa()
    extractor = _extractor(use_spacy=arguments.spacy)
    begin = time.process_time()
    claims_of = {page.document.id: extractor.extract(page.document) for page in pages}
    seconds = time.process_time() - begin
    report = _report(pages, claims_of, seconds, extractor.fingerprint, with_relations=arguments.relations)
    print(json.dumps(report, indent=1, ensure_ascii=False))
    RESULTS.mkdir(exist_ok=True)
    name = "timeqa_extraction_spacy" if arguments.spacy else "timeqa_extraction"
    (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if arguments.sample:
        path = RESULTS / f"{name}_sample_{arguments.seed}.json"
        path.write_text(_sample(pages, claims_of, arguments.sample, arguments.seed), encoding="utf-8")
        print(f"to judge: {path}")


def _extractor(*, use_spacy: bool) -> OfflineExtractor:
    if not use_spacy:
        return OfflineExtractor()
    from motherlode.nuggets.extraction.spacy_tagger import SpacyTagger

    return OfflineExtractor(tagger=SpacyTagger())


def _report(
    pages: Sequence[Page],
    claims_of: dict[str, list[Claim]],
    seconds: float,
    fingerprint: str,
    *,
    with_relations: bool,
) -> dict[str, object]:
    claims = [claim for each in claims_of.values() for claim in each]
    known = [claim for claim in claims if claim.interval.is_known]
    report: dict[str, object] = {
        "extractor": fingerprint,
        "pages": len(pages),
        "claims per page": round(len(claims) / len(pages), 1),
        "share of known validity": round(len(known) / max(1, len(claims)), 3),
        "accepted per page": round(sum((each.confidence or 0) >= ACCEPTED for each in claims) / len(pages), 1),
        "accepted of known validity per page": round(
            sum((each.confidence or 0) >= ACCEPTED for each in known) / len(pages), 1
        ),
        "MB/s": round(sum(len(page.document.text) for page in pages) / 1e6 / seconds, 2),
    }
    for name, least in (("accepted", ACCEPTED), ("all claims", 0.0)):
        halves, relations = evaluate(pages, claims_of, least)
        report[name] = {half: score.shares() for half, score in sorted(halves.items())}
        if with_relations and least == 0.0:
            report["relations"] = {key: score.shares() for key, score in sorted(relations.items())}
    return report


def _sample(pages: Sequence[Page], claims_of: dict[str, list[Claim]], n: int, seed: int) -> str:
    """Claims of known validity that would be accepted, drawn alike from all pages, as JSON with an empty verdict."""
    half = {page.document.id: "dev" if page.is_dev else "held out" for page in pages}
    accepted = [
        each
        for claims in claims_of.values()
        for each in claims
        if each.interval.is_known and (each.confidence or 0) >= ACCEPTED
    ]
    drawn = random.Random(seed).sample(accepted, min(n, len(accepted)))
    rows = [
        {
            "page": each.source,
            "half": half[each.source],
            "claim": f"{each.subject} | {each.predicate} | {each.object} | {each.interval}"
            + " | negated" * each.negated,
            "confidence": each.confidence,
            "sentence": each.text,
            "verdict": None,
        }
        for each in drawn
    ]
    return json.dumps({"seed": seed, "n": len(rows), "claims": rows}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
