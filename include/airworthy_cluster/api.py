"""The HTTP side: Kubernetes' core/v1 routes over the store and the kubelet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from airworthy_cluster import admission, discovery, parameters, selection, tables, watching
from airworthy_cluster.discovery import Resource
from airworthy_cluster.errors import ApiError, bad_request
from airworthy_cluster.kubelet import Kubelet
from airworthy_cluster.logs import stream
from airworthy_cluster.patches import check_kind, patched
from airworthy_cluster.runners import Attempt, Runners
from airworthy_cluster.status import ContainerRun
from airworthy_cluster.store import Obj, Store
from airworthy_cluster.validation import objects

#: A watch that names no end of its own; clients begin again.
MAX_WATCH_SECONDS = 3600.0


def application(store: Store, kubelet: Kubelet, runners: Runners) -> Starlette:
    """The API as an ASGI application, without the token check."""
    handlers = Handlers(store, kubelet, runners)
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
        Route("/api/v1/namespaces/{namespace}/pods/{name}/log", handlers.log),
        Route("/api/v1/namespaces/{namespace}/{plural}", handlers.collection, methods=["GET", "POST"]),
        Route("/api/v1/namespaces/{namespace}/{plural}/{name}", handlers.one, methods=["GET", "PATCH", "DELETE"]),
        Route("/api/v1/{plural}", handlers.collection, methods=["GET", "POST"]),
        Route("/api/v1/{plural}/{name}", handlers.one, methods=["GET", "PATCH", "DELETE"]),
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


class Handlers:
    """What is done on each address."""

    def __init__(self, store: Store, kubelet: Kubelet, runners: Runners) -> None:
        self._store, self._kubelet, self._runners = store, kubelet, runners

    async def collection(self, request: Request) -> Response:
        """List, watch or create."""
        if request.method == "POST":
            return await self._create(request)
        watched = parameters.flag(request, "watch")
        resource, namespace = parameters.resource(request, "watch" if watched else "list")
        wanted = selection.both(
            resource.plural, request.query_params.get("labelSelector"), request.query_params.get("fieldSelector")
        )
        return (self._watch if watched else self._list)(request, resource, namespace, wanted)

    def _list(self, request: Request, resource: Resource, namespace: str, wanted: selection.Predicate) -> Response:
        found = [obj for obj in self._store.list(resource.plural, namespace or None) if wanted(obj)]
        version = str(self._store.version)
        if as_table := parameters.wants_table(request):
            return JSONResponse(tables.table(resource.plural, found, version, whole=as_table == "Object"))
        return JSONResponse(
            {
                "kind": f"{resource.kind}List",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": version},
                "items": found,
            }
        )

    def _watch(self, request: Request, resource: Resource, namespace: str, wanted: selection.Predicate) -> Response:
        def visible(obj: Obj) -> bool:
            return namespace in ("", obj["metadata"].get("namespace")) and wanted(obj)

        lines = watching.lines(
            self._store,
            resource.plural,
            since=parameters.whole_number(request, "resourceVersion") or None,
            seconds=parameters.number(request, "timeoutSeconds") or MAX_WATCH_SECONDS,
            visible=visible,
            shown=_shown(request, resource),
        )
        return StreamingResponse(lines, media_type="application/json")

    async def one(self, request: Request) -> Response:
        """Get, patch or delete one object."""
        verb = request.method.lower()
        resource, namespace = parameters.resource(request, verb)
        content_type = request.headers.get("content-type", "").partition(";")[0]
        if verb == "patch":
            check_kind(content_type)
        body = await request.body()  # before the object is looked up: it may change while the body comes in
        obj = self._store.get(resource.plural, namespace, request.path_params["name"])
        if verb == "patch":
            obj = self._patch(request, resource, patched(obj, body, content_type))
        elif verb == "delete":
            obj = self._delete(request, body, resource, obj)
        else:
            obj = _shown(request, resource)(obj)
        return JSONResponse(obj)

    async def _create(self, request: Request) -> Response:
        resource, namespace = parameters.resource(request, "create")
        obj = admission.identified(parameters.body(await request.body(), request), resource, namespace)
        if resource.namespaced:
            self._store.get("namespaces", "", namespace)
        obj = admission.admitted(resource.plural, obj)
        if "dryRun" not in request.query_params:
            obj = self._store.create(resource.plural, obj)
            self._kubelet.wake()
        return JSONResponse(obj, 201)

    def _patch(self, request: Request, resource: Resource, new: Obj) -> Obj:
        new = admission.admitted(resource.plural, new) if resource.plural != "pods" else new
        objects.metadata(resource.kind, new)
        return new if "dryRun" in request.query_params else self._store.save(resource.plural, new)

    def _delete(self, request: Request, body: bytes, resource: Resource, obj: Obj) -> Obj:
        options = parameters.body(body, request) if body else {}
        expected = (options.get("preconditions") or {}).get("uid")
        if expected not in (None, obj["metadata"]["uid"]):
            raise ApiError(409, "Conflict", f"uid in precondition: {expected}, uid in object: {obj['metadata']['uid']}")
        if options.get("dryRun") or "dryRun" in request.query_params:
            return obj
        if resource.plural == "pods":
            grace = options.get("gracePeriodSeconds", parameters.number(request, "gracePeriodSeconds"))
            return self._kubelet.delete(obj, None if grace is None else max(0, int(grace)))
        self._store.remove(resource.plural, obj)
        details = {"name": obj["metadata"]["name"], "kind": resource.plural, "uid": obj["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    async def log(self, request: Request) -> Response:
        """A container's log."""
        pod = self._store.get("pods", request.path_params["namespace"], request.path_params["name"])
        container = _container(pod, request.query_params.get("container"))
        run = self._kubelet.run_of(pod, container)
        restarts = _logged(run, pod, container, previous=parameters.flag(request, "previous"))

        def ended() -> bool:
            now = self._kubelet.run_of(pod, container)
            return now is None or now.restarts != restarts or now.state == "terminated" or self._kubelet.stopping

        lines = stream(
            self._runners.log(Attempt(pod["metadata"]["uid"], container, restarts)),
            parameters.log_options(request),
            follow=parameters.flag(request, "follow"),
            ended=ended,
        )
        return StreamingResponse(lines, media_type="text/plain")


