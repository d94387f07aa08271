"""Field numbers of Feast's messages, from its files protos/feast/core/*.proto (Feast 0.10 to 0.67); those we read.

Numbers of a message never change their meaning in Protocol Buffers; new ones are added, and skipped here.
"""

from __future__ import annotations

__all__ = ["KINDS", "MESSAGES", "SOURCE_TYPES", "VALUE_TYPES"]

KINDS = {
    "entities": (1, "Entity"),
    "feature_views": (6, "FeatureView"),
    "feature_services": (7, "FeatureService"),
    "on_demand_feature_views": (8, "OnDemandFeatureView"),
    "saved_datasets": (11, "SavedDataset"),
    "data_sources": (12, "DataSource"),
    "stream_feature_views": (14, "StreamFeatureView"),
    "projects": (17, "Project"),
    "label_views": (19, "LabelView"),
}
"""What a Registry holds: field of the Registry message, and the message. The SQL registry has tables of these names."""

# Registry.proto 3, 4, 5
REGISTRY = {3: ("registry_schema_version", "string"), 4: ("version_id", "string"), 5: ("last_updated", "Timestamp")}

_TAGS = "%string"


def _of(name: str) -> dict[int, tuple[str, str]]:
    return {1: ("spec", f"{name}Spec"), 2: ("meta", "Meta")}


MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "Registry": REGISTRY,
    "Timestamp": {1: ("seconds", "int"), 2: ("nanos", "int")},
    "Duration": {1: ("seconds", "int"), 2: ("nanos", "int")},
    "Meta": {1: ("created", "Timestamp"), 2: ("updated", "Timestamp")},
    "Project": _of("Project"),
    "ProjectSpec": {1: ("name", "string"), 2: ("description", "string"), 3: ("tags", _TAGS), 4: ("owner", "string")},
    "Entity": _of("Entity"),
    "EntitySpec": {
        1: ("name", "string"),
        3: ("description", "string"),
        4: ("join_key", "string"),
        8: ("tags", _TAGS),
        9: ("project", "string"),
        10: ("owner", "string"),
    },
    "DataSource": {
        1: ("type", "int"),
        2: ("field_mapping", "%string"),
        3: ("timestamp_field", "string"),
        4: ("date_partition_column", "string"),
        5: ("created_timestamp_column", "string"),
        11: ("file", "FileOptions"),
        12: ("bigquery", "Table"),
        13: ("kafka", "KafkaOptions"),
        14: ("kinesis", "KinesisOptions"),
        15: ("redshift", "Table"),
        16: ("custom", "CustomOptions"),
        17: ("class_type", "string"),
        18: ("request", "RequestOptions"),
        19: ("snowflake", "Table"),
        20: ("name", "string"),
        21: ("project", "string"),
        22: ("push", "Empty"),
        23: ("description", "string"),
        24: ("tags", _TAGS),
        25: ("owner", "string"),
        26: ("batch_source", "DataSource"),
        27: ("spark", "SparkOptions"),
        30: ("trino", "Table"),
        35: ("athena", "AthenaOptions"),
        50: ("meta", "SourceMeta"),
    },
    "SourceMeta": {3: ("created", "Timestamp"), 4: ("updated", "Timestamp")},
    "FileOptions": {2: ("uri", "string")},
    "Table": {1: ("table", "string"), 2: ("query", "string"), 3: ("schema", "string"), 4: ("database", "string")},
    "AthenaOptions": {
        1: ("table", "string"),
        2: ("query", "string"),
        3: ("database", "string"),
        4: ("catalog", "string"),
    },
    "SparkOptions": {1: ("table", "string"), 2: ("query", "string"), 3: ("path", "string")},
    "KafkaOptions": {1: ("servers", "string"), 2: ("topic", "string")},
    "KinesisOptions": {1: ("region", "string"), 2: ("stream", "string")},
    "CustomOptions": {1: ("configuration", "bytes")},
    "RequestOptions": {2: ("old_schema", "%int"), 3: ("schema", "*Field")},
    "Empty": {},
    "Field": {1: ("name", "string"), 2: ("type", "int"), 3: ("tags", _TAGS), 4: ("description", "string")},
    "FeatureView": _of("FeatureView"),
    "FeatureViewSpec": {
        1: ("name", "string"),
        2: ("project", "string"),
        3: ("entities", "*string"),
        4: ("features", "*Field"),
        5: ("tags", _TAGS),
        6: ("ttl", "Duration"),
        7: ("batch_source", "DataSource"),
        8: ("online", "bool"),
        9: ("stream_source", "DataSource"),
        10: ("description", "string"),
        11: ("owner", "string"),
        12: ("entity_columns", "*Field"),
        13: ("offline", "bool"),
        14: ("source_views", "*SourceView"),
        15: ("transformation", "Empty"),
        16: ("mode", "string"),
        20: ("disabled", "bool"),
    },
    "SourceView": {1: ("name", "string"), 2: ("project", "string")},  # a FeatureViewSpec, of which we need the name
    "StreamFeatureView": _of("StreamFeatureView"),
    "StreamFeatureViewSpec": {
        1: ("name", "string"),
        2: ("project", "string"),
        3: ("entities", "*string"),
        4: ("features", "*Field"),
        5: ("entity_columns", "*Field"),
        6: ("description", "string"),
        7: ("tags", _TAGS),
        8: ("owner", "string"),
        9: ("ttl", "Duration"),
        10: ("batch_source", "DataSource"),
        11: ("stream_source", "DataSource"),
        12: ("online", "bool"),
        13: ("udf", "Empty"),
        14: ("mode", "string"),
        15: ("aggregations", "*Aggregation"),
        17: ("transformation", "Empty"),
        23: ("disabled", "bool"),
    },
    "Aggregation": {
        1: ("column", "string"),
        2: ("function", "string"),
        3: ("window", "Duration"),
        5: ("name", "string"),
    },
    "OnDemandFeatureView": _of("OnDemandFeatureView"),
    "OnDemandFeatureViewSpec": {
        1: ("name", "string"),
        2: ("project", "string"),
        3: ("features", "*Field"),
        4: ("sources", "%OnDemandSource"),
        6: ("description", "string"),
        7: ("tags", _TAGS),
        8: ("owner", "string"),
        11: ("mode", "string"),
        12: ("online", "bool"),
        13: ("entities", "*string"),
        14: ("entity_columns", "*Field"),
        19: ("disabled", "bool"),
    },
    "OnDemandSource": {
        1: ("view", "FeatureView"),
        2: ("request", "DataSource"),
        3: ("projection", "Projection"),
    },
    "Projection": {
        1: ("view", "string"),
        2: ("features", "*Field"),
        3: ("alias", "string"),
        4: ("join_key_map", "%string"),
    },
    "LabelView": _of("LabelView"),
    "LabelViewSpec": {
        1: ("name", "string"),
        2: ("project", "string"),
        3: ("entities", "*string"),
        4: ("features", "*Field"),
        5: ("tags", _TAGS),
        6: ("ttl", "Duration"),
        7: ("stream_source", "DataSource"),
        8: ("online", "bool"),
        9: ("description", "string"),
        10: ("owner", "string"),
        11: ("entity_columns", "*Field"),
        15: ("reference_view", "string"),
    },
    "FeatureService": _of("FeatureService"),
    "FeatureServiceSpec": {
        1: ("name", "string"),
        2: ("project", "string"),
        3: ("features", "*Projection"),
        4: ("tags", _TAGS),
        5: ("description", "string"),
        6: ("owner", "string"),
    },
    "SavedDataset": _of("SavedDataset"),
    "SavedDatasetSpec": {
        1: ("name", "string"),
        2: ("project", "string"),
        3: ("features", "*string"),
        4: ("join_keys", "*string"),
        6: ("storage", "Storage"),
        7: ("tags", _TAGS),
        8: ("service", "string"),
        11: ("description", "string"),
    },
    "Storage": {
        4: ("file", "FileOptions"),
        5: ("bigquery", "Table"),
        6: ("redshift", "Table"),
        7: ("snowflake", "Table"),
        8: ("trino", "Table"),
        9: ("spark", "SparkOptions"),
        10: ("custom", "CustomOptions"),
        11: ("athena", "AthenaOptions"),
    },
}

SOURCE_TYPES = {
    1: "file", 2: "bigquery", 3: "kafka", 4: "kinesis", 5: "redshift", 6: "custom", 7: "request", 8: "snowflake",
    9: "push", 10: "trino", 11: "spark", 12: "athena", 13: "iceberg",
}  # fmt: skip
"""DataSource.SourceType"""

_SCALAR_TYPES = {
    1: "BYTES", 2: "STRING", 3: "INT32", 4: "INT64", 5: "DOUBLE", 6: "FLOAT", 7: "BOOL", 8: "UNIX_TIMESTAMP",
}  # fmt: skip
VALUE_TYPES = {
    **_SCALAR_TYPES,
    **{number + 10: f"{name}_LIST" for number, name in _SCALAR_TYPES.items()},
    **{number + 21: f"{name}_SET" for number, name in _SCALAR_TYPES.items()},
    20: "MAP", 21: "MAP_LIST", 32: "JSON", 33: "JSON_LIST", 34: "STRUCT", 35: "STRUCT_LIST", 36: "UUID", 44: "DECIMAL",
}  # fmt: skip
"""types.ValueType.Enum; others are shown as their number."""
