"""The page at /docs: the OpenAPI document as plain HTML.

FastAPI's own page loads Swagger UI from a content network, which a closed network does not reach; a page without a
script needs nothing from anywhere, and may be shown under the strictest content policy.
"""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from airworthy.serving.http import page

Document = Mapping[str, Any]


def docs_page(document: Document, base_url: str) -> str:
    """Every route with its fields, answers and a line for the shell.

    Args:
        document: OpenAPI 3.
        base_url: address of the service as the reader knows it, without a slash at the end.
    """
    routes = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    routes.sort(key=lambda route: route[1] != "post")  # what people come for
    info = document["info"]
    parts = [
        f"<h1>{_text(info['title'])} serving</h1><p>{_text(info.get('summary', ''))}</p>",
        "<p>A route wants the header <code>Authorization: Bearer</code> and the token, unless it says that none is "
        "needed. The lines below read it from the environment: <code>export AIRWORTHY_SERVING_TOKEN=...</code>. "
        'For programs: <a href="openapi.json">openapi.json</a>.</p>',
        *(_route(document, base_url, *route) for route in routes),
    ]
    return page.page("Routes", f"<main>{''.join(parts)}</main>")


def _route(document: Document, base_url: str, path: str, method: str, operation: Document) -> str:
    meaning = operation.get("description") or operation.get("summary", "")
    return "".join(
        (
            f'<section><h2><span class="method">{method.upper()}</span><code>{_text(path)}</code></h2>',
            f"<p>{_text(meaning)}</p>",
            *_parameters(operation),
            *_bodies(document, operation),
            *_lines(base_url, path, method, operation),
            *_responses(document, operation),
            "</section>",
        )
    )


def _parameters(operation: Document) -> Iterator[str]:
    parameters = operation.get("parameters", ())
    if rows := [(each["name"], f"in the {each['in']}{_one_of(each.get('schema', {}))}") for each in parameters]:
        yield f"<h3>Parameters</h3>{_table(rows)}"


def _bodies(document: Document, operation: Document) -> Iterator[str]:
    if content := operation.get("requestBody", {}).get("content"):
        yield f"<h3>Body</h3>{_fields(document, _schema_of(content))}"


def _lines(base_url: str, path: str, method: str, operation: Document) -> Iterator[str]:
    """A line for the shell, or one for each example of the body, which is named after its model."""
    for parameter in operation.get("parameters", ()):
        if not operation.get("requestBody") and (values := parameter.get("schema", {}).get("enum")):
            path = path.replace(f"{{{parameter['name']}}}", values[0])
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples: Document = content.get("examples") or {"": {}}
    for name, example in examples.items():
        words = ["curl -sS"]
        if method != "get":
            words.append(f"-X {method.upper()}")
        words.append(shlex.quote(base_url + path.replace("{name}", name or "{name}")))
        if operation.get("security") != []:
            words.append('-H "Authorization: Bearer $AIRWORTHY_SERVING_TOKEN"')
        if "value" in example:
            body = json.dumps(example["value"])
            words += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
        heading = f"<h3>{_text(name)}</h3><p>{_text(example.get('summary', ''))}</p>" if name else ""
        yield heading + f"<pre>{_text(' '.join(words))}</pre>"


def _responses(document: Document, operation: Document) -> Iterator[str]:
    yield "<h3>Answers</h3>"
    yield _table([(status, each.get("description", "")) for status, each in operation.get("responses", {}).items()])
    good = operation.get("responses", {}).get("200", {}).get("content", {})
    if "$ref" in good.get("application/json", {}).get("schema", {}):
        yield f"<h3>Fields of a 200</h3>{_fields(document, _schema_of(good))}"


def _schema_of(content: Document) -> Document:
    schema: Document = content["application/json"]["schema"]
    return schema


def _fields(document: Document, schema: Document) -> str:
    return _table(list(_rows(document, schema, "")))


def _rows(document: Document, schema: Document, prefix: str) -> Iterator[tuple[str, str]]:
    """Name and meaning of each field, those of nested objects after their list's or object's name."""
    for name, field in _resolved(document, schema).get("properties", {}).items():
        inner = _resolved(document, field.get("items", field))
        is_list = field.get("type") == "array"
        where = f"{prefix}{name}{'[]' if is_list else ''}"
        yield where, ", ".join(filter(None, (_type(field), field.get("description") or inner.get("description"))))
        if "properties" in inner:
            yield from _rows(document, inner, f"{where}.")


def _resolved(document: Document, schema: Document) -> Document:
    if "$ref" not in schema:
        return schema
    found: Document = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def _type(field: Document) -> str:
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    kind = str(field.get("type", "object"))
    return {"array": "list", "null": "nothing"}.get(kind, kind) + _one_of(field)


def _one_of(schema: Document) -> str:
    return f", one of {', '.join(map(str, schema['enum']))}" if schema.get("enum") else ""


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td><code>{_text(name)}</code></td><td>{_text(said)}</td></tr>" for name, said in rows)
    return f"<table>{cells}</table>"


def _text(value: object) -> str:
    return re.sub("``(.+?)``", r"<code>\1</code>", html.escape(str(value)))
