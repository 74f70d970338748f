"""What a request asks for, read from its address, its headers and its body."""

from __future__ import annotations

import json
import time
from datetime import datetime

from starlette.requests import Request

from airworthy_cluster.discovery import RESOURCES, Resource
from airworthy_cluster.errors import ApiError, bad_request
from airworthy_cluster.logs import LogOptions
from airworthy_cluster.store import Obj


def resource(request: Request, verb: str) -> tuple[Resource, str]:
    """The resource a request is about, and its namespace (empty for none).

    Raises:
        ApiError: 404, there is no such resource; 405, it does not have this verb.
    """
    plural, namespace = request.path_params["plural"], request.path_params.get("namespace", "")
    if (found := RESOURCES.get(plural)) is None:
        raise ApiError(404, "NotFound", f"the local cluster has no {plural}; it has {', '.join(RESOURCES)}")
    if verb not in found.verbs:
        raise ApiError(405, "MethodNotAllowed", f"{verb} is not possible on {plural} here; possible: {found.verbs}")
    return found, namespace


def flag(request: Request, name: str) -> bool:
    """A parameter that is on or off, off by default."""
    return request.query_params.get(name, "").lower() in ("1", "true")


def number(request: Request, name: str) -> float | None:
    """A parameter that is a number, none when it is not given.

    Raises:
        ApiError: 400.
    """
    if not (value := request.query_params.get(name)):
        return None
    try:
        return float(value)
    except ValueError as error:
        raise bad_request(f"{name}={value!r} is not a number") from error


def whole_number(request: Request, name: str) -> int | None:
    """Likewise, without what stands behind the point."""
    value = number(request, name)
    return None if value is None else int(value)


def log_options(request: Request) -> LogOptions:
    """Which part of a log is wanted.

    Raises:
        ApiError: 400.
    """
    return LogOptions(
        timestamps=flag(request, "timestamps"),
        since=_since(request),
        tail=whole_number(request, "tailLines"),
        limit_bytes=whole_number(request, "limitBytes"),
    )


def _since(request: Request) -> float | None:
    if (seconds := number(request, "sinceSeconds")) is not None:
        return time.time() - seconds
    if not (moment := request.query_params.get("sinceTime")):
        return None
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError as error:
        raise bad_request(f"sinceTime={moment!r} is not an RFC 3339 time") from error


def wants_table(request: Request) -> str | None:
    """``Metadata`` or ``Object`` (what each row carries) if the client asks for a Table."""
    if "as=Table" not in request.headers.get("accept", ""):
        return None
    return request.query_params.get("includeObject", "Metadata")


def body(text: bytes, request: Request) -> Obj:
    """The body as an object.

    Raises:
        ApiError: 400, not a JSON object; 415, protobuf.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        if "protobuf" in request.headers.get("content-type", ""):
            # only kubectl's "create secret" and its like insist on it
            hint = "only JSON is read here: kubectl create ... --dry-run=client -o yaml | kubectl apply -f -"
            raise ApiError(415, "UnsupportedMediaType", hint) from error
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise bad_request(f"the body is a {type(found).__name__}; a JSON object is expected")
    return found
