"""The namespace of a dbt project's datasets: from its profile, as OpenLineage's naming has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from motherlode.errors import DataError, UnsupportedError
from motherlode.lifecycle.providers.dbt.namespaces import namespace_of_profile, namespace_of_project


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"type": "postgres", "host": "db", "port": 1234}, "postgres://db:1234"),
        ({"type": "redshift", "host": "rs", "port": 5439}, "redshift://rs:5439"),
        ({"type": "bigquery"}, "bigquery"),
        ({"type": "duckdb", "path": "/data/shop.duckdb"}, "duckdb:///data/shop.duckdb"),
        ({"type": "duckdb", "path": "md:shop?motherduck_token=hunter2"}, "duckdb://md:shop?motherduck_token=…"),
        ({"type": "snowflake", "account": "ORG-acc.eu-west-1"}, "snowflake://ORG-acc"),
        ({"type": "snowflake", "account": "xy12345"}, "snowflake://xy12345.us-west-1.aws"),
        ({"type": "snowflake", "account": "xy12345.us-east-1"}, "snowflake://xy12345.us-east-1.aws"),
        ({"type": "snowflake", "account": "xy12345.east-us-2.azure"}, "snowflake://xy12345.east-us-2.azure"),
        ({"type": "databricks", "host": "dbx"}, "databricks://dbx"),
        ({"type": "sqlserver", "server": "ms", "port": 1433}, "mssql://ms:1433"),
        ({"type": "athena", "region_name": "eu-west-1"}, "awsathena://athena.eu-west-1.amazonaws.com"),
        ({"type": "glue", "region": "eu", "role_arn": "arn:aws:iam::42:role/x"}, "arn:aws:glue:eu:42"),
        ({"type": "spark", "method": "thrift", "host": "sp"}, "spark://sp:10001"),
        ({"type": "spark", "method": "http", "host": "sp", "port": 8443}, "spark://sp:8443"),
        ({"type": "fabric", "server": "fb"}, "fabric-warehouse://fb"),
        ({"type": "trino", "host": "tr", "port": 8080}, "trino://tr:8080"),
        ({"type": "trino", "host": "tr"}, None),
        ({"type": "postgres", "host": "{{ var('x') }}", "port": 1}, None),
        ({"type": "oracle", "host": "db"}, None),
    ],
)
def test_each_platform_has_its_naming(profile: dict[str, Any], expected: str | None) -> None:
    assert namespace_of_profile(profile) == expected


def project(folder: Path, profiles: str, dbt_project: str | None = "profile: shop\n") -> Path:
    (folder / "target").mkdir(exist_ok=True)
    (folder / "profiles.yml").write_text(profiles, "utf-8")
    if dbt_project is not None:
        (folder / "dbt_project.yml").write_text(dbt_project, "utf-8")
    return folder / "target" / "manifest.json"


SHOP = """
config: {send_anonymous_usage_stats: false}
other: {target: dev, outputs: {dev: {type: postgres, host: wrong, port: 1}}}
shop:
  target: "{{ env_var('SHOP_TARGET', 'dev') }}"
  outputs:
    dev: {type: postgres, host: "{{ env_var('SHOP_HOST') }}", port: 5432, password: hunter2}
    prod: {type: postgres, host: prod, port: 5432}
    local: {type: duckdb, path: shop.duckdb}
"""


def test_the_profile_of_the_project_and_its_target_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOST", "db.example")
    path = project(tmp_path, SHOP)
    assert namespace_of_project(path, "postgres") == ("postgres://db.example:5432", "profiles.yml")
    monkeypatch.setenv("SHOP_TARGET", "prod")
    assert namespace_of_project(path, "postgres") == ("postgres://prod:5432", "profiles.yml")
    assert namespace_of_project(path, "duckdb") == ("duckdb://shop.duckdb", "profiles.yml")


@pytest.mark.parametrize(
    ("profiles", "dbt_project"),
    [(SHOP, "profile: nobody\n"), (SHOP, None), (SHOP, "profile: shop\n"), ("[]", "profile: shop\n"), ("", "- 1\n")],
)
def test_what_the_profile_does_not_say_leaves_the_adapter_s_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profiles: str, dbt_project: str | None
) -> None:
    monkeypatch.delenv("SHOP_HOST", raising=False)
    monkeypatch.delenv("SHOP_TARGET", raising=False)
    assert namespace_of_project(project(tmp_path, profiles, dbt_project), "postgres") == ("postgres", "adapter type")


def test_without_a_profile_it_is_the_adapter_s_type(tmp_path: Path) -> None:
    assert namespace_of_project(tmp_path / "target" / "manifest.json", "bigquery") == ("bigquery", "adapter type")


def test_a_profile_that_is_no_yaml_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="profiles.yml: .*expected the YAML that dbt reads: mend it, or give namespace="
    ):
        namespace_of_project(project(tmp_path, "a: [1\n"), "postgres")


def test_without_pyyaml_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(UnsupportedError, match=r"motherlode\[lifecycle\].*namespace="):
        namespace_of_project(project(tmp_path, SHOP), "postgres")
