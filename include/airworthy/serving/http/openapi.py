"""The prediction route's contract, for OpenAPI: the route itself is plain ASGI and declares none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from fastapi import FastAPI

    from airworthy.serving.options import ServiceOptions


class Instance(BaseModel):
    """What to predict for. Beside ``key``, the fields that the pipeline's ``request_features`` asks for."""

    model_config = ConfigDict(extra="allow")

    key: str = Field(description="decides by hash who meets a candidate on trial; the same key, the same version")


class PredictRequest(BaseModel):
    """The body of a prediction request."""

    model_config = ConfigDict(extra="forbid")

    instances: list[Instance] = Field(min_length=1)


class OnePrediction(BaseModel):
    """One instance's answer, in the order of the instances."""

    key: str
    probability: float = Field(ge=0, le=1)
    version: int = Field(description="of the model that answered")
    variant: Literal["champion", "challenger"] = Field(description="whose share the key is in")
    fallback: bool = Field(description="the challenger failed or was too slow, and the champion answered")


class PredictResponse(BaseModel):
    """The answers."""

    predictions: list[OnePrediction]
    release_id: str | None = Field(description="the release on trial, if any")


class Problem(BaseModel):
    """What was wrong with a request, or with the service."""

    code: str
    message: str
    instance: int | None = Field(None, description="index of the offending instance, from 0")
    field: str | None = None
    next_step: str | None = None


class ErrorResponse(BaseModel):
    """Every answer that is not a 200."""

    error: Problem


_PROBLEMS = {
    "400": "not JSON",
    "401": "no valid token",
    "404": "no such model",
    "408": "the body took too long",
    "413": "too large, or too many instances",
    "422": "a body of another shape, or a bad instance; names it and the field",
    "500": "the champion failed",
    "503": "no champion yet, too busy, or the feature store is away; try again",
}
_EXAMPLE = {
    "instances": [
        {
            "key": "2013-09-01-UA-1545-EWR-0515",
            "carrier": "UA",
            "flight": 1545,
            "tailnum": "N14228",
            "origin": "EWR",
            "dest": "IAH",
            "sched_dep": "2013-09-01T05:15:00-04:00",
            "distance": 1400,
        }
    ]
}


def add_predict(app: FastAPI, options: ServiceOptions) -> None:
    """Put the prediction route and the bearer token into ``app``'s OpenAPI document."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = original()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for model in (PredictRequest, PredictResponse, ErrorResponse):
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= schema.pop("$defs", {})
                schemas[model.__name__] = schema
            schemas["PredictRequest"]["properties"]["instances"]["maxItems"] = options.max_instances
            document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            for path in ("/health", "/ready"):
                document["paths"][path]["get"]["security"] = []
            document["paths"]["/v1/models/{name}:predict"] = {"post": _operation(options)}
        return app.openapi_schema or original()

    app.openapi = openapi  # type: ignore[method-assign]


def _operation(options: ServiceOptions) -> dict[str, Any]:
    def content(model: str, **extra: Any) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}, **extra}}

    return {
        "tags": ["models"],
        "summary": "Predict",
        "description": f"At most {options.max_instances} instances and {options.max_body_bytes} bytes per request.",
        "operationId": "predict",
        "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": content("PredictRequest", example=_EXAMPLE)},
        "responses": {
            "200": {"description": "one answer per instance, in order", "content": content("PredictResponse")},
            **{
                status: {"description": text, "content": content("ErrorResponse")} for status, text in _PROBLEMS.items()
            },
        },
    }
