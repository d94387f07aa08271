"""The Feast repository of the world: what dbt calls amount_last_7_days is the feature orders.amount_7d."""

from __future__ import annotations

FILES = {
    "feature_store.yaml": """
project: shop
provider: local
registry: data/registry.db
online_store: {type: sqlite, path: data/online.db}
entity_key_serialization_version: 3
""",
    "definitions.py": """
from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, FileSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64, String
from feast.value_type import ValueType

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64, owner="team:data")
table = FileSource(
    name="order_features", path="../warehouse/exports/order_features.parquet", timestamp_field="computed_at",
    field_mapping={"amount_last_7_days": "amount_7d", "n_orders_last_7_days": "n_orders_7d"},
)
orders = FeatureView(
    name="orders", entities=[customer], ttl=timedelta(days=30), source=table, owner="team:search",
    schema=[
        Field(name="amount_7d", dtype=Float64, description="Spent in the last seven days"),
        Field(name="n_orders_7d", dtype=Int64),
    ],
    tags={"tier": "gold"},
)
customers = FeatureView(
    name="customers", entities=[customer], ttl=timedelta(days=30), source=table, owner="team:crm",
    schema=[Field(name="country", dtype=String)],
)


@on_demand_feature_view(sources=[orders], schema=[Field(name="mean_amount_7d", dtype=Float64)])
def order_ratios(inputs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"mean_amount_7d": inputs["amount_7d"] / inputs["n_orders_7d"]})


ranking = FeatureService(name="ranking_inputs", features=[orders, customers, order_ratios], owner="team:search")
churn = FeatureService(name="churn_inputs", features=[customers], owner="team:crm")
""",
}
"""Files of the folder feature_repo/."""
