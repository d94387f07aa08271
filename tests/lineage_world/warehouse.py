"""The dbt project of the world, and how raw tables come into its DuckDB file."""

from __future__ import annotations

ORDERS = "id,customer_id,amount,status,ordered_at\n" + "".join(
    f"{n},{n % 7 + 1},{5 + n * 3 % 40},{'void' if n % 11 == 0 else 'paid'},2026-03-{n % 27 + 1:02d}\n"
    for n in range(1, 61)
)
CUSTOMERS = "id,Email,country\n" + "".join(
    f"{n},customer{n}@example.com,{'GB' if n % 2 else 'DE'}\n" for n in range(1, 8)
)

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
models: {shop: {staging: {+materialized: view}}}
""",
    "profiles.yml": """
shop:
  target: prod
  outputs:
    prod: {type: duckdb, path: shop.duckdb, threads: 1}
""",
    "models/staging/stg_orders.sql": "select id as order_id, customer_id, amount, ordered_at "
    "from {{ source('raw', 'orders') }} where status <> 'void'",
    "models/staging/stg_customers.sql": "select id as customer_id, country from {{ source('raw', 'customers') }}",
    "models/order_features.sql": """
{{ config(materialized='external', location='exports/order_features.parquet') }}
select c.customer_id, c.country, sum(o.amount) as amount_last_7_days, count(*) as n_orders_last_7_days,
       cast('2026-03-31' as timestamp) as computed_at
from {{ ref('stg_customers') }} c join {{ ref('stg_orders') }} o on c.customer_id = o.customer_id
group by 1, 2
""",
    "models/shop.yml": """
version: 2
sources:
  - name: raw
    schema: raw
    tables: [{name: orders, description: Orders as the till exports them}, {name: customers}]
models:
  - name: order_features
    description: One row for each customer, for the feature store
    config: {tags: [features], meta: {owner: "team:data"}}
    columns:
      - {name: amount_last_7_days, description: What the customer spent in seven days}
""",
    "load_raw.py": '''
"""Loads the exported files into the raw schema, and says so in OpenLineage events."""
import sys
from datetime import datetime, timezone
from pathlib import Path
from uuid import uuid4

import duckdb
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset

client = OpenLineageClient()
database = duckdb.connect("shop.duckdb")
database.execute("create schema if not exists raw")
for name in ("orders", "customers"):
    source = Path(sys.argv[1], f"{name}.csv").resolve()
    run, job = Run(runId=str(uuid4())), Job(namespace="shop", name=f"load_raw.{name}")
    database.execute(f"create or replace table raw.{name} as select * from read_csv('{source}')")
    columns = database.execute(f"select column_name, data_type from information_schema.columns "
                               f"where table_schema = 'raw' and table_name = '{name}'").fetchall()
    fields = [schema_dataset.SchemaDatasetFacetFields(name=column, type=kind) for column, kind in columns]
    schema = {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}
    inputs = [InputDataset(namespace="file", name=str(source), facets=schema)]
    outputs = [OutputDataset(namespace="duckdb://shop.duckdb", name=f"shop.raw.{name}", facets=schema)]
    for state in (RunState.START, RunState.COMPLETE):
        client.emit(RunEvent(eventType=state, eventTime=datetime.now(timezone.utc).isoformat(), run=run, job=job,
                             producer="https://example.com/load_raw", inputs=inputs, outputs=outputs))
''',
}
"""Files of the folder warehouse/."""
