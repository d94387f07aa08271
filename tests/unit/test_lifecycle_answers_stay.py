"""An answer that is read later is the answer that was given."""

from __future__ import annotations

from motherlode.lifecycle import Edge, Observation, make_uri, open_lifecycle


def table(name: str) -> str:
    return make_uri("dataset", "db", name)


def made(name: str, *sources: str, version: int = 1) -> Observation:
    return Observation(
        table(name), version=version, edges=tuple(Edge(table(s), "derives", table(name)) for s in sources)
    )


def test_rows_read_after_a_write_belong_to_the_answer() -> None:
    with open_lifecycle(":memory:") as graph:
        graph.add([made("x", "y")])
        assert len(graph.impact(table("y"))) == 1  # the arrays are made; what follows is beside them
        graph.add([made(f"e{n}", f"d{n}") for n in range(5)])
        report, down = graph.impact(table("d2")), graph.downstream(table("d2"))
        graph.add([made("e0", version=2), made("e2", version=2)])
        assert [(row.name, row.path[0].source, row.path[0].target) for row in report.rows] == [
            ("e2", table("d2"), table("e2"))
        ]
        assert [(row.name, row.path[0].source) for row in down.rows] == [("e2", table("d2"))]
        assert "never described" in report.why_incomplete[0]
        assert len(graph.impact(table("d2"))) == 0


def test_an_answer_about_the_past_reads_its_own_arrays() -> None:
    with open_lifecycle(":memory:") as graph:
        graph.add([made("b", "a")])
        view = graph.as_of(min_confidence=0.5)
        report = view.impact(table("a"))
        graph.add([made("c", "b"), made("b", version=2)])
        assert [row.name for row in report.rows] == ["b"]
        assert [row.name for row in view.impact(table("b")).rows] == ["c"]
