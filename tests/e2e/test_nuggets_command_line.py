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


def test_ingesting_again_adds_nothing(store: Path) -> None:
    again = said("ingest", store.parent / "a.md", store.parent / "b.txt", "-s", store)
    assert (again["documents"], again["known_already"], again["claims"]) == (2, 2, 0)


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


def test_conflicts_are_listed_and_shown_beside_an_answer(tmp_path: Path) -> None:
    rows = [
        {"subject": "Foo", "predicate": "ceo", "object": name, "valid_from": "2010", "source": name}
        for name in ("A", "B")
    ]
    (tmp_path / "x.claims.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    lode("nuggets", "ingest", tmp_path / "x.claims.jsonl", "-s", tmp_path / "f.db")
    [group] = said("conflicts", "-s", tmp_path / "f.db")
    assert [one["object"] for one in group] == ["A", "B"]
    assert "sources disagree" in lode("nuggets", "ask", "ceo of Foo", "-s", tmp_path / "f.db").stdout
    assert "contested" in lode("nuggets", "conflicts", "-s", tmp_path / "f.db").stdout


def test_the_review_queue_can_be_worked(tmp_path: Path) -> None:
    file, store = tmp_path / "x.jsonl", tmp_path / "f.db"
    row = {"subject": "Foo", "predicate": "ceo", "source": "d", "confidence": 0.7, "valid_from": "2010"}
    file.write_text("".join(json.dumps({**row, "object": name}) + "\n" for name in ("A", "B", "C")), "utf-8")
    assert said("ingest", file, "--claims", "-s", store) == {"claims": 3}
    waiting = {one["object"]: one["claim_id"] for one in said("review", "-s", store)}
    assert set(waiting) == {"A", "B", "C"}
    assert "0.70" in lode("nuggets", "review", "-s", store).stdout
    said("review", "--accept", waiting["A"], "--actor", "me", "-s", store)
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
    assert "single source" in lode("nuggets", "doctor", "-s", store).stdout
    assert "chiefExecutiveOfficer" in lode("nuggets", "schema", "-s", store).stdout


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
    assert "bad.claims.jsonl:2" in lode("nuggets", "ingest", tmp_path / "bad.claims.jsonl", "-s", store, code=2).stderr
    (tmp_path / "odd.claims.jsonl").write_text('{"subject": "A", "predicate": "b", "objekt": "c"}\n', "utf-8")
    assert "objekt" in lode("nuggets", "ingest", tmp_path / "odd.claims.jsonl", "-s", store, code=2).stderr
    (tmp_path / "b.bin.txt").write_bytes(b"x\0y")
    assert "binary" in lode("nuggets", "ingest", tmp_path / "b.bin.txt", "-s", store).stderr
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
        (("retract",), "either source"),
        (("erase", "nonsense", "--yes"), "no document"),
        (("chain", "Apple"), "subject and predicate"),
        (("export", "everything"), "claims, nuggets or events"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(store: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in lode("nuggets", *arguments, "-s", store, code=2).stderr


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
    assert rest["documents"] == 400
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
