"""The HTTP face: a raw ASGI route for predictions, and a FastAPI app for everything people look at."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from airworthy.errors import AirworthyError
from airworthy.serving.http.openapi import add_predict
from airworthy.serving.http.request import Refused, parse
from airworthy.serving.options import ServiceOptions

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from airworthy.serving.answer.rows import Answer
    from airworthy.serving.service import Served, Service

log = logging.getLogger(__name__)

OPEN = frozenset({"/health", "/ready"})
PREFIX, VERB = "/v1/models/", ":predict"


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


class Gate:
    """The outermost ASGI app: asks for the token, answers predictions itself, hands the rest to ``app``.

    Predictions bypass FastAPI's routing and validation, which cost more than the model (see benchmarks/serving.py).

    Args:
        service: what is served.
        token: callers must send it as ``Authorization: Bearer <token>``, except for ``/health`` and ``/ready``.
        app: the rest.

    Raises:
        NoToken: an empty token.
    """

    def __init__(self, service: Service, token: str, app: ASGIApp, options: ServiceOptions) -> None:
        require(token)
        self._service = service
        self._expected = b"Bearer " + token.encode()
        self._app = app
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path not in OPEN and not self._allowed(scope):
            refused = Refused(401, "no_token", "a valid bearer token is needed", next_step="send Authorization: Bearer")
            await _send(send, 401, refused.body(), (b"www-authenticate", b"Bearer"))
            return
        if not (path.startswith(PREFIX) and path.endswith(VERB)):
            await self._app(scope, receive, send)
            return
        await self._predict(path[len(PREFIX) : -len(VERB)], scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._expected)

    async def _predict(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = time.perf_counter()
        served = self._service.get(name)
        answer: Answer | None = None
        try:
            if served is None:
                raise Refused(
                    404, "no_such_model", f"there is no model {name!r:.80}", next_step=f"one of {sorted(self._service)}"
                )
            answer = await self._answer(served, scope, receive, arrived)
            status, body = 200, _body(answer)
        except Refused as refused:
            status, body = refused.status, refused.body()
        except _Gone:
            return
        except Exception as error:
            log.exception("prediction failed")
            internal = Refused(500, "internal", f"{type(error).__name__}; see the service's log")
            status, body = 500, internal.body()
        # a name nobody serves must not become a label: callers could invent any number
        label = served.spec.name if served else ""
        self._service.metrics.responses.labels(label, status).inc()
        extra = _EXTRA_HEADERS.get(status, ())
        await _send(send, status, body, *extra)
        if answer is not None and served is not None:
            # after the answer: a caller who never got one, and asks again, is not logged twice
            served.log.record(answer)

    async def _answer(self, served: Served, scope: Scope, receive: Receive, arrived: float) -> Answer:
        if scope["method"] != "POST":
            raise Refused(405, "not_allowed", f"{scope['method']} is not possible here", next_step="use POST")
        body = await self._read(scope, receive)
        instances = parse(body, max_instances=self._options.max_instances, max_key_length=self._options.max_key_length)
        return await served.predictor.predict(instances, arrived)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """The body, if it is small enough and arrives in time."""
        limit = self._options.max_body_bytes
        too_large = Refused(
            413, "too_large", f"the body is larger than {limit} bytes", next_step="split it over several requests"
        )
        for header, value in scope["headers"]:
            if header == b"content-length" and int(value) > limit:
                raise too_large
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > limit:
                raise too_large
            return body
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._options.body_seconds):
                while True:
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise too_large
                    if not message.get("more_body"):
                        return b"".join(parts)
                    message = await receive()
        except TimeoutError as error:
            raise Refused(408, "too_slow", f"the body took more than {self._options.body_seconds:g} s") from error


class _Gone(Exception):
    """The caller hung up."""


def create_app(service: Service, *, token: str, options: ServiceOptions | None = None) -> Gate:
    """The ASGI application.

    Raises:
        NoToken: ``token`` is empty.
    """
    options = options or ServiceOptions()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.stop)

    app = FastAPI(title="Airworthy", summary="Predictions by the champion, and by a candidate on trial.",
                  version="1", lifespan=lifespan)  # fmt: skip
    add_predict(app, options)

    @app.get("/health", tags=["operation"])
    async def health() -> dict[str, str]:
        """The process is alive. No token needed."""
        return {"status": "ok"}

    @app.get("/ready", tags=["operation"])
    async def ready() -> Response:
        """503 until every model's state is known and its champion, if there is one, answers. No token needed."""
        models = {
            name: {
                "ready": each.ready,
                "champion": each.state()["champion"],
                "registry_age_seconds": each.state()["registry_age_seconds"],
            }
            for name, each in service.items()
        }
        everything = all(each.ready for each in service.values())
        return JSONResponse({"ready": everything, "models": models}, 200 if everything else 503)

    @app.get("/metrics", tags=["operation"])
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/v1/models", tags=["models"])
    async def models() -> dict[str, list[dict[str, object]]]:
        """Every model and what serves it."""
        return {"models": [each.state() for each in service.values()]}

    @app.get("/v1/models/{name}", tags=["models"])
    async def model(name: str) -> dict[str, object]:
        """What serves a model: champion, challenger, the challenger's share and the release."""
        if name not in service:
            raise HTTPException(404, f"there is no model {name!r:.80}; there are {sorted(service)}")
        return service[name].state()

    @app.exception_handler(StarletteHTTPException)
    async def as_ours(_request: Request, error: StarletteHTTPException) -> Response:
        code = {404: "not_found", 405: "not_allowed"}.get(error.status_code, "refused")
        refused = Refused(error.status_code, code, str(error.detail))
        return Response(refused.body(), error.status_code, error.headers, media_type="application/json")

    return Gate(service, token, app, options)


def _body(answer: Answer) -> bytes:
    return orjson.dumps(
        {
            "predictions": [
                {
                    "key": each.key,
                    "probability": each.probability,
                    "version": each.version,
                    "variant": each.variant,
                    "fallback": each.fallback,
                }
                for each in answer.predictions
            ],
            "release_id": answer.release_id,
        }
    )


async def _send(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    own: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": [*own, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})


#: After refusing a body that is still on its way, the connection cannot be used again.
_EXTRA_HEADERS: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    405: ((b"allow", b"POST"),),
    408: ((b"connection", b"close"),),
    413: ((b"connection", b"close"),),
    503: ((b"retry-after", b"1"),),
}
