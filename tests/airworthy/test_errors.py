"""Every error a person may see says the next step, also when it comes from another process."""

from __future__ import annotations

import pickle

import pytest

from airworthy.errors import AirworthyError, Away, Final
from airworthy.lake.errors import LakeConflict


class Positional(Final):
    """With arguments of its own, as subclasses may have."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(f"{name} {count}", next_step="look")


def test_the_next_step_stands_on_a_line_of_its_own() -> None:
    assert str(AirworthyError("3 rows, 5 expected", next_step="load more")) == "3 rows, 5 expected\n  next: load more"
    assert str(AirworthyError("nothing to do about it")) == "nothing to do about it"


@pytest.mark.parametrize(
    "error", [AirworthyError("a"), LakeConflict("a", next_step="b"), Away("a", next_step="b"), Positional("a", 3)]
)
def test_an_error_comes_whole_out_of_another_process(error: AirworthyError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is type(error)
    assert (str(copy), copy.message, copy.next_step) == (str(error), error.message, error.next_step)
