"""A small shop as a dbt project on DuckDB, with everything in it that a manifest can hold; and how dbt builds it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
seed-paths: [seeds]
snapshot-paths: [snapshots]
models: {shop: {+materialized: table, staging: {+materialized: view}}}
""",
    "profiles.yml": """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, threads: 1}
""",
    "seeds/raw_customers.csv": "id,Email,country\n1,ada@example.com,GB\n2,emil@example.com,DE\n",
    "seeds/raw_orders.csv": "id,customer_id,amount,status,ordered_at\n"
    "1,1,10,paid,2026-01-01\n2,1,20,new,2026-01-02\n3,2,5,paid,2026-01-03\n",
    "models/staging/stg_customers.sql": "select id as customer_id, Email as email, country "
    "from {{ ref('raw_customers') }}",
    "models/staging/stg_orders.sql": "select id as order_id, customer_id, amount, status, ordered_at "
    "from {{ source('raw', 'orders') }} where status <> 'void'",
    "models/only_inside.sql": "{{ config(materialized='ephemeral') }} select customer_id, amount "
    "from {{ ref('stg_orders') }} where status = 'paid'",
    "models/customer_features.sql": "select c.customer_id, c.country, sum(o.amount) as amount_total, "
    "count(*) as n_orders "
    "from {{ ref('stg_customers') }} c join {{ ref('stg_orders') }} o on c.customer_id = o.customer_id group by 1, 2",
    "models/paid.sql": "select customer_id, amount from {{ ref('only_inside') }}",
    "models/grown.sql": "{{ config(materialized='incremental', alias='Grown_Größe') }} "
    "select * from {{ ref('stg_orders') }}",
    "models/days.sql": "select cast('2026-01-01' as date) as day",
    "snapshots/orders_snapshot.sql": "{% snapshot orders_snapshot %}{{ config(target_schema='main', "
    "unique_key='order_id', strategy='check', check_cols=['status']) }} "
    "select * from {{ ref('stg_orders') }}{% endsnapshot %}",
    "models/shop.yml": """
version: 2
sources:
  - name: raw
    schema: main
    tables: [{name: orders, identifier: raw_orders, description: Orders as they come}]
groups:
  - {name: data, owner: {name: Data team, email: data@example.com}}
models:
  - name: stg_customers
    description: Customers, cleaned
    columns:
      - {name: customer_id, data_tests: [unique, not_null]}
      - {name: email, description: Personal, config: {tags: [pii]}}
  - name: stg_orders
    columns:
      - name: customer_id
        data_tests:
          - relationships: {arguments: {to: ref('stg_customers'), field: customer_id}}
      - name: status
        data_tests:
          - accepted_values: {arguments: {values: [new, paid]}, config: {severity: warn}}
  - name: customer_features
    description: What the churn model reads
    config: {group: data, tags: [features], meta: {owner: "team:ml"}}
  - name: days
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
unit_tests:
  - name: totals_are_sums
    model: customer_features
    given:
      - {input: ref('stg_customers'), rows: [{customer_id: 1, country: GB}]}
      - {input: ref('stg_orders'), rows: [{customer_id: 1, amount: 3}, {customer_id: 1, amount: 4}]}
    expect: {rows: [{customer_id: 1, country: GB, amount_total: 7, n_orders: 2}]}
semantic_models:
  - name: orders
    model: ref('stg_orders')
    defaults: {agg_time_dimension: ordered_at}
    entities: [{name: order_id, type: primary}]
    dimensions: [{name: ordered_at, type: time, type_params: {time_granularity: day}}]
    measures: [{name: amount, agg: sum}]
metrics:
  - {name: revenue, label: Revenue, type: simple, type_params: {measure: amount}}
saved_queries:
  - {name: monthly, query_params: {metrics: [revenue], group_by: ["TimeDimension('metric_time', 'month')"]}}
exposures:
  - {name: churn, type: ml, owner: {email: ml@example.com}, depends_on: [ref('customer_features'), metric('revenue')]}
  - {name: weekly, type: dashboard, owner: {name: BI}, depends_on: [ref('paid')], url: https://bi.example.com/weekly}
""",
}
NAMESPACE = "duckdb://shop.duckdb"
"""As OpenLineage's dbt integration calls it: by the profile's path."""


def dbt(folder: Path, python: Path, program: str, *arguments: str) -> str:
    """What a program of dbt's environment prints, run in the project; a failure shows its output."""
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(folder),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "OPENLINEAGE__TRANSPORT__TYPE": "file",
        "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(folder / "events.json"),
        "OPENLINEAGE__TRANSPORT__APPEND": "true",
        "OPENLINEAGE_NAMESPACE": "shop",
    }
    done = subprocess.run(
        [python.parent / program, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


def build(folder: Path, python: Path) -> None:
    """Write the project, build it with `dbt-ol`, and let dbt list its catalog."""
    for name, content in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    dbt(folder, python, "dbt", "seed")
    dbt(folder, python, "dbt-ol", "build")
    dbt(folder, python, "dbt", "docs", "generate", "--no-compile")
