"""An answer other than success, as the ``Status`` object that Kubernetes clients understand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airworthy.errors import AirworthyError


class ClusterError(AirworthyError):
    """The local cluster cannot start or cannot go on."""


@dataclass(frozen=True)
class Cause:
    """One field that is wrong, and why."""

    field: str
    message: str


class ApiError(AirworthyError):
    """A refused request.

    Args:
        code: the HTTP status.
        reason: Kubernetes' one-word reason, e.g. ``NotFound``; clients branch on it.
        message: what was seen, what is expected.
        causes: the fields at fault, for a 422.
        details: further keys of ``Status.details``.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        causes: Sequence[Cause] = (),
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.causes = tuple(causes)
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        """The body of the answer."""
        details = dict(self.details)
        if self.causes:
            details["causes"] = [
                {"reason": "FieldValueInvalid", "message": cause.message, "field": cause.field} for cause in self.causes
            ]
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": details,
            "code": self.code,
        }


def not_found(plural: str, name: str) -> ApiError:
    """404: there is no such object."""
    return ApiError(404, "NotFound", f'{plural} "{name}" not found', details={"name": name, "kind": plural})


def invalid(kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422: the object asks for something that is wrong, or that a local process cannot honour."""
    listed = "; ".join(f"{cause.field}: {cause.message}" for cause in causes)
    return ApiError(
        422, "Invalid", f'{kind} "{name}" is invalid: {listed}', causes=causes, details={"name": name, "kind": kind}
    )


def bad_request(message: str) -> ApiError:
    """400: the request itself makes no sense."""
    return ApiError(400, "BadRequest", message)
