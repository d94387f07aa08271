"""Answers and graphs for other eyes: CSV and JSON of all of it, drawings of what can be looked at, reports, events."""

from motherlode.lifecycle.exports.complete import SavedAnswer, read_answer
from motherlode.lifecycle.exports.formats import FORMATS, export, export_parts

__all__ = ["FORMATS", "SavedAnswer", "export", "export_parts", "read_answer"]
