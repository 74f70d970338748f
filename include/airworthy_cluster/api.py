"""The HTTP side: Kubernetes' core/v1 routes over the store and the kubelet."""

from __future__ import annotations

import base64
import json
import secrets
import time
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from airworthy_cluster import discovery, selection, tables, validate
from airworthy_cluster.discovery import RESOURCES, Resource
from airworthy_cluster.errors import ApiError, bad_request
from airworthy_cluster.kubelet import Kubelet
from airworthy_cluster.logs import LogOptions, stream
from airworthy_cluster.patches import check_kind, patched
from airworthy_cluster.processes import Processes
from airworthy_cluster.store import Obj, Store
from airworthy_cluster.watching import lines as watching_lines

#: A watch that names no end of its own; clients begin again.
MAX_WATCH_SECONDS = 3600.0


def application(store: Store, kubelet: Kubelet, processes: Processes) -> Starlette:
    """The API as an ASGI application, without the token check."""
    api = Api(store, kubelet, processes)
    fixed = {
        "/version": discovery.version(),
        "/version/": discovery.version(),
        "/api": discovery.api_versions(),
        "/apis": discovery.groups(),
        "/api/v1": discovery.resources(),
        "/openapi/v3": discovery.openapi_index(),
        "/openapi/v3/api/v1": discovery.openapi(),
    }
    routes = [
        *(Route(path, _ok) for path in ("/healthz", "/livez", "/readyz")),
        # kubectl 1.20 wants protobuf; no bytes are a valid document without definitions, so it validates nothing
        Route("/openapi/v2", _empty),
        *(Route(path, _answering(body)) for path, body in fixed.items()),
        Route("/api/v1/namespaces/{namespace}/pods/{name}/log", api.log),
        Route("/api/v1/namespaces/{namespace}/{plural}", api.collection, methods=["GET", "POST"]),
        Route("/api/v1/namespaces/{namespace}/{plural}/{name}", api.one, methods=["GET", "PATCH", "DELETE"]),
        Route("/api/v1/{plural}", api.collection, methods=["GET", "POST"]),
        Route("/api/v1/{plural}/{name}", api.one, methods=["GET", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={ApiError: _refused, HTTPException: _unknown})


async def _ok(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def _empty(_request: Request) -> Response:
    return Response(b"", media_type="application/octet-stream")


def _answering(body: dict[str, Any]) -> Any:
    async def answer(_request: Request) -> Response:
        return JSONResponse(body)

    return answer


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.status(), error.code)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reasons = {404: "NotFound", 405: "MethodNotAllowed"}
    message = (
        f"the local cluster has no {request.method} {request.url.path}; it speaks the part of core/v1 that pods need"
    )
    return JSONResponse(
        ApiError(error.status_code, reasons.get(error.status_code, ""), message).status(), error.status_code
    )


def _resource(request: Request, verb: str) -> tuple[Resource, str]:
    """The resource a request is about, and its namespace (empty for none)."""
    plural, namespace = request.path_params["plural"], request.path_params.get("namespace", "")
    if (resource := RESOURCES.get(plural)) is None:
        raise ApiError(404, "NotFound", f"the local cluster has no {plural}; it has {', '.join(RESOURCES)}")
    if verb not in resource.verbs:
        raise ApiError(405, "MethodNotAllowed", f"{verb} is not possible on {plural} here; possible: {resource.verbs}")
    return resource, namespace


class Api:
    """The handlers."""

    def __init__(self, store: Store, kubelet: Kubelet, processes: Processes) -> None:
        self._store, self._kubelet, self._processes = store, kubelet, processes

    async def collection(self, request: Request) -> Response:
        """List, watch or create."""
        if request.method == "POST":
            return await self._create(request)
        watching = _flag(request, "watch")
        resource, namespace = _resource(request, "watch" if watching else "list")
        wanted = selection.both(
            resource.plural, request.query_params.get("labelSelector"), request.query_params.get("fieldSelector")
        )
        as_table = _wants_table(request)
        if watching:
            since = _number(request, "resourceVersion")

            def visible(obj: Obj) -> bool:
                return namespace in ("", obj["metadata"].get("namespace")) and wanted(obj)

            def shown(obj: Obj) -> Obj:
                version = obj["metadata"]["resourceVersion"]
                return tables.table(resource.plural, [obj], version, whole=as_table == "Object") if as_table else obj

            lines = watching_lines(
                self._store, resource.plural, since=int(since) if since else None,
                seconds=_number(request, "timeoutSeconds") or MAX_WATCH_SECONDS, visible=visible, shown=shown,
            )  # fmt: skip
            return StreamingResponse(lines, media_type="application/json")
        found = [obj for obj in self._store.list(resource.plural, namespace or None) if wanted(obj)]
        version = str(self._store.version)
        if as_table:
            return JSONResponse(tables.table(resource.plural, found, version, whole=as_table == "Object"))
        return JSONResponse(
            {
                "kind": f"{resource.kind}List",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": version},
                "items": found,
            }
        )

    async def one(self, request: Request) -> Response:
        """Get, patch or delete one object."""
        verb = request.method.lower()
        resource, namespace = _resource(request, verb)
        content_type = request.headers.get("content-type", "").partition(";")[0]
        if verb == "patch":
            check_kind(content_type)
        body = await request.body()  # before the object is looked up: it may change while the body comes in
        obj = self._store.get(resource.plural, namespace, request.path_params["name"])
        if verb == "patch":
            obj = self._patch(request, resource, patched(obj, body, content_type))
        elif verb == "delete":
            obj = self._delete(request, body, resource, obj)
        elif as_table := _wants_table(request):
            version = obj["metadata"]["resourceVersion"]
            obj = tables.table(resource.plural, [obj], version, whole=as_table == "Object")
        return JSONResponse(obj)

    async def _create(self, request: Request) -> Response:
        resource, namespace = _resource(request, "create")
        obj = _body(await request.body(), request)
        if obj.get("kind", resource.kind) != resource.kind:
            raise bad_request(f"the body is a {obj['kind']}, the address is that of a {resource.kind}")
        if not isinstance(obj.get("metadata"), dict):
            raise bad_request("the body has no metadata")
        metadata = {key: value for key, value in obj["metadata"].items() if value is not None}
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = f"{metadata['generateName']}{secrets.token_hex(3)}"
        if resource.namespaced:
            if metadata.setdefault("namespace", namespace) != namespace or not namespace:
                raise bad_request(f"the body's namespace {metadata['namespace']!r} is not the address's {namespace!r}")
            self._store.get("namespaces", "", namespace)
        obj = {**obj, "kind": resource.kind, "apiVersion": "v1", "metadata": metadata}
        obj = _checked(resource.plural, obj)
        if "dryRun" not in request.query_params:
            obj = self._store.create(resource.plural, obj)
            self._kubelet.wake()
        return JSONResponse(obj, 201)

    def _patch(self, request: Request, resource: Resource, new: Obj) -> Obj:
        new = _checked(resource.plural, new) if resource.plural != "pods" else new
        validate.metadata(resource.kind, new)
        return new if "dryRun" in request.query_params else self._store.save(resource.plural, new)

    def _delete(self, request: Request, body: bytes, resource: Resource, obj: Obj) -> Obj:
        options = _body(body, request) if body else {}
        expected = (options.get("preconditions") or {}).get("uid")
        if expected not in (None, obj["metadata"]["uid"]):
            raise ApiError(409, "Conflict", f"uid in precondition: {expected}, uid in object: {obj['metadata']['uid']}")
        if options.get("dryRun") or "dryRun" in request.query_params:
            return obj
        if resource.plural == "pods":
            grace = options.get("gracePeriodSeconds", _number(request, "gracePeriodSeconds"))
            return self._kubelet.delete(obj, None if grace is None else max(0, int(grace)))
        self._store.remove(resource.plural, obj)
        details = {"name": obj["metadata"]["name"], "kind": resource.plural, "uid": obj["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    async def log(self, request: Request) -> Response:
        """A container's log."""
        name, query = request.path_params["name"], request.query_params
        pod = self._store.get("pods", request.path_params["namespace"], name)
        names = [
            container["name"]
            for group in ("initContainers", "containers")
            for container in pod["spec"].get(group) or ()
        ]
        if not (container := query.get("container")):
            if len(pod["spec"]["containers"]) > 1 or pod["spec"].get("initContainers"):
                raise bad_request(f"a container name must be specified for pod {name}, choose one of: {names}")
            container = names[-1]
        if container not in names:
            raise bad_request(f"container {container} is not valid for pod {name}; it has {names}")
        run = self._kubelet.run_of(pod, container)
        if run is None or (run.state == "waiting" and not run.last):
            reason = "Unschedulable" if run is None else run.reason
            raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
        # one that waits for its next try has no log of its own yet: the last try's is what there is
        number = run.restarts - (run.state == "waiting" or _flag(request, "previous"))
        if number < 0:
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        options = _log_options(request)
        uid, this_run = pod["metadata"]["uid"], number

        def ended() -> bool:
            now = self._kubelet.run_of(pod, container)
            return now is None or now.restarts != this_run or now.state == "terminated" or self._kubelet.stopping

        path = self._processes.log(uid, container, number)
        return StreamingResponse(
            stream(path, options, follow=_flag(request, "follow"), ended=ended),
            media_type="text/plain",
        )


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() in ("1", "true")


def _number(request: Request, name: str) -> float | None:
    if not (value := request.query_params.get(name)):
        return None
    try:
        return float(value)
    except ValueError as error:
        raise bad_request(f"{name}={value!r} is not a number") from error


def _log_options(request: Request) -> LogOptions:
    since, seconds = None, _number(request, "sinceSeconds")
    if seconds is not None:
        since = time.time() - seconds
    elif moment := request.query_params.get("sinceTime"):
        try:
            since = datetime.fromisoformat(moment).timestamp()
        except ValueError as error:
            raise bad_request(f"sinceTime={moment!r} is not an RFC 3339 time") from error
    tail, limit = _number(request, "tailLines"), _number(request, "limitBytes")
    return LogOptions(
        timestamps=_flag(request, "timestamps"),
        since=since,
        tail=None if tail is None else int(tail),
        limit_bytes=None if limit is None else int(limit),
    )


def _wants_table(request: Request) -> str | None:
    """``Metadata`` or ``Object`` (what each row carries) if the client asks for a Table."""
    if "as=Table" not in request.headers.get("accept", ""):
        return None
    return request.query_params.get("includeObject", "Metadata")


def _body(text: bytes, request: Request) -> Obj:
    try:
        body = json.loads(text)
    except ValueError as error:
        if "protobuf" in request.headers.get("content-type", ""):
            # only kubectl's "create secret" and its like insist on it
            hint = "only JSON is read here: kubectl create ... --dry-run=client -o yaml | kubectl apply -f -"
            raise ApiError(415, "UnsupportedMediaType", hint) from error
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise bad_request(f"the body is a {type(body).__name__}; a JSON object is expected")
    return body


def _checked(plural: str, obj: Obj) -> Obj:
    """The object as it is stored, if it is valid."""
    if plural == "pods":
        validate.pod(obj)
        defaults = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30}
        return {**obj, "spec": {**defaults, **obj["spec"]}, "status": {"phase": "Pending"}}
    validate.metadata(obj["kind"], obj)
    if plural == "namespaces":
        return {**obj, "status": {"phase": "Active"}}
    plain = obj.pop("stringData", None) or {}
    encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in plain.items()}
    obj = {**obj, "data": {**(obj.get("data") or {}), **encoded}}
    validate.data(obj)
    return {"type": "Opaque", **obj} if plural == "secrets" else obj
