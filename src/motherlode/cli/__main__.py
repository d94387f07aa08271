"""``python -m motherlode.cli`` is the command ``lode``."""

from __future__ import annotations

from motherlode.cli import main

if __name__ == "__main__":
    main()
