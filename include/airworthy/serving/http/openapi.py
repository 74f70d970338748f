"""The prediction route's contract, for OpenAPI: the route itself is plain ASGI and declares none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from fastapi import FastAPI

    from airworthy.model.kinds.base import Kind
    from airworthy.serving.options import ServiceOptions
    from airworthy.serving.service import Service

MODEL_PATH = "/v1/models/{name}"
PREDICT_PATH = "/v1/models/{name}:predict"


class Instance(BaseModel):
    """What to predict for. Beside ``key``, the fields that the pipeline's ``request_features`` asks for."""

    model_config = ConfigDict(extra="allow")

    key: str = Field(description="decides by hash who meets a candidate on trial; the same key, the same version")


class PredictRequest(BaseModel):
    """The body of a prediction request."""

    model_config = ConfigDict(extra="forbid")

    instances: list[Instance] = Field(min_length=1)


class OnePrediction(BaseModel):
    """One instance's answer, in the order of the instances. What the model says is named by its kind of task."""

    key: str
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


def add_predict(app: FastAPI, service: Service, options: ServiceOptions) -> None:
    """Put the prediction route and the bearer token into ``app``'s OpenAPI document.

    Args:
        service: its models give the answers' fields and the examples.
    """
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
            schemas["OnePrediction"] = _with_outputs(schemas["OnePrediction"], service)
            document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            for path in ("/health", "/ready"):
                document["paths"][path]["get"]["security"] = []
            document["paths"][MODEL_PATH]["get"]["parameters"][0]["schema"]["enum"] = sorted(service)
            document["paths"][PREDICT_PATH] = {"post": _operation(service, options)}
        return app.openapi_schema or original()

    app.openapi = openapi  # type: ignore[method-assign]


def _with_outputs(schema: dict[str, Any], service: Service) -> dict[str, Any]:
    """The answer with a field for each kind of task that is served."""
    outputs = {each.kind.output: _number(each.kind) for each in service.values()}
    properties = schema["properties"]
    required = [*schema["required"], *(outputs if len(outputs) == 1 else ())]
    return {**schema, "properties": {"key": properties["key"], **outputs, **properties}, "required": required}


def _number(kind: Kind) -> dict[str, Any]:
    both = zip(("minimum", "maximum"), kind.answer_range, strict=True)
    bounds = {name: bound for name, bound in both if math.isfinite(bound)}
    return {"type": "number", "description": f"what a model of kind {kind.name} answers", **bounds}


def _operation(service: Service, options: ServiceOptions) -> dict[str, Any]:
    def content(model: str, **extra: Any) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}, **extra}}

    examples = {
        name: {"summary": each.spec.description, "value": {"instances": [each.example]}}
        for name, each in service.items()
    }
    return {
        "tags": ["models"],
        "summary": "Predict",
        "description": f"At most {options.max_instances} instances and {options.max_body_bytes} bytes per request.",
        "operationId": "predict",
        "parameters": [
            {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "enum": sorted(service)}}
        ],
        "requestBody": {"required": True, "content": content("PredictRequest", examples=examples)},
        "responses": {
            "200": {"description": "one answer per instance, in order", "content": content("PredictResponse")},
            **{
                status: {"description": text, "content": content("ErrorResponse")} for status, text in _PROBLEMS.items()
            },
        },
    }
