"""python -m tests.lineage_world OUT: writes the world and prints, as JSON, where its artefacts are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.lineage_world.world import write_world

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.lineage_world OUT    OUT is a folder that is not there yet")
    sys.stdout.write(f"{json.dumps(write_world(Path(sys.argv[1])).as_text(), indent=2)}\n")
