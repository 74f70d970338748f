"""The base of every error a person may see: what happened, and the next step to take."""

from __future__ import annotations


class AirworthyError(Exception):
    """An error with a next step.

    Each module derives its own class per kind of failure.

    Args:
        message: the value seen and the value expected.
        next_step: what the reader can do about it; shown on a line of its own.
    """

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.next_step}" if self.next_step else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # keyword-only arguments do not survive the default pickling that process pools use
        return (_rebuild, (type(self), self.message, self.next_step))


class Final(AirworthyError):
    """The same input gives the same answer: a person has to change something before it is worth another try."""


class Away(AirworthyError):
    """Something this needs does not answer; the same call can be made again later."""


def _rebuild(cls: type[AirworthyError], message: str, next_step: str | None) -> AirworthyError:
    error = cls.__new__(cls)
    AirworthyError.__init__(error, message, next_step=next_step)
    return error
