"""A report for a pull request: a headline, who is affected and whom to ask, paths as evidence, what is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from motherlode.lifecycle.exports.answers import Head, Row, head_of, rows_of
from motherlode.lifecycle.exports.words import Account, counted, headline, hops, one_line, spoken, target_names
from motherlode.lifecycle.impact import ImpactReport
from motherlode.lifecycle.lineage import Lineage

__all__ = ["markdown"]

_ROWS = 50  # of a table
_PATHS = 20
_HANDLE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:/[A-Za-z0-9._-]+)?")


def markdown(answer: ImpactReport | Lineage, *, mention: bool = False) -> str:
    """GitHub's Markdown. Names stand as code, so that none is read as Markdown, HTML or a mention.

    mention: owners whose name can be a handle are written ``@name``, and so get a message
    """
    head, account = head_of(answer), Account.of(answer)
    is_impact = isinstance(answer, ImpactReport)
    rows = list(islice(rows_of(answer), _ROWS))
    parts = [f"## {_title(answer, account)}\n"]
    parts.append(_asked(head))
    if is_impact:
        parts += _by_severity(rows, account, mention=mention)
    else:
        parts.append(_table(rows, mention=mention))
    n_more = len(answer) - len(rows)
    if n_more > 0:
        parts.append(f"_{counted(n_more, 'row')} more not listed here; the CSV and JSON exports have all._\n")
    parts += _owners(account, mention=mention)
    parts += _evidence(rows, target_names(answer))
    parts += _unknown(head)
    return "\n".join(parts)


def _title(answer: ImpactReport | Lineage, account: Account) -> str:
    if isinstance(answer, ImpactReport):
        return _escaped(headline(answer, account))
    names = ", ".join(dict.fromkeys(target_names(answer).values()))
    way = "flows into" if answer.direction == "upstream" else "is made from"
    return f"{_escaped(counted(len(answer), 'component'))} {way} {_code(names)}"


def _asked(head: Head) -> str:
    told = [f"asked {head.asked_at}"]
    if head.valid_at:
        told.append(f"as of {head.valid_at}")
    if head.known_at:
        told.append(f"as known {head.known_at}")
    if head.confidence is not None and head.confidence < 1:
        told.append(f"least certain edge {head.confidence:.2f}")
    if head.oldest_hop:
        told.append(f"oldest hop confirmed {head.oldest_hop}")
    told.append("nothing is known to be missing" if head.complete else "**incomplete, see below**")
    return f"{', '.join(_code(uri) for uri in head.targets[:5])} — {' · '.join(told)}\n"


def _by_severity(rows: Sequence[Row], account: Account, *, mention: bool) -> Iterator[str]:
    for severity, n in account.by_severity.items():
        mine = [row for row in rows if row.severity == severity]
        if not mine:
            continue
        title = f"{severity}: {counted(n, 'component')} {spoken(severity)}"
        if severity == "MASKED":
            yield f"<details><summary>{title}</summary>\n\n{_table(mine, mention=mention)}\n</details>\n"
        else:
            yield f"### {title}\n\n{_table(mine, mention=mention)}"


def _table(rows: Sequence[Row], *, mention: bool) -> str:
    lines = ["| type | name | owner | depth | confidence |", "|---|---|---|--:|--:|"]
    lines += [
        f"| {_cell(row.type)} | {_cell(row.name)} | {_people(row.owners, mention=mention)} | {row.depth} "
        f"| {row.confidence:.2f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _owners(account: Account, *, mention: bool) -> Iterator[str]:
    if account.owners:
        ranked = sorted(account.owners.items(), key=lambda item: (-item[1], item[0]))
        people = ", ".join(f"{_person(name, mention=mention)} ({n})" for name, n in ranked[:_ROWS])
        more = f" and {len(ranked) - _ROWS} more" if len(ranked) > _ROWS else ""
        yield f"**Owners to ask:** {people}{more}\n"
    if account.n_unowned and account.worst is not None:
        yield f"{counted(account.n_unowned, 'affected component')} without a known owner.\n"


def _evidence(rows: Sequence[Row], targets: Mapping[str, str]) -> Iterator[str]:
    told = [row for row in rows if row.path and row.severity != "MASKED"][:_PATHS]
    if not told:
        return
    names = {row.uri: row.name for row in rows} | dict(targets)
    yield f"<details><summary>Evidence: {counted(len(told), 'path')}</summary>\n"
    for row in told:
        way = "".join(f" {how} {_code(name)}" if how else _code(name) for how, name in hops(row, names))
        yield f"- {way}"
        for step in row.path:
            who = f"{step.provider}, {step.rule}" if step.rule else step.provider
            sure = "" if step.confidence >= 1 else f", confidence {step.confidence:.2f}"
            said = f": {_code(step.evidence)}" if step.evidence.strip() else ""
            yield f"  - {_code(step.source)} {step.relation} {_code(step.target)} ({_code(who)}{sure}){said}"
    n_more = sum(1 for row in rows if row.path and row.severity != "MASKED") - len(told)
    if n_more:
        yield f"\n_{counted(n_more, 'path')} more not shown._"
    yield "\n</details>\n"


def _unknown(head: Head) -> Iterator[str]:
    if head.why_incomplete:
        yield "### What is not known\n"
        yield "\n".join(f"- {_escaped(why)}" for why in head.why_incomplete) + "\n"


def _people(owners: Sequence[str], *, mention: bool) -> str:
    return ", ".join(_person(name, mention=mention, in_table=True) for name in owners) or "—"


def _person(name: str, *, mention: bool, in_table: bool = False) -> str:
    if mention and _HANDLE.fullmatch(name):
        return f"@{name}"
    return _cell(name) if in_table else _code(name)


def _code(text: str) -> str:
    """As code, whatever backticks the text has."""
    flat = one_line(text)
    longest = max((len(run) for run in re.findall("`+", flat)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest or flat.startswith(" ") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _cell(text: str) -> str:
    """As code inside a table, where a bar would end the cell even there."""
    return _code(text).replace("|", "\\|")


def _escaped(text: str) -> str:
    """As plain words: no character means anything to Markdown, and no name is a mention."""
    flat = re.sub(r"([\\`*_{}\[\]()#+!|~<>&])", r"\\\1", one_line(text))
    return flat.replace("@", "@\u2060")
