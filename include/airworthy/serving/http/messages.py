"""ASGI messages: a request's body, bounded in size and time, and an answer in one piece."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airworthy.serving.refused import Refused

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

JSON = b"application/json"


class Gone(Exception):
    """The caller hung up."""


async def read_body(scope: Scope, receive: Receive, *, max_bytes: int, seconds: float) -> bytes:
    """The body, if it is small enough and arrives in time.

    Raises:
        Refused: 413 larger than ``max_bytes``, 408 not there after ``seconds``.
        Gone: the caller hung up.
    """
    too_large = Refused(
        413, "too_large", f"the body is larger than {max_bytes} bytes", next_step="split it over several requests"
    )
    for header, value in scope["headers"]:
        if header == b"content-length" and int(value) > max_bytes:
            raise too_large
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > max_bytes:
            raise too_large
        return body
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                if message["type"] == "http.disconnect":
                    raise Gone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > max_bytes:
                    raise too_large
                if not message.get("more_body"):
                    return b"".join(parts)
                message = await receive()
    except TimeoutError as error:
        raise Refused(408, "too_slow", f"the body took more than {seconds:g} s") from error


async def send_answer(
    send: Send,
    status: int,
    body: bytes,
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    content_type: bytes = JSON,
) -> None:
    """Send head and body."""
    own = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    extra = (*_BY_STATUS.get(status, ()), *headers)
    await send({"type": "http.response.start", "status": status, "headers": [*own, *extra]})
    await send({"type": "http.response.body", "body": body})


#: After refusing a body that is still on its way, the connection cannot be used again.
_BY_STATUS: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    405: ((b"allow", b"POST"),),
    408: ((b"connection", b"close"),),
    413: ((b"connection", b"close"),),
    503: ((b"retry-after", b"1"),),
}
