"""Lets a person at a browser in to the documents: a form that takes the token once, and a session cookie."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from airworthy.serving.http import page
from airworthy.serving.http.credentials import SESSION_COOKIE, Credentials
from airworthy.serving.http.messages import Gone, read_body, send_answer
from airworthy.serving.refused import Refused

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

DOCS, OPENAPI = "/docs", "/openapi.json"
#: All that a session opens; predictions and figures want the token itself.
DOCUMENTS = (DOCS, OPENAPI)
MAX_FORM_BYTES, FORM_SECONDS = 8192, 10.0


def wants_page(scope: Scope) -> bool:
    """Is this a browser that asks for one of the documents?"""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return scope["method"] == "GET" and scope["path"] in DOCUMENTS and b"text/html" in accepted


def submits_form(scope: Scope) -> bool:
    """Is this the sign-in form on its way back?"""
    return scope["method"] == "POST" and scope["path"] == DOCS


async def ask(scope: Scope, send: Send, *, wrong: bool = False) -> None:
    """Show the form; a 401, since nothing was let in.

    Args:
        wrong: what was sent is not the token.
    """
    target = scope["path"] if scope["path"] in DOCUMENTS else DOCS
    await send_answer(send, 401, _form(target, wrong).encode(), page.HEADERS, content_type=page.CONTENT_TYPE)


async def take(credentials: Credentials, scope: Scope, receive: Receive, send: Send) -> None:
    """Judge what the form sent: on to the document with a session, or the form again.

    The token comes in the body, so that it is in no address and in no log, and is not kept.
    """
    try:
        body = await read_body(scope, receive, max_bytes=MAX_FORM_BYTES, seconds=FORM_SECONDS)
    except Refused as refused:
        await send_answer(send, refused.status, refused.body())
        return
    except Gone:
        return
    fields = parse_qs(body.decode("utf-8", "replace"))
    if not credentials.is_token(fields.get("token", [""])[-1]):
        await ask(scope, send, wrong=True)
        return
    target = fields.get("target", [DOCS])[-1]
    session, secure = credentials.new_session(), "; Secure" if scope.get("scheme") == "https" else ""
    cookies = [
        (b"set-cookie", f"{SESSION_COOKIE}={session}; Path={path}; HttpOnly; SameSite=Strict{secure}".encode())
        for path in DOCUMENTS
    ]
    location = (b"location", (target if target in DOCUMENTS else DOCS).encode())
    await send_answer(send, 303, b"", [location, *cookies, *page.HEADERS], content_type=page.CONTENT_TYPE)


def _form(target: str, wrong: bool) -> str:
    said = '<p class="wrong" role="alert">That is not this service\'s token.</p>' if wrong else ""
    return page.page(
        "Sign in",
        f"""<main class="narrow"><h1>Airworthy serving</h1>
<p>These pages describe the service. Sign in with its bearer token.</p>{said}
<form method="post" action="{DOCS}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>
<input type="hidden" name="target" value="{html.escape(target)}">
<button type="submit">Sign in</button></form>
<p class="note">It is <code>AIRWORTHY_SERVING_TOKEN</code> where the service runs; on the embedded stack
<code>serving_token</code> in <code>.airworthy/secrets/keys.json</code>. Signing in opens these pages only, for twelve
hours or until the browser is closed; programs send <code>Authorization: Bearer</code>.</p></main>""",
    )
