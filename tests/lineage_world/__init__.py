"""A small shop whose data go through dbt, Feast, DVC and MLflow, all of it written by these tools themselves.

::

    training/raw/*.csv ─ load_raw.py ─► raw.orders, raw.customers     files that DVC tracks; OpenLineage events
    raw.* ─ dbt ─► stg_orders, stg_customers ─► order_features        OpenLineage events of dbt-ol; a Parquet file
    order_features.parquet ─ Feast ─► orders.amount_7d, …             amount_last_7_days is amount_7d here
    features ─ DVC stage training_set ─► data/training_set.parquet    Feast's historical retrieval
    training set ─ DVC stage train ─► ranking v1, v2; churn v1        MLflow's runs, signatures, aliases

No system knows the others' names, as in life: a file is a path for DVC, another path for Feast, a table for dbt and a
dataset's name for MLflow. ``python -m tests.lineage_world OUT`` writes it and prints where everything is.
"""
