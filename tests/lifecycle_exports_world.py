"""A small world for exports and the command line: from a column of a database to a deployed model, by several hands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.naming import column_uri, dataset_uri, owner_uri, pipeline_uri, tag_uri
from motherlode.lifecycle.record import Edge, Item, Observation
from motherlode.lifecycle.uris import make_uri

ORDERS = dataset_uri("postgres://db:5432", "shop.public.orders")
FEATURES = dataset_uri("s3://lake", "features/orders.parquet")
AMOUNT, COMMENT = column_uri(ORDERS, "amount"), column_uri(ORDERS, "comment")
AMOUNT_7D = column_uri(FEATURES, "amount_7d")
JOB = pipeline_uri("airflow", "build_features")
VIEW = make_uri("feature_view", "feast", "shop/orders")
FEATURE = make_uri("feature", "feast", "shop/orders.amount_7d")
VERSION = make_uri("model_version", "mlflow", "ranking@v5")
MODEL = make_uri("model", "mlflow", "ranking")
CHAMPION = make_uri("deployment", "mlflow", "ranking@champion")

HOSTILE = (
    '</script><script>document.title="owned"</script>',
    '"]; click n0 "javascript:alert(1)" %% {{x}} #quot; `code` end',
    "a|b\nc\r\n| --- |\n<img src=x onerror=alert(1)> @everyone **bold** [x](javascript:y)",
    "\u202egnp.elttil\u2066 größe 訂單 \x1b[31mred\x1b]0;title\x07 \x9b5m",
    '=HYPERLINK("http://x","y")',
    'back\\slash "quoted" \\N &lt; <!-- --> -->',
)


class Ticking:
    """A clock that starts at a day of March 2026, and goes on by a second whenever it is read."""

    def __init__(self, day: int = 1) -> None:
        self.now = datetime(2026, 3, day, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def shop() -> list[Item]:
    """orders.amount → orders.amount_7d → ranking@v5 → the deployment; nobody reads orders.comment."""
    return [
        Observation(ORDERS, version=10, attributes={"description": "orders as sold"},
                    edges=(Edge(ORDERS, "owned_by", owner_uri("team:shop")), Edge(ORDERS, "tagged", tag_uri("pii")))),
        Observation(ORDERS, "schema", 10, edges=(
            Edge(ORDERS, "has_column", AMOUNT, evidence="schema"), Edge(ORDERS, "has_column", COMMENT))),
        Observation(AMOUNT, version=10), Observation(COMMENT, version=10), Observation(AMOUNT_7D, version=10),
        Observation(FEATURES, version=10, edges=(Edge(FEATURES, "has_column", AMOUNT_7D),)),
        Observation(JOB, version=10, edges=(
            Edge(ORDERS, "read_by", JOB), Edge(JOB, "writes", FEATURES),
            Edge(AMOUNT, "derives", AMOUNT_7D, 1.0, "columnLineage facet"))),
        Observation(VIEW, version=10, edges=(Edge(FEATURES, "feeds", VIEW), Edge(VIEW, "has_feature", FEATURE))),
        Observation(FEATURE, version=10, edges=(Edge(AMOUNT_7D, "feeds", FEATURE),)),
        Observation(VERSION, version=10, edges=(
            Edge(FEATURE, "input_of", VERSION, 0.9, "signature"), Edge(VERSION, "current_of", MODEL),
            Edge(MODEL, "has_version", VERSION), Edge(VERSION, "deployed_as", CHAMPION))),
        Observation(MODEL, version=10, edges=(Edge(MODEL, "owned_by", owner_uri("alice")),)),
        Observation(CHAMPION, version=10),
    ]  # fmt: skip


def hostile() -> list[Item]:
    """A feature whose readers bear names that terminals, browsers and parsers might obey."""
    source = make_uri("feature", "test", "source")
    models = [make_uri("model", "test", name) for name in HOSTILE]
    edges = [Edge(source, "input_of", uri, 0.5, name) for uri, name in zip(models, HOSTILE, strict=True)]
    owned = [Edge(edge.target, "owned_by", owner_uri(edge.evidence)) for edge in edges]
    described = [Observation(edge.target, version=1, attributes={"note": edge.evidence}) for edge in edges]
    return [Observation(source, version=1, edges=(*edges, *owned)), *described]


def fan(widths: Iterable[int]) -> Iterator[Item]:
    """A feature with widths[0] readers at depth 1, each of them with a share of the next widths."""
    above = [make_uri("feature", "fan", "root")]
    yield Observation(above[0], version=1)
    for depth, width in enumerate(widths, 1):
        level = [make_uri("dataset", "fan", f"d{depth}/{number:05}") for number in range(width)]
        for number, uri in enumerate(level):
            yield Observation(uri, version=1, edges=(Edge(above[number % len(above)], "feeds", uri),))
        above = level


def world(*items: Iterable[Item], day: int = 1) -> LifecycleGraph:
    """A graph in memory with the items, by default the shop."""
    graph = open_lifecycle(":memory:", clock=Ticking(day))
    for each in items or (shop(),):
        graph.add(each)
    return graph
