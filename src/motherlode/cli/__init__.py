"""The command ``lode``: parse, call the library, print. Nothing is decided here."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Entry point of the command ``lode``."""
    from motherlode.cli.app import run

    run()
