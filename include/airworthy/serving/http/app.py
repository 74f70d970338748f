"""The HTTP face: who may ask is decided first, then predictions go their short way and the rest to a FastAPI app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from airworthy.serving.http import page, sign_in
from airworthy.serving.http.credentials import Credentials
from airworthy.serving.http.docs import docs_page
from airworthy.serving.http.messages import send_answer
from airworthy.serving.http.openapi import MODEL_PATH, add_predict
from airworthy.serving.http.predict import PredictRoute
from airworthy.serving.options import ServiceOptions
from airworthy.serving.refused import Refused

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from airworthy.serving.service import Service

OPEN = frozenset({"/health", "/ready"})


class Router:
    """The outermost ASGI app: asks who calls, and hands on to the prediction route or the rest.

    Args:
        credentials: callers must send the token as ``Authorization: Bearer <token>``, except for ``/health`` and
            ``/ready``; a browser may sign in to the documents instead.
        predict: the prediction route.
        app: everything else.
    """

    def __init__(self, credentials: Credentials, predict: PredictRoute, app: ASGIApp) -> None:
        self._credentials = credentials
        self._predict = predict
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if not self._credentials.bearer(scope["headers"]) and path not in OPEN:
            await self._without_token(scope, receive, send)
        elif self._predict.takes(path):
            await self._predict(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _without_token(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_document = scope["path"] in sign_in.DOCUMENTS and scope["method"] == "GET"
        if is_document and self._credentials.session(scope["headers"]):
            await self._app(scope, receive, send)
        elif sign_in.submits_form(scope):
            await sign_in.take(self._credentials, scope, receive, send)
        elif sign_in.wants_page(scope):
            await sign_in.ask(scope, send)
        else:
            refused = Refused(401, "no_token", "a valid bearer token is needed", next_step="send Authorization: Bearer")
            await send_answer(send, 401, refused.body())


def create_app(service: Service, *, token: str, options: ServiceOptions | None = None) -> Router:
    """The ASGI application.

    Raises:
        NoToken: ``token`` is empty.
    """
    options = options or ServiceOptions()
    return Router(Credentials(token), PredictRoute(service, options), _pages(service, options))


def _pages(service: Service, options: ServiceOptions) -> FastAPI:
    """Everything that people and other systems look at."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.stop)

    app = FastAPI(
        title="Airworthy",
        summary="Predictions by the champion, and by a candidate on trial.",
        version="1",
        lifespan=lifespan,
        openapi_url=sign_in.OPENAPI,
        docs_url=None,  # ours, see docs.py
        redoc_url=None,
    )
    add_predict(app, service, options)

    @app.get(sign_in.DOCS, include_in_schema=False)
    async def docs(request: Request) -> Response:
        """The documents, for people."""
        text = docs_page(app.openapi(), str(request.base_url).rstrip("/"))
        headers = {name.decode(): value.decode() for name, value in page.HEADERS}
        return Response(text, headers=headers, media_type=page.CONTENT_TYPE.decode())

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

    @app.get(MODEL_PATH, tags=["models"])
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

    return app
