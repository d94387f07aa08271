"""The error tree is the one that its docstring draws."""

from __future__ import annotations

import pytest

import motherlode
from motherlode import ConflictError, DataError, InputError, LodeError, TrainingError, UnsupportedError, errors


@pytest.mark.parametrize("kind", [InputError, DataError, ConflictError, UnsupportedError, TrainingError])
def test_every_error_is_a_lode_error(kind: type[LodeError]) -> None:
    with pytest.raises(LodeError, match="what happened"):
        raise kind("what happened")


def test_input_errors_are_value_errors_and_no_other_error_is() -> None:
    assert issubclass(InputError, ValueError)
    for kind in (DataError, ConflictError, UnsupportedError, TrainingError):
        assert not issubclass(kind, ValueError)


def test_a_data_error_carries_path_found_and_expected() -> None:
    error = DataError("m", path="/f", found=1, expected=2)
    assert (error.path, error.found, error.expected) == ("/f", 1, 2)
    assert (DataError("m").path, DataError("m").found) == (None, None)


def test_a_training_error_carries_step_and_checkpoint() -> None:
    error = TrainingError("m", step=7, checkpoint="/c")
    assert (error.step, error.checkpoint) == (7, "/c")


def test_every_error_is_drawn_in_the_docstring_and_exported_at_the_top() -> None:
    assert errors.__doc__ is not None
    for name in errors.__all__:
        assert name in errors.__doc__
        assert name in motherlode.__all__
        assert getattr(motherlode, name) is getattr(errors, name)
