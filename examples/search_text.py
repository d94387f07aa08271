"""Index a few texts with the packaged encoder and ask them a question: no network, no torch."""

from __future__ import annotations

import tempfile
from pathlib import Path

import motherlode

NOTES = {
    "bread": "Knead the dough, let it rise in a warm place, and bake the loaf in a hot oven.",
    "tides": "The sea rises and falls because the gravity of the moon pulls on it.",
    "whales": "The blue whale is the largest animal on earth. It feeds on krill.",
    "chess": "A pawn that reaches the last rank is promoted to another piece.",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = motherlode.build_text_index(Path(folder) / "notes", NOTES.items())
        for question in ("why is there high and low water?", "how do I make a loaf?"):
            print(question)
            for doc_id, score in index.search(question, k=2):
                print(f"  {score:6.2f}  {doc_id}")


if __name__ == "__main__":
    main()
