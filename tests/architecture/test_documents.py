"""Do the documents say what is true of the tree?"""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from tests.architecture.rules import ROOT

_PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]


def _missing_links(page: str, text: str) -> list[str]:
    """Relative links of a Markdown page that lead nowhere."""
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    return [f"{page} → {target}" for target in targets if not ((ROOT / page).parent / target).exists()]


def test_every_relative_link_leads_somewhere() -> None:
    assert [
        gap for page in _PAGES for gap in _missing_links(page.relative_to(ROOT).as_posix(), page.read_text("utf-8"))
    ] == []


def test_the_link_rule_refuses_a_dead_link() -> None:
    assert _missing_links("README.md", "[gone](docs/never-written.md)") == ["README.md → docs/never-written.md"]
    assert _missing_links("README.md", "[here](pyproject.toml) [there](https://example.org/x.md) [up](#top)") == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(file.name[:4]) for file in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_pinned_version_satisfies_the_range_that_users_get() -> None:
    packaging = pytest.importorskip("packaging.requirements")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    )
    wanted = [
        *project["dependencies"],
        *(line for lines in project["optional-dependencies"].values() for line in lines),
    ]
    requirements = [packaging.Requirement(line) for line in wanted]
    assert len(requirements) > 10
    wrong = [
        str(requirement)
        for requirement in requirements
        if requirement.name != "motherlode" and not requirement.specifier.contains(pinned.get(requirement.name, "0"))
    ]
    assert wrong == []


def test_the_extra_all_leaves_no_user_extra_out() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    listed = re.search(r"\[(.*)\]", extras["all"][0])
    assert listed is not None
    assert set(listed[1].split(",")) == set(extras) - {"all", "bench", "dev", "test"}


@pytest.mark.parametrize(
    "script", ["scripts/setup", "scripts/demo", "scripts/test", "scripts/check", "scripts/bench", ".ci/run"]
)
def test_a_script_is_executable_and_parses(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)


def test_each_make_target_is_one_short_line_to_a_script() -> None:
    for line in (ROOT / "Makefile").read_text("utf-8").splitlines():
        if line and not line.startswith("."):
            assert re.fullmatch(r"[a-z-]+:\s+; @scripts/[a-z]+( [a-z]+)?", line), line
