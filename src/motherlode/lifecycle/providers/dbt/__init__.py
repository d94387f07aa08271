"""A dbt project's artefacts (manifest, catalog, run results) as observations."""

from motherlode.lifecycle.providers.dbt.provider import Dbt

__all__ = ["Dbt"]
