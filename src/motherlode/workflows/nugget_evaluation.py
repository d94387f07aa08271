"""A store as a system to evaluate, beside plain baselines over the texts it holds."""

from __future__ import annotations

from pathlib import Path

from motherlode.core.time import PartialDate
from motherlode.errors import InputError
from motherlode.nuggets.answers import Answer
from motherlode.nuggets.baselines import Bm25Passages, Bm25Sentences, TimeFilteredPassages
from motherlode.nuggets.evaluation import EvaluationReport, evaluate
from motherlode.nuggets.questions import load_questions
from motherlode.nuggets.record import Document
from motherlode.nuggets.store import NuggetStore

__all__ = ["StoreAnswers", "evaluate_store"]


class StoreAnswers:
    """A store that answers in words: subject, predicate, object, and when."""

    name = "motherlode"

    def __init__(self, store: NuggetStore) -> None:
        self._store = store

    def ask(self, question: str, valid_at: PartialDate | None, k: int) -> list[Answer]:
        """The hits as answers."""
        found = []
        for hit in self._store.ask(question, valid_at=valid_at, k=k):
            nugget = hit.nugget
            when = f" {nugget.interval}" if nugget.interval.is_known else ""
            text = f"{nugget.subject} {nugget.predicate} {nugget.object}{when}"
            found.append(Answer(text, nugget.interval, state=hit.state))
        return found


def evaluate_store(
    store: NuggetStore, questions: str | Path, k: int = 10, *, baselines: bool = False
) -> list[EvaluationReport]:
    """The store's report on judged questions, and with ``baselines`` theirs over the documents that the store holds.

    Errors: InputError that names file and line; InputError where baselines have no texts.
    """
    asked = load_questions(questions)
    reports = [evaluate(StoreAnswers(store), asked, k)]
    if baselines:
        with store.reading() as session:
            rows = session.execute(
                "SELECT source, text, title, published FROM nugget_documents WHERE text IS NOT NULL ORDER BY doc"
            )
        if not rows:
            raise InputError("the store holds no texts for the baselines to search: it was made from claims alone")
        documents = [Document(source, text, published_at=date, title=title) for source, text, title, date in rows]
        reports += [
            evaluate(system(documents), asked, k) for system in (Bm25Passages, Bm25Sentences, TimeFilteredPassages)
        ]
    return reports
