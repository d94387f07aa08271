"""`lode nuggets` as a person uses it: every verb, what it prints, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from motherlode.core.time import EVER, NEVER, parse_partial_date
from tests.e2e.command_line import LODE, environment, lode

APPLE = "# Apple\n\nSteve Jobs has been CEO of Apple since 1997. Apple is headquartered in Cupertino.\n"
COOK = "Tim Cook became CEO of Apple on 24 August 2011.\n"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "a.md").write_text(APPLE, "utf-8")
    (tmp_path / "b.txt").write_text(COOK, "utf-8")
    lode("nuggets", "ingest", tmp_path / "a.md", tmp_path / "b.txt", "-s", tmp_path / "f.db")
    return tmp_path / "f.db"


def said(*arguments: object) -> Any:
    """What a verb prints as JSON."""
    return json.loads(lode("nuggets", *arguments, "--json").stdout)


def ceos(store: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = said("history", "Apple", "ceo", "-s", store)
    return found


def test_jobs_in_2005_and_cook_in_2020(store: Path) -> None:
    for year, who in (("2005", "Steve Jobs"), ("2020", "Tim Cook")):
        hits = said("ask", f"Who was CEO of Apple in {year}?", "-s", store)
        assert hits[0]["object"] == who
        assert lode("nuggets", "ask", "Who was CEO of Apple?", "--at", year, "-s", store, "--why").stdout.count(
            who.split()[1]
        )
    assert said("query", "Who is the CEO of Apple?", "-s", store)[0]["object"] == "Tim Cook"


def test_why_not_says_what_keeps_a_nugget_out_of_the_answers(store: Path) -> None:
    jobs, cook = (one["id"] for one in ceos(store))
    asked = ("ask", "Who is the CEO of Apple?", "-s", store, "--why-not")
    assert "does not hold at the asked time (now)" in lode("nuggets", *asked, jobs[:11]).stdout
    assert "rank 1" in lode("nuggets", *asked, jobs, "--at", "2005").stdout
    assert (
        "its predicate is chiefExecutiveOfficer, asked was spouse"
        in said(*asked, cook, "--predicate", "spouse")["why_not"]
    )
    assert "no nugget has the id 'nonsense'" in lode("nuggets", *asked, "nonsense", code=2).stderr


def test_ingesting_again_adds_nothing(store: Path) -> None:
    again = said("ingest", store.parent / "a.md", store.parent / "b.txt", "-s", store)
    assert (again["n_documents"], again["n_known"], again["n_claims"]) == (2, 2, 0)


def test_history_draws_a_timeline(store: Path) -> None:
    printed = lode("nuggets", "history", "Apple", "ceo", "-s", store).stdout
    assert "superseded" in printed
    assert "█" in printed
    assert "→" in printed


def test_a_decision_and_its_undoing(store: Path) -> None:
    cook = ceos(store)[1]["id"]
    done = said("resolve", cook[:11], "suppress", "--actor", "me", "--reason", "a test", "-s", store)
    assert done["nugget"]["state"] == "deprecated"
    assert said("show", cook, "-s", store)["evidence"][0]["source"].endswith("b.txt")
    lode("nuggets", "undo", done["event"], "--actor", "me", "-s", store)
    assert [one["state"] for one in ceos(store)] == ["superseded", "active"]
    again = said("resolve", cook, "suppress", "--actor", "me", "-s", store)
    lode("nuggets", "resolve", "--undo", again["event"][:11], "--actor", "me", "-s", store)
    assert [one["state"] for one in ceos(store)] == ["superseded", "active"]


def test_conflicts_are_listed_and_shown_beside_an_answer(tmp_path: Path) -> None:
    rows = [
        {"subject": "Foo", "predicate": "ceo", "object": name, "valid_from": "2010", "source": name}
        for name in ("A", "B")
    ]
    (tmp_path / "x.claims.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    lode("nuggets", "ingest", tmp_path / "x.claims.jsonl", "-s", tmp_path / "f.db")
    [group] = said("conflicts", "-s", tmp_path / "f.db")
    assert [one["object"] for one in group] == ["A", "B"]
    assert lode("nuggets", "ask", "ceo of Foo", "-s", tmp_path / "f.db").stdout.count("sources disagree") == 1
    assert "contested" in lode("nuggets", "conflicts", "-s", tmp_path / "f.db").stdout


def test_the_review_queue_can_be_worked(tmp_path: Path) -> None:
    file, store = tmp_path / "x.jsonl", tmp_path / "f.db"
    row = {"subject": "Foo", "predicate": "ceo", "source": "d", "confidence": 0.7, "valid_from": "2010"}
    file.write_text("".join(json.dumps({**row, "object": name}) + "\n" for name in ("A", "B", "C")), "utf-8")
    assert said("ingest", file, "--claims", "-s", store) == {"claims": 3}
    waiting = {one["object"]: one["claim_id"] for one in said("review", "-s", store)}
    assert set(waiting) == {"A", "B", "C"}
    assert "0.70" in lode("nuggets", "review", "-s", store).stdout
    assert waiting["A"][:11] in lode("nuggets", "review", "-s", store).stdout
    said("review", "--accept", waiting["A"][:11], "--actor", "me", "-s", store)
    said("review", "--reject", waiting["B"], "--actor", "me", "-s", store)
    said("review", "--edit", waiting["C"], "--object", "D", "--valid-from", "2015", "--actor", "me", "-s", store)
    assert said("review", "-s", store) == []
    assert [(one["object"], one["state"]) for one in said("history", "Foo", "ceo", "-s", store)] == [
        ("A", "superseded"),
        ("D", "active"),
    ]


def test_retract_and_erase(store: Path) -> None:
    source = said("show", ceos(store)[1]["id"], "-s", store)["evidence"][0]["source"]
    event = said("retract", "--source", source, "--actor", "me", "-s", store)["event"]
    assert [one["object"] for one in ceos(store)] == ["Steve Jobs"]
    lode("nuggets", "undo", event, "--actor", "me", "-s", store)
    assert "--yes" in lode("nuggets", "erase", source, "-s", store, code=2).stderr
    certificate = said("erase", source, "--yes", "--actor", "dpo", "-s", store)
    assert len(certificate["claims"]) == 1
    assert b"Tim Cook" not in store.read_bytes()


def test_reports(store: Path) -> None:
    assert said("chain", "Apple", "ceo", "-s", store)["names"] == ["Steve Jobs", "Tim Cook"]
    assert "Steve Jobs → Tim Cook" in lode("nuggets", "chain", "Apple", "ceo", "-s", store).stdout
    assert said("chain", "Apple", "--renames", "-s", store)["names"] == ["Apple"]
    assert "Tim Cook" in lode("nuggets", "chain", "Apple.ceo", "--join", "--at", "2020", "-s", store).stdout
    assert len(said("diff", "--valid", "2005", "2020", "-s", store)["added"]) == 1
    assert "added" in lode("nuggets", "diff", "--known", "2020-01-01", "2100-01-01", "-s", store).stdout
    assert {check["name"] for check in said("doctor", "-s", store)["checks"]} >= {"known_validity", "contested_keys"}
    [line] = [one for one in lode("nuggets", "doctor", "-s", store).stdout.splitlines() if "single source" in one]
    assert line.split()[2:4] == ["notice", "100.0%"]
    assert "Tim Cook" in lode("nuggets", "chain", "Apple", "ceo", "--join", "--at", "2020", "-s", store).stdout
    assert "single source" in lode("nuggets", "doctor", "-s", store, "--stale-after-days", "9e9").stdout
    assert "chiefExecutiveOfficer" in lode("nuggets", "schema", "-s", store).stdout


def test_an_audit_of_somebody_else_s_passages(store: Path, tmp_path: Path) -> None:
    passages = [{"id": "p1", "text": "Steve Jobs is CEO of Apple."}, {"id": "p2", "text": "Tim Cook is CEO of Apple."}]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(one) + "\n" for one in passages), "utf-8")
    report = said("audit", tmp_path / "p.jsonl", "--query", "Who is CEO of Apple?", "-s", store)
    assert [one["verdict"] for one in report["passages"]] == ["superseded", "current"]
    assert "superseded" in lode("nuggets", "audit", tmp_path / "p.jsonl", "-s", store).stdout


def test_an_export_read_back_makes_the_same_facts(store: Path, tmp_path: Path) -> None:
    lode("nuggets", "export", "claims", "-s", store, "--out", tmp_path / "c.claims.jsonl")
    lode("nuggets", "ingest", tmp_path / "c.claims.jsonl", "-s", tmp_path / "g.db")
    exported = [
        {json.loads(line)["id"] for line in lode("nuggets", "export", "nuggets", "-s", place).stdout.splitlines()}
        for place in (store, tmp_path / "g.db")
    ]
    assert exported[0] == exported[1]
    assert len(exported[0]) == 3
    assert lode("nuggets", "export", "events", "-s", store).stdout == ""
    assert said("export", "events", "-s", store) == []
    assert {one["id"] for one in said("export", "nuggets", "-s", store)} == exported[0]


def test_eval_measures_the_store_beside_baselines(store: Path, tmp_path: Path) -> None:
    rows = [{"question": "Who was CEO of Apple?", "answers": ["Steve Jobs"], "valid_at": "2005-01-01"}]
    (tmp_path / "q.jsonl").write_text(json.dumps(rows[0]) + "\n", "utf-8")
    reports = said("eval", tmp_path / "q.jsonl", "--baselines", "-s", store)
    assert reports[0]["measures"]["nugget_recall"]["value"] == 1
    assert len(reports) == 4
    assert "motherlode" in lode("nuggets", "eval", tmp_path / "q.jsonl", "-s", store).stdout


def test_what_cannot_be_read_is_said(tmp_path: Path, store: Path) -> None:
    (tmp_path / "bad.claims.jsonl").write_text(
        '{"subject": "A", "predicate": "b", "object": "c"}\n{"subject"\n', "utf-8"
    )
    assert (
        "bad.claims.jsonl, line 2"
        in lode("nuggets", "ingest", tmp_path / "bad.claims.jsonl", "-s", store, code=2).stderr
    )
    (tmp_path / "odd.claims.jsonl").write_text('{"subject": "A", "predicate": "b", "objekt": "c"}\n', "utf-8")
    assert "objekt" in lode("nuggets", "ingest", tmp_path / "odd.claims.jsonl", "-s", store, code=2).stderr
    (tmp_path / "b.bin.txt").write_bytes(b"x\0y")
    assert "binary" in lode("nuggets", "ingest", tmp_path / "b.bin.txt", "-s", store, code=2).stderr
    assert (
        "no such extractor" in lode("nuggets", "ingest", tmp_path, "-x", "foo", "-s", tmp_path / "n.db", code=2).stderr
    )
    assert not (tmp_path / "n.db").exists()
    (tmp_path / "c.txt").write_text("First.", "utf-8")
    lode("nuggets", "ingest", tmp_path / "c.txt", "--doc-version", "1", "-s", store)
    (tmp_path / "c.txt").write_text("Second.", "utf-8")
    quarantined = lode("nuggets", "ingest", tmp_path / "c.txt", "--doc-version", "1", "-s", store, code=2)
    assert "another text" in quarantined.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ask", "x", "--at", "2020-01-01T00:00"), "no time zone"),
        (("ask", "x", "--at", "soon"), "is not a date"),
        (("show", "nonsense"), "no nugget has the id"),
        (("resolve", "nonsense", "prefer", "--actor", "me"), "no nugget has the id"),
        (("resolve", "nonsense", "love", "--actor", "me"), "prefer, suppress"),
        (("undo", "nonsense", "--actor", "me"), "no event has the id"),
        (("review", "--accept", "nonsense", "--actor", "me"), "no claim has the id"),
        (("retract",), "either --source"),
        (("retract", "--source", "nonsense", "--actor", "me"), "no document"),
        (("retract", "--claim", "nonsense", "--actor", "me"), "no claim has the id"),
        (("resolve", "--actor", "me"), "--undo EVENT"),
        (("diff",), "--known A B"),
        (("diff", "--known", "2020-01-01T00:00", "2021-01-01"), "no time zone"),
        (("export", "claims", "--known-at", "2020-01-01"), "--known-at"),
        (("export", "claims", "--out", "/nonexistent/x"), "cannot be written"),
        (("eval", "/nonexistent.jsonl"), "No such file"),
        (("history", "caf\udce9", "ceo", "--known-at", "never"), "is not a date"),
        (("erase", "nonsense", "--yes"), "no document"),
        (("chain", "Apple"), "subject and predicate"),
        (("export", "everything"), "claims, nuggets or events"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(store: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in lode("nuggets", *arguments, "-s", store, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.txt",), "no such source"),
        (("none.claims.jsonl",), "no such file of claims"),
        (("{texts}", "-x", "oracle"), "no such extractor"),
        (("{texts}", "--published-at", "2020-01-01T00:00"), "no time zone"),
    ],
)
def test_a_mistake_in_ingest_makes_no_store(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "a.txt").write_text(COOK, "utf-8")
    given = [one.format(texts=tmp_path / "a.txt") for one in arguments]
    assert words in lode("nuggets", "ingest", *given, "-s", tmp_path / "f.db", code=2).stderr
    assert not (tmp_path / "f.db").exists()


def test_claims_and_documents_can_be_read_by_one_command(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "b.txt").write_text(COOK, "utf-8")
    row = {"subject": "Apple", "predicate": "ceo", "object": "Steve Jobs", "valid_from": "1997", "source": "d"}
    (tmp_path / "texts" / "c.claims.jsonl").write_text(json.dumps(row), "utf-8")
    first = lode("nuggets", "ingest", tmp_path / "texts", "-s", tmp_path / "f.db")
    assert "claims, not documents" in first.stderr
    assert [one["object"] for one in ceos(tmp_path / "f.db")] == ["Tim Cook"]
    both = said("ingest", tmp_path / "texts", tmp_path / "texts" / "c.claims.jsonl", "-s", tmp_path / "f.db")
    assert (both["n_known"], both["ready_claims"]) == (1, 1)
    assert [one["object"] for one in ceos(tmp_path / "f.db")] == ["Steve Jobs", "Tim Cook"]


def test_the_same_text_under_another_date_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(COOK, "utf-8")
    for date, known in (("2012", 0), ("2013", 0), ("2013", 1)):
        done = said("ingest", tmp_path / "b.txt", "--published-at", date, "-s", tmp_path / "f.db")
        assert done["n_known"] == known, date
    evidence = said("show", ceos(tmp_path / "f.db")[0]["id"], "-s", tmp_path / "f.db")["evidence"]
    assert "2013" in [one["published_at"] for one in evidence]


def test_a_missing_store_is_named_and_not_made(tmp_path: Path) -> None:
    assert "lode nuggets ingest" in lode("nuggets", "ask", "x", "-s", tmp_path / "none.db", code=2).stderr
    assert not (tmp_path / "none.db").exists()


def test_any_punctuation_can_be_asked(store: Path) -> None:
    for question in ("?", "'; DROP TABLE x; --", '"', "(a OR b) NEAR *", "-1"):
        lode("nuggets", "ask", "-s", store, "--", question)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interrupted_ingest_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder, store = tmp_path / "texts", tmp_path / "f.db"
    folder.mkdir()
    for n in range(400):
        (folder / f"{n}.txt").write_text(f"Person Number{n} became CEO of Company{n} in {1950 + n % 70}. " * 3, "utf-8")
    command = [*LODE, "nuggets", "ingest", str(folder), "-s", str(store)]
    running = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not store.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.6)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    rest = said("ingest", folder, "-s", store)
    assert rest["n_documents"] == 400
    exported = lode("nuggets", "export", "claims", "-s", store).stdout.splitlines()
    assert len({json.loads(line)["source"] for line in exported}) == 400
    assert len(exported) == len(set(exported))


def test_the_timeline_draws_certain_possible_and_open_stretches() -> None:
    from motherlode.cli.timeline import Bar, draw_timeline

    def bound(text: str) -> tuple[int, int]:
        stated = parse_partial_date(text)
        return stated.earliest, stated.latest

    bars = [
        Bar("A", "active", bound("2000-01-01"), bound("2005-01-01")),
        Bar("Bo", "active", bound("2005-01-01"), bound("2008")),
        Bar("C", "active", bound("2009-01-01"), (EVER, EVER)),
        Bar("D", "active", (NEVER, bound("2002-01-01")[1]), bound("2002-01-01")),
    ]
    drawn = draw_timeline(bars, now=bound("2010-01-01")[0], width=20).plain.split("\n")
    assert drawn == [
        "A  ███████████",
        "Bo           ██████░░░",
        "C                    ██ →",
        "D  ░░░░█",
        "   2000    2004    2010",
    ]


def test_labels_of_wide_letters_keep_the_bars_aligned() -> None:
    from rich.cells import cell_len

    from motherlode.cli.timeline import Bar, draw_timeline, label_width

    start, end = (parse_partial_date(text) for text in ("2000-01-01", "2010-01-01"))
    bounds = (start.earliest, start.latest), (end.earliest, end.latest)
    bars = [Bar(label, "active", *bounds) for label in ("山田太郎", "Bo\nB", "x" * 50)]
    drawn = draw_timeline(bars, now=end.earliest, width=20).plain.split("\n")
    assert label_width(bars) == 30
    assert [cell_len(line.rstrip("█")) for line in drawn[:3]] == [31, 31, 31]
    assert drawn[1].startswith("Bo B ")
