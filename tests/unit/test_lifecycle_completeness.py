"""Each sentence about what an answer may lack: something makes it appear, something makes it disappear."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from motherlode.errors import DataError
from motherlode.lifecycle.naming import column_uri, pipeline_uri
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected
from motherlode.lifecycle.uris import make_uri
from tests.lifecycle_worlds import feature, model, opened, said, table

RAW, OUT = table("raw"), table("out")
JOB, OTHER_JOB = pipeline_uri("airflow", "job"), pipeline_uri("airflow", "other")
ID, NAME, SUM = column_uri(RAW, "id"), column_uri(RAW, "name"), column_uri(OUT, "sum")
WHOLE = "reads dataset:raw as a whole: which of its columns is not known"


class Listing:
    """A provider whose source can be made to fail, half way or at once."""

    name, scope, is_listing = "listing", "here", True

    def __init__(self, items: list[Item]) -> None:
        self.items, self.failure = items, None

    def observe(self) -> Iterator[Item]:
        yield from self.items
        if self.failure is not None:
            raise self.failure

    def hydrate(self, subject: str) -> list[Item]:
        return [item for item in self.items if isinstance(item, Observation) and item.subject == subject]

    failure: BaseException | None


def base() -> list[Item]:
    return [
        said(RAW, columns=("id", "name")),
        said(OUT, columns=("sum",)),
        said(JOB, (RAW, "read_by"), ("writes", OUT)),
    ]


def test_a_reader_of_the_whole_table_is_named_until_its_columns_are_known() -> None:
    with opened(base()) as graph:
        assert graph.impact(NAME).why_incomplete == [f"pipeline:job {WHOLE}"]
        # Lineage of one column of what the job writes: it reads by column, and not this one.
        graph.add([said(SUM, (ID, "derives"), aspect="lineage")])
        assert graph.impact(NAME).complete
        assert [row.uri for row in graph.impact(ID).rows][:1] == [SUM]


def test_lineage_by_column_into_the_reader_itself_is_enough() -> None:
    with opened([*base(), said(JOB, (ID, "read_by"), aspect="columns")]) as graph:
        assert graph.impact(NAME).complete


def test_lineage_of_one_reader_says_nothing_of_another() -> None:
    lineage = said(SUM, (ID, "derives"), aspect="lineage")
    with opened([*base(), lineage, said(OTHER_JOB, (RAW, "read_by"), ("writes", table("else")))]) as graph:
        assert [why for why in graph.impact(NAME).why_incomplete if WHOLE in why] == [f"pipeline:other {WHOLE}"]


def test_a_table_that_derives_columns_from_its_own_says_nothing_of_its_readers() -> None:
    with opened([*base(), said(ID, (NAME, "derives"), aspect="lineage")]) as graph:
        assert f"pipeline:job {WHOLE}" in graph.impact(NAME).why_incomplete


def test_readers_under_another_address_of_the_table_are_named() -> None:
    alias = table("RAW", "snowflake://acct")
    items = [*base()[:2], said(alias), said(RAW, ("same_as", alias), aspect="alias"), said(JOB, (alias, "read_by"))]
    with opened(items) as graph:
        assert graph.impact(NAME).why_incomplete == [
            "pipeline:job reads dataset:RAW as a whole: which of its columns is not known"
        ]


def test_readers_of_a_whole_feature_view_are_named() -> None:
    view, service = make_uri("feature_view", "feast", "shop/v"), make_uri("feature_service", "feast", "shop/s")
    items = [said(view, ("has_feature", feature("v.a")), ("feeds", service)), said(feature("v.a")), said(service)]
    with opened(items) as graph:
        assert graph.impact(feature("v.a")).why_incomplete == [
            "feature_service:s reads feature_view:v as a whole: which of its features is not known"
        ]
        graph.add([said(service, (feature("v.a"), "feeds"), aspect="features")])
        assert graph.impact(feature("v.a")).complete


def test_many_readers_are_counted() -> None:
    jobs = [said(pipeline_uri("airflow", f"j{number}"), (RAW, "read_by")) for number in range(8)]
    with opened([*base()[:2], *jobs]) as graph:
        why = graph.impact(NAME).why_incomplete
        assert len(why) == 6
        assert why[-1] == "and 3 more read such tables as a whole"


def test_what_nobody_described_is_named_until_somebody_does() -> None:
    with opened([*base(), said(SUM, ("feeds", feature("x")), aspect="use")]) as graph:
        assert graph.impact(SUM).why_incomplete == [
            "1 component was referred to but never described, so what depends on them may be missing: feature:x"
        ]
        assert graph.downstream(SUM).why_incomplete == ["1 of them were referred to but never described"]
        graph.add([said(feature("x"))])
        assert graph.impact(SUM).complete
        assert graph.downstream(SUM).complete


def test_a_source_that_fails_is_named_until_it_is_read() -> None:
    with opened(base()) as graph:
        source = Listing(base())
        source.failure = DataError("cut off")
        graph.ingest(source, strict=False)
        assert graph.impact(SUM).why_incomplete == ["listing (here) could not be read at the last try: cut off"]
        source.failure = None
        graph.ingest(source)
        assert graph.impact(SUM).complete


def test_a_source_that_was_interrupted_is_named_until_it_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motherlode.lifecycle.ingestion._ITEMS_PER_TRANSACTION", 50)
    with opened([]) as graph:
        source = Listing(base() + [said(table(f"more{number}")) for number in range(60)])
        source.failure = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            graph.ingest(source)
        assert graph.impact(SUM).why_incomplete == ["listing (here) was never read to its end"]
        source.failure = None
        graph.ingest(source)
        assert graph.impact(SUM).complete


def test_quarantine_is_counted() -> None:
    with opened(base()) as graph:
        assert graph.impact(SUM).complete
        graph.add([Rejected("line 7", "no JSON")])
        assert graph.impact(SUM).why_incomplete == ["python (): 1 thing could not be read and wait in quarantine"]


def test_waiting_notices_are_counted_until_they_are_worked_off() -> None:
    with opened([]) as graph:
        source = Listing(base())
        graph.ingest(source)
        graph.notify(source, OUT)
        assert graph.impact(SUM).why_incomplete == ["1 notice of changes wait to be hydrated"]
        graph.work(source)
        assert graph.impact(SUM).complete


def test_edges_that_a_view_does_not_follow_are_said() -> None:
    with opened([*base(), said(model("m"), Edge(OUT, "trains", model("m"), 0.4))]) as graph:
        view = graph.as_of(min_confidence=0.5)
        assert view.downstream(OUT).why_incomplete == ["edges with a confidence below 0.5 were not followed"]
        assert graph.downstream(OUT).complete


def test_a_hub_with_many_readers_by_column_is_answered_quickly() -> None:
    jobs = [pipeline_uri("airflow", f"j{number}") for number in range(60)]
    outs = [table(f"out{number}") for number in range(60)]
    derives = [(ID, "derives", column_uri(out, "c")) for out in outs]
    items = [said(RAW, *[("read_by", job) for job in jobs], *derives, columns=("id", "name"))]
    items += [said(job, ("writes", out)) for job, out in zip(jobs, outs, strict=True)]
    items += [said(out, columns=("c",)) for out in outs]
    with opened(items) as graph:
        report = graph.impact(NAME)
        began = time.perf_counter()
        assert report.complete
        assert time.perf_counter() - began < 2  # seconds; 10 ms are usual
