"""OpenLineage's namespace of a dbt project's datasets: from its profile, as OpenLineage's naming has it per platform.

https://openlineage.io/docs/spec/naming
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from motherlode.errors import DataError, UnsupportedError
from motherlode.lifecycle.providers.dbt.artifacts import mapping, objects, text
from motherlode.lifecycle.providers.secrets import without_secrets

__all__ = ["namespace_of_profile", "namespace_of_project"]

_MAX_BYTES = 1 << 20
_ENVIRONMENT = re.compile(
    r"""\{\{\s*env_var\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]*)['"]\s*)?\)\s*(?:\|[^}]*)?\}\}"""
)

Profile = Mapping[str, Any]


def _host(scheme: str, host: str = "host", port: int | None = None) -> Callable[[Profile], str]:
    def name(profile: Profile) -> str:
        return f"{scheme}://{profile[host]}:{profile.get('port', port) if port else profile['port']}"

    return name


def _snowflake(profile: Profile) -> str:
    """An organisation's account stands alone; a locator gets its region and cloud."""
    account = str(profile["account"])
    parts = account.split(".")
    if "-" in parts[0]:
        return f"snowflake://{parts[0]}"
    missing = {1: ".us-west-1.aws", 2: ".aws"}.get(len(parts), "")
    return f"snowflake://{account}{missing}"


def _spark(profile: Profile) -> str:
    usual = {"http": ":443", "odbc": ":443", "thrift": ":10001"}
    port = f":{profile['port']}" if "port" in profile else usual.get(profile["method"], "")
    return f"spark://{profile['host']}{port}"


def _fabric(profile: Profile) -> str:
    return f"fabric-warehouse://{profile['server']}{':' + str(profile['port']) if 'port' in profile else ''}"


def _glue(profile: Profile) -> str:
    account = profile.get("account_id") or str(profile["role_arn"]).split(":")[4]
    return f"arn:aws:glue:{profile['region']}:{account}"


_NAMING: dict[str, Callable[[Profile], str]] = {
    "athena": lambda profile: f"awsathena://athena.{profile['region_name']}.amazonaws.com",
    "bigquery": lambda _: "bigquery",
    "clickhouse": _host("clickhouse"),
    "databricks": lambda profile: f"databricks://{profile['host']}",
    "dremio": _host("dremio", "software_host"),
    "duckdb": lambda profile: f"duckdb://{profile['path']}",
    "fabric": _fabric,
    "glue": _glue,
    "postgres": _host("postgres", port=5432),
    "presto": _host("presto"),
    "redshift": _host("redshift", port=5439),
    "snowflake": _snowflake,
    "spark": _spark,
    "sqlserver": _host("mssql", "server", port=1433),
    "trino": _host("trino"),
}


def namespace_of_profile(profile: Profile) -> str | None:
    """The namespace of what a profile's output connects to; None where the platform or what it needs is not known."""
    naming = _NAMING.get(str(profile.get("type")))
    try:
        found = None if naming is None else naming(profile)
    except (KeyError, IndexError):
        return None
    return None if found is None or "{{" in found else without_secrets(found)


def namespace_of_project(manifest_path: Path, adapter_type: str) -> tuple[str, str]:
    """(namespace, what says so) of the project whose manifest this is.

    From ``profiles.yml`` beside ``dbt_project.yml``, which stands in the manifest's folder or the one above; the
    output is the profile's target, or its only one of that adapter. Without them (or where a value is a template other
    than ``env_var``), the adapter's type. Errors: UnsupportedError without pyyaml; DataError for no YAML.
    """
    for folder in (manifest_path.parent, manifest_path.parent.parent):
        profiles, project = folder / "profiles.yml", folder / "dbt_project.yml"
        if profiles.is_file():
            named = text(mapping(_read_yaml(project)).get("profile")) if project.is_file() else None
            found = _output(mapping(_read_yaml(profiles)), named, adapter_type)
            namespace = None if found is None else namespace_of_profile(found)
            if namespace is not None:
                return namespace, "profiles.yml"
    return adapter_type, "adapter type"


def _output(profiles: Mapping[str, Any], named: str | None, adapter_type: str) -> Profile | None:
    known = {name: each for name, each in objects(profiles).items() if name != "config"}
    if named is None and len(known) == 1:
        (named,) = known
    profile = known.get(named or "")
    if profile is None:
        return None
    outputs = {name: _resolved(each) for name, each in objects(profile.get("outputs")).items()}
    target = _resolve(str(profile.get("target", "default")))
    fitting = [each for each in outputs.values() if each.get("type") == adapter_type]
    chosen = outputs.get(target)
    if chosen is not None and chosen.get("type") == adapter_type:
        return chosen
    return fitting[0] if len(fitting) == 1 else None


def _resolved(output: Mapping[str, Any]) -> Profile:
    return {name: _resolve(value) if isinstance(value, str) else value for name, value in output.items()}


def _resolve(value: str) -> str:
    """A value whose ``env_var`` calls are replaced by what the environment, or their default, says."""

    def known(match: re.Match[str]) -> str:
        name, default = match.groups()
        found: str | None = os.environ.get(name, default)
        return match[0] if found is None else found

    return _ENVIRONMENT.sub(known, value)


def _read_yaml(path: Path) -> object:
    try:
        import yaml
    except ImportError:
        raise UnsupportedError(
            f"{path} is read with pyyaml, which is not installed: pip install 'motherlode[lifecycle]', "
            "or give namespace="
        ) from None
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES >> 20} MiB")
        found: object = yaml.safe_load(content)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: {reason}; expected the YAML that dbt reads: mend it, or give namespace=",
            path=str(path), found=reason, expected="YAML",
        ) from error  # fmt: skip
    return found
