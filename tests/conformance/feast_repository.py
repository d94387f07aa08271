"""Run where Feast is: `feast apply` in a repository, then Feast's own lineage of it as JSON.

python feast_repository.py FOLDER FILE
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

CONFIGS = {
    "file": "registry: data/registry.db",
    "sql": "registry: {registry_type: sql, path: 'sqlite:///data/registry.sqlite', cache_ttl_seconds: 60}",
}
DEFINITIONS = """
from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, FileSource, KafkaSource, PushSource, RequestSource
from feast import StreamFeatureView
from feast.aggregation import Aggregation
from feast.data_format import JsonFormat
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float32, Float64, Int64
from feast.value_type import ValueType

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64, owner="ada@example.org")
zone = Entity(name="zone", join_keys=["zone_id"], value_type=ValueType.INT64)
stats = FileSource(
    name="driver_stats", path="data/driver_stats.parquet", timestamp_field="event_ts",
    created_timestamp_column="created", field_mapping={"conv": "conv_rate", "drv": "driver_id"},
)
weather = FileSource(name="weather", path="data/weather.parquet", timestamp_field="ts")
hourly = FeatureView(
    name="driver_hourly", entities=[driver], ttl=timedelta(days=1), source=stats, online=True,
    schema=[Field(name="conv_rate", dtype=Float32), Field(name="Größe", dtype=Int64)],
    tags={"team": "drivers"}, owner="ada@example.org",
)
fresh = FeatureView(
    name="driver_fresh", entities=[driver], source=PushSource(name="driver_push", batch_source=stats),
    schema=[Field(name="conv_rate", dtype=Float32)],
)
rain = FeatureView(name="rain", entities=[], source=weather, schema=[Field(name="millimetres", dtype=Float64)])
by_zone = FeatureView(name="rain_by_zone", entities=[zone], source=weather, schema=[Field(name="wet", dtype=Float64)])
trips = KafkaSource(
    name="trips", kafka_bootstrap_servers="broker:9092", topic="trips", timestamp_field="event_ts", batch_source=stats,
    message_format=JsonFormat(schema_json="driver_id integer"), watermark_delay_threshold=timedelta(minutes=5),
)
stream = StreamFeatureView(
    name="driver_stream", entities=[driver], ttl=timedelta(days=1), source=trips, timestamp_field="event_ts",
    schema=[Field(name="sum_fare_3600s", dtype=Int64)], mode="spark", udf=None,
    aggregations=[Aggregation(column="fare", function="sum", time_window=timedelta(hours=1))],
)
request = RequestSource(name="request", schema=[Field(name="val", dtype=Int64)])


@on_demand_feature_view(
    sources=[hourly[["conv_rate"]], rain, request],
    schema=[Field(name="conv_plus", dtype=Float64), Field(name="conv_wet", dtype=Float64)],
)
def plus(inputs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"conv_plus": inputs["conv_rate"] + inputs["val"], "conv_wet": inputs["millimetres"]})


ranker = FeatureService(name="ranker", features=[hourly[["conv_rate"]], plus, rain], owner="team:search")
eta = FeatureService(name="eta", features=[fresh, by_zone, stream])
"""


def write(folder: Path, kind: str) -> None:
    """A repository, and the data that `feast apply` looks at."""
    (folder / "data").mkdir(parents=True)
    (folder / "definitions.py").write_text(DEFINITIONS, "utf-8")
    (folder / "feature_store.yaml").write_text(
        f"project: rides\nprovider: local\n{CONFIGS[kind]}\nonline_store: {{type: sqlite, path: data/online.db}}\n"
        "entity_key_serialization_version: 3\n",
        "utf-8",
    )


def _chosen(service: Any) -> list[str]:
    return [f"{view.name}.{field.name}" for view in service.feature_view_projections for field in view.features]


def main(folder: Path, report: Path) -> None:
    warnings.simplefilter("ignore")
    pandas, feast = import_module("pandas"), import_module("feast")
    times = pandas.to_datetime(["2026-01-01", "2026-01-02"], utc=True)
    rows = {"drv": [1, 2], "event_ts": times, "created": times, "conv": [0.1, 0.2], "Größe": [1, 2], "fare": [5, 6]}
    pandas.DataFrame(rows).to_parquet(folder / "data" / "driver_stats.parquet")
    weather = {"zone_id": [1, 2], "ts": times, "millimetres": [0.1, 0.2], "wet": [0.0, 1.0]}
    pandas.DataFrame(weather).to_parquet(folder / "data" / "weather.parquet")
    subprocess.run([str(Path(sys.executable).with_name("feast")), "apply"], cwd=folder, check=True)
    store = feast.FeatureStore(repo_path=str(folder))
    direct, _ = store.registry.get_registry_lineage(project="rides")
    views = [*store.list_feature_views(), *store.list_stream_feature_views(), *store.list_on_demand_feature_views()]
    found = {
        "direct": [[r.source.type.value, r.source.name, r.target.type.value, r.target.name] for r in direct],
        "updated": {view.name: view.last_updated_timestamp.timestamp() for view in views},
        "features": {view.name: [field.name for field in view.features] for view in views},
        "services": {service.name: _chosen(service) for service in store.list_feature_services()},
    }
    report.write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
