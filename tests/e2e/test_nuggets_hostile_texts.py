"""What documents say may hold anything; a terminal that shows it must not obey it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from motherlode.cli.app import app
from motherlode.nuggets.schema import load_schema
from motherlode.nuggets.store import open_nuggets

OBEYED = set("\x1b\x07\x9b\x7f\r\u202e\u2067")
EVIL = "Ev\x1b[2Jil\x07 \x9b31m\u202e\u2067Foo\rBar\x7f"


def run(*arguments: object, code: int = 0) -> str:
    """All that a verb prints, from this process: there are many, and each start takes a second."""
    done = CliRunner().invoke(app, ["nuggets", *map(str, arguments)], env={"COLUMNS": "100", "NO_COLOR": "1"})
    assert done.exit_code == code, (arguments, done.output, done.exception)
    return done.output


def test_texts_of_documents_never_act_on_the_terminal(tmp_path: Path) -> None:
    rows = [
        {"subject": EVIL, "predicate": predicate, "object": f"{EVIL}{n}", "valid_from": "2010", "source": f"{EVIL}{n}",
         "text": f"{EVIL} says so.", "confidence": confidence}
        for predicate in ("ceo", f"fond of {EVIL}")
        for n, confidence in ((1, 0.9), (2, 0.9), (3, 0.7))
    ]  # fmt: skip
    (tmp_path / "x.claims.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (tmp_path / f"p{EVIL}.jsonl").write_text(json.dumps({"id": EVIL, "text": f"{EVIL} is CEO of {EVIL}."}), "utf-8")
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": EVIL, "answers": [EVIL]}), "utf-8")
    store = tmp_path / "f.db"
    run("ingest", tmp_path / "x.claims.jsonl", "-s", store)
    with open_nuggets(store) as opened:
        opened.set_schema(load_schema({"predicates": {"x": {"aliases": [EVIL, "a [/name] in brackets"]}}}))
    assert "[/name]" in run("schema", "-s", store)
    first = json.loads(run("history", EVIL, "ceo", "-s", store, "--json"))[0]
    assert first["object"].startswith(EVIL)
    verbs: list[tuple[object, ...]] = [
        ("ask", f"Who is the CEO of {EVIL}?", "--why"),
        ("ask", "Who is the CEO of Evil?", "--why-not", first["id"], "--source", EVIL),
        ("show", first["id"]),
        ("history", EVIL, "ceo"),
        ("history", f"not {EVIL}", "ceo"),
        ("conflicts",),
        ("review",),
        ("diff", "--known", "2020-01-01", "2100-01-01"),
        ("diff", "--valid", "2005", "2020"),
        ("chain", EVIL, "ceo"),
        ("chain", EVIL, "--renames"),
        ("chain", EVIL, "ceo.spouse", "--join"),
        ("audit", tmp_path / f"p{EVIL}.jsonl"),
        ("doctor",),
        ("eval", tmp_path / "q.jsonl"),
        ("export", "claims"),
        ("export", "nuggets"),
        ("schema",),
        ("resolve", first["id"], "prefer", "--actor", EVIL, "--reason", EVIL),
        ("export", "events"),
        ("retract", "--source", f"{EVIL}1", "--actor", EVIL),
        ("erase", f"{EVIL}1", "--yes", "--actor", EVIL, "--reason", EVIL),
    ]
    for verb in verbs:
        for more in ([], ["--json"]) if verb[0] not in ("resolve", "retract", "erase") else ([],):
            printed = run(*verb, "-s", store, *more)
            assert not set(printed) & OBEYED, (verb, more)
            if more:
                json.loads(printed)
    for verb in (("erase", EVIL, "--yes"), ("show", EVIL), ("ingest", tmp_path / EVIL), ("ask", "x", "--at", EVIL)):
        assert not set(run(*verb, "-s", store, code=2)) & OBEYED, verb
