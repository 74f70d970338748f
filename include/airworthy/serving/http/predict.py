"""The prediction route: plain ASGI, since routing and validation would cost more than the model does."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import orjson

from airworthy.serving.http.messages import Gone, read_body, send_answer
from airworthy.serving.http.request import parse
from airworthy.serving.refused import Refused

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airworthy.serving.answer.rows import Predictions
    from airworthy.serving.options import ServiceOptions
    from airworthy.serving.service import Endpoint, Service

log = logging.getLogger(__name__)

PREFIX, VERB = "/v1/models/", ":predict"


class PredictRoute:
    """``POST /v1/models/<name>:predict`` (see benchmarks/serving.py for what it saves).

    Args:
        service: what is served.
    """

    def __init__(self, service: Service, options: ServiceOptions) -> None:
        self._service = service
        self._options = options

    @staticmethod
    def takes(path: str) -> bool:
        """Is this path the route's?"""
        return path.startswith(PREFIX) and path.endswith(VERB)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = time.perf_counter()
        name = scope["path"][len(PREFIX) : -len(VERB)]
        endpoint = self._service.get(name)
        predictions: Predictions | None = None
        try:
            if endpoint is None:
                raise Refused(
                    404, "no_such_model", f"there is no model {name!r:.80}", next_step=f"one of {sorted(self._service)}"
                )
            predictions = await self._predict(endpoint, scope, receive, arrived)
            status, body = 200, _body(predictions, endpoint.kind.output)
        except Refused as refused:
            status, body = refused.status, refused.body()
        except Gone:
            return
        except Exception as error:
            log.exception("prediction failed")
            internal = Refused(500, "internal", f"{type(error).__name__}; see the service's log")
            status, body = 500, internal.body()
        # a name nobody serves must not become a label: callers could invent any number
        label = endpoint.spec.name if endpoint else ""
        self._service.metrics.responses.labels(label, status).inc()
        await send_answer(send, status, body)
        if predictions is not None and endpoint is not None:
            # after the answer: a caller who never got one, and asks again, is not logged twice
            endpoint.log.record(predictions)

    async def _predict(self, endpoint: Endpoint, scope: Scope, receive: Receive, arrived: float) -> Predictions:
        if scope["method"] != "POST":
            raise Refused(405, "not_allowed", f"{scope['method']} is not possible here", next_step="use POST")
        options = self._options
        body = await read_body(scope, receive, max_bytes=options.max_body_bytes, seconds=options.body_seconds)
        instances = parse(body, max_instances=options.max_instances, max_key_length=options.max_key_length)
        return await endpoint.predictor.predict(instances, arrived)


def _body(predictions: Predictions, output: str) -> bytes:
    return orjson.dumps(
        {
            "predictions": [
                {
                    "key": each.key,
                    output: each.value,
                    "version": each.version,
                    "variant": each.variant,
                    "fallback": each.fallback,
                }
                for each in predictions.predictions
            ],
            "release_id": predictions.release_id,
        }
    )
