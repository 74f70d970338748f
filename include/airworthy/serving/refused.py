"""A request that gets no predictions, and why: what answering and HTTP both speak of."""

from __future__ import annotations

import orjson

from airworthy.errors import AirworthyError


class Refused(AirworthyError):
    """An HTTP error answer: its status, and which instance and field it is about.

    Args:
        status: the HTTP status.
        code: a word that programs can compare, e.g. ``bad_instance``.
        message: what was seen and what was expected.
        instance: index of the offending instance, from 0.
        field: the offending field.
        next_step: what the caller can do.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        instance: int | None = None,
        field: str | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.code = code
        self.instance = instance
        self.field = field

    def body(self) -> bytes:
        """The JSON answer."""
        parts = {
            "code": self.code,
            "message": self.message,
            "instance": self.instance,
            "field": self.field,
            "next_step": self.next_step,
        }
        return orjson.dumps({"error": {key: value for key, value in parts.items() if value is not None}})


def bad_instance(index: int, field: str | None, problem: str, *, next_step: str | None = None) -> Refused:
    """The refusal of one instance: 422, naming it and its field.

    Args:
        index: of the instance, from 0.
        field: None where the instance as a whole is wrong.
        problem: what was expected and what was found.
    """
    where = f"instances[{index}]" + (f".{field}" if field else "")
    return Refused(422, "bad_instance", f"{where}: {problem}", instance=index, field=field, next_step=next_step)


def shown(value: object) -> str:
    """A caller's value in a message, cut to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
