"""OpenLineage's events as observations and reports of runs: files of them, or one at a time as they arrive."""

from motherlode.lifecycle.providers.openlineage.events import read_event
from motherlode.lifecycle.providers.openlineage.provider import OpenLineage

__all__ = ["OpenLineage", "read_event"]
