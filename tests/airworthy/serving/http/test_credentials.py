"""The token and the sessions signed with it: nothing else is let in, and no session says the token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.serving.http.credentials import SESSION_COOKIE, SESSION_SECONDS, Credentials

CREDENTIALS = Credentials("the-token", clock=lambda: 1000.0)


def cookie(value: str) -> list[tuple[bytes, bytes]]:
    return [(b"cookie", f"theme=dark; {SESSION_COOKIE}={value}".encode())]


def test_a_session_is_good_for_its_time_and_no_longer() -> None:
    session = CREDENTIALS.new_session()
    assert CREDENTIALS.session(cookie(session))
    assert Credentials("the-token", clock=lambda: 999.0 + SESSION_SECONDS).session(cookie(session))
    assert not Credentials("the-token", clock=lambda: 1000.0 + SESSION_SECONDS).session(cookie(session))


def test_another_token_ends_the_session_and_the_session_does_not_hold_the_token() -> None:
    session = CREDENTIALS.new_session()
    assert not Credentials("another", clock=lambda: 1000.0).session(cookie(session))
    assert "the-token" not in session


@given(st.integers(0, 75), st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\'))
def test_a_session_that_was_changed_is_none(at: int, put: str) -> None:
    session = CREDENTIALS.new_session()
    at %= len(session)
    changed = session[:at] + put + session[at + 1 :]
    assert CREDENTIALS.session(cookie(changed)) == (changed == session)


@pytest.mark.parametrize("headers", [[], [(b"cookie", b"")], [(b"cookie", b"\xff=\xfe")], cookie(""), cookie(".")])
def test_no_session_is_none(headers: list[tuple[bytes, bytes]]) -> None:
    assert not CREDENTIALS.session(headers)


@given(st.text())
def test_only_the_token_is_the_token(given_token: str) -> None:
    assert CREDENTIALS.is_token(given_token) == (given_token.strip() == "the-token")


def test_a_pasted_token_may_have_blanks_around_it() -> None:
    assert CREDENTIALS.is_token(" the-token\n")
