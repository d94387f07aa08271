"""The extractor that needs no model: sentences to propositions to claims, lists and tables to claims."""

from __future__ import annotations

from collections.abc import Iterator

from motherlode.core.time import PartialDate, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.extraction.appositions import appositions_of
from motherlode.nuggets.extraction.chunks import chunk
from motherlode.nuggets.extraction.clauses import propositions
from motherlode.nuggets.extraction.facts import Fact, facts_of, subject_of
from motherlode.nuggets.extraction.lists import ListReader
from motherlode.nuggets.extraction.quantities import quantities_of
from motherlode.nuggets.extraction.sentences import Sentence, iter_lines, iter_sentences
from motherlode.nuggets.extraction.subjects import SubjectResolver
from motherlode.nuggets.extraction.time_grammar import TimeExpression, find_times
from motherlode.nuggets.extraction.tokens import Tagger, WordTagger, tokenize
from motherlode.nuggets.record import Claim, Document

__all__ = ["OfflineExtractor"]

_VERSION = 1


class OfflineExtractor:
    """Claims from English text by patterns, on the CPU, without a network.

    tagger: tells verbs from names, by default from word lists and endings; `SpacyTagger` (extra ``extract``) is another
    min_trust: claims of patterns less sure than this are left out

    ``Document.title`` is taken for what the page is about. Relative dates refer to ``published_at``; a text without a
    time word keeps its validity unknown. Facts under a verb's own words are made only where their time is known.

    Cost: linear in the text. Any script is accepted; what is not English yields few claims.
    Source: the shallow pattern (verb, preposition, name phrase) follows ReVerb (Fader et al., 2011), section 3.
    """

    def __init__(self, *, tagger: Tagger | None = None, min_trust: float = 0.5) -> None:
        if not 0 <= min_trust <= 1:
            raise InputError(f"min_trust is a share between 0 and 1, not {min_trust!r}")
        self._tagger = tagger or WordTagger()
        self._min_trust = min_trust

    @property
    def fingerprint(self) -> str:
        """Name, version and settings."""
        return f"offline:{_VERSION}:{self._tagger.name}:{self._min_trust:g}"

    def extract(self, document: Document) -> list[Claim]:
        """The claims of a document, in the order of its text, each said once.

        Errors: none for any text; what cannot be read yields no claim.
        """
        published = None if document.published_at is None else parse_partial_date(document.published_at)
        reading = _Reading(document, published, self._tagger)
        claims: dict[tuple[object, ...], Claim] = {}
        for sentence, fact in reading.facts():
            if fact.trust < self._min_trust:
                continue
            claim = _claim(document, sentence, fact)
            if claim is None:
                continue
            key = (claim.subject, claim.predicate, claim.object_key, str(claim.interval), claim.negated)
            if key not in claims:
                claims[key] = claim
        return list(claims.values())


class _Reading:
    """One pass over one document."""

    def __init__(self, document: Document, published: PartialDate | None, tagger: Tagger) -> None:
        self._text = document.text
        self._published = published
        self._tagger = tagger
        self._resolver = SubjectResolver(document.title, document.text)
        self._lists = ListReader(document.title, published)
        self._mentioned: PartialDate | None = None

    def facts(self) -> Iterator[tuple[Sentence, Fact]]:
        for line in iter_lines(self._text):
            listed = False
            for fact in self._lists.read(line.text):
                listed = True
                yield line, fact
            if not listed:
                yield from self._of_line(line)
            self._mentioned = None
            self._resolver.end_of_paragraph()

    def _of_line(self, line: Sentence) -> Iterator[tuple[Sentence, Fact]]:
        sentences = list(iter_sentences(line))
        tokens_of = [tokenize(each.text) for each in sentences]
        for sentence, tokens, tags in zip(sentences, tokens_of, self._tagger.tag(tokens_of), strict=True):
            text = sentence.text
            times = find_times(text, self._published, self._mentioned, with_aspects=False)
            subject = None
            for proposition in propositions(chunk(text, tokens, tags, times)):
                subject = subject or subject_of(text, proposition, self._resolver)
                for fact in facts_of(text, proposition, self._resolver, self._published):
                    yield sentence, fact
            for fact in quantities_of(text, times, None if subject is None else subject.name, self._resolver):
                yield sentence, fact
            for fact in appositions_of(text):
                yield sentence, fact
            self._resolver.end_of_sentence()
            self._remember(times)

    def _remember(self, times: list[TimeExpression]) -> None:
        for each in times:
            if each.first is not None and not each.is_relative:
                self._mentioned = each.first


def _claim(document: Document, sentence: Sentence, fact: Fact) -> Claim | None:
    try:
        return Claim(
            subject=fact.subject[:300],
            predicate=fact.predicate[:120],
            object=fact.object if not isinstance(fact.object, str) else fact.object[:500],
            valid_from=fact.start,
            valid_to=fact.stop,
            source=document.id,
            publisher=document.publisher,
            negated=fact.negated,
            text=sentence.text,
            span=(sentence.begin, sentence.end),
            confidence=round(min(1.0, fact.trust), 3),
            unit=fact.unit,
            kind="episodic_event" if fact.is_event else "semantic_fact",
            version=document.version,
            published_at=document.published_at,
        )
    except InputError:
        return None  # a name without letters, an end before its start: the text says nothing that can hold
