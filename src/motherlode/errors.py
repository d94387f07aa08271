"""Every error that motherlode raises on purpose.

::

    LodeError
    ├── InputError (ValueError)        the caller can fix it: a shape, a type, a value, an option
    ├── DataError                      bytes on disk are wrong: which file, what was found, what was expected
    ├── ConflictError                  the world moved: it exists already, somebody else holds it
    ├── UnsupportedError               something is missing here: an extra, a CPU level, a format; how to get it
    └── TrainingError                  a training run went bad: the step, the last checkpoint

A message says what happened, the value seen, what was expected, and the next step.
"""

from __future__ import annotations

__all__ = ["ConflictError", "DataError", "InputError", "LodeError", "TrainingError", "UnsupportedError"]


class LodeError(Exception):
    """Root of the tree; catch it to catch all of them."""


class InputError(LodeError, ValueError):
    """An argument is wrong and the caller can fix it."""


class DataError(LodeError):
    """Bytes on disk are not what they should be.

    ``path`` is the file, ``found`` and ``expected`` what stood there and what should have.
    """

    def __init__(self, message: str, *, path: str | None = None, found: object = None, expected: object = None) -> None:
        super().__init__(message)
        self.path = path
        self.found = found
        self.expected = expected


class ConflictError(LodeError):
    """The world is not in the state that the call needs, e.g. the target exists already."""


class UnsupportedError(LodeError):
    """Something this call needs is not here; the message says how to get it."""


class TrainingError(LodeError):
    """A training run cannot go on; ``step`` and ``checkpoint`` say where it stood."""

    def __init__(self, message: str, *, step: int | None = None, checkpoint: str | None = None) -> None:
        super().__init__(message)
        self.step = step
        self.checkpoint = checkpoint
