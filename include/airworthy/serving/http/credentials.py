"""Who may ask: programs by the bearer token; a person's browser by a session that opens the documents only."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable

from starlette.requests import cookie_parser

from airworthy.errors import AirworthyError

SESSION_COOKIE = "airworthy_docs"
SESSION_SECONDS = 12 * 3600

Headers = Iterable[tuple[bytes, bytes]]


class NoToken(AirworthyError):
    """The service would answer anybody."""


def require(token: str) -> None:
    """Refuse an empty token.

    Raises:
        NoToken: says how to make one.
    """
    if not token:
        raise NoToken(
            "the inference service has no token, so anybody could call it",
            next_step='set AIRWORTHY_SERVING_TOKEN, e.g. to the output of: python -c "import secrets; '
            'print(secrets.token_urlsafe(32))"',
        )


class Credentials:
    """Knows the service's token; every comparison takes the same time, whatever is wrong.

    A session is signed with the token and stored nowhere: every replica with the same token knows it, and another token
    ends it.

    Args:
        token: not empty.
        clock: seconds since 1970.

    Raises:
        NoToken: an empty token.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.time) -> None:
        require(token)
        self._token = token.encode()
        self._bearer = b"Bearer " + self._token
        self._clock = clock

    def bearer(self, headers: Headers) -> bool:
        """Do the headers carry the token?"""
        return hmac.compare_digest(_header(headers, b"authorization"), self._bearer)

    def is_token(self, given: str) -> bool:
        """Is this the token, as a person typed or pasted it?"""
        return hmac.compare_digest(given.strip().encode("utf-8", "surrogatepass"), self._token)

    def new_session(self) -> str:
        """The value of a session cookie, good for twelve hours; the token cannot be found from it."""
        expires = f"{self._clock() + SESSION_SECONDS:.0f}"
        return f"{expires}.{self._signature(expires)}"

    def session(self, headers: Headers) -> bool:
        """Do the headers carry a session that is still good?"""
        given = cookie_parser(_header(headers, b"cookie").decode("latin-1")).get(SESSION_COOKIE, "")
        expires, _, signature = given.partition(".")
        ours = hmac.compare_digest(signature.encode("utf-8"), self._signature(expires).encode())
        return ours and int(expires) > self._clock()

    def _signature(self, expires: str) -> str:
        return hmac.new(self._token, f"airworthy documents until {expires}".encode(), hashlib.sha256).hexdigest()


def _header(headers: Headers, wanted: bytes) -> bytes:
    return next((value for name, value in headers if name == wanted), b"")
