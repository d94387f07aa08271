"""OpenLineage's own events, facets and dbt manifests among the shared data, which a clone elsewhere may lack."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def openlineage_folder() -> Path:
    """``openlineage`` below $MOTHERLODE_DATA, by default ../shared/data; the test skips by name without it."""
    data = Path(os.environ.get("MOTHERLODE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (data / "openlineage").is_dir():
        pytest.skip(f"the shared data are not here: {data / 'openlineage'}")
    return data / "openlineage"