def _shown(request: Request, resource: Resource) -> Callable[[Obj], Obj]:
    """What a client gets of an object: all of it, or a table of one row if it asked for that."""
    as_table = parameters.wants_table(request)

    def shown(obj: Obj) -> Obj:
        version = obj["metadata"]["resourceVersion"]
        return tables.table(resource.plural, [obj], version, whole=as_table == "Object") if as_table else obj

    return shown


def _container(pod: Obj, asked: str | None) -> str:
    """The container whose log is asked for; a pod's only one need not be named.

    Raises:
        ApiError: 400, it is not clear which, or the pod has none of that name.
    """
    name, spec = pod["metadata"]["name"], pod["spec"]
    names = [each["name"] for group in ("initContainers", "containers") for each in spec.get(group) or ()]
    if not asked and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: {names}")
    container = asked or names[-1]
    if container not in names:
        raise bad_request(f"container {container} is not valid for pod {name}; it has {names}")
    return container


def _logged(run: ContainerRun | None, pod: Obj, container: str, *, previous: bool) -> int:
    """Which attempt at a container has the log that is asked for, by the number of restarts before it.

    Raises:
        ApiError: 400, there is none.
    """
    name = pod["metadata"]["name"]
    if run is None or (run.state == "waiting" and not run.last):
        reason = "Unschedulable" if run is None else run.reason
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
    # one that waits for its next try has no log of its own yet: the last try's is what there is
    restarts = run.restarts - (run.state == "waiting" or previous)
    if restarts < 0:
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    return restarts
