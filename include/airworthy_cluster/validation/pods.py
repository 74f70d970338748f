"""The rules for a pod; ``RULES`` is the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from airworthy_cluster.errors import Cause, invalid
from airworthy_cluster.validation import containers, fields, objects

KNOWN = {
    "containers", "initContainers", "volumes", "restartPolicy", "terminationGracePeriodSeconds",
    "activeDeadlineSeconds", "nodeSelector", "nodeName", "securityContext", "affinity",
    # recorded, without effect on one machine
    "serviceAccountName", "serviceAccount", "automountServiceAccountToken", "imagePullSecrets", "dnsPolicy",
    "schedulerName", "priority", "priorityClassName", "preemptionPolicy", "tolerations", "enableServiceLinks",
}  # fmt: skip
VOLUMES = {"emptyDir", "hostPath", "secret", "configMap"}
HOST_PATHS = ("DirectoryOrCreate", "Directory", "FileOrCreate", "File")
RESTART_POLICIES = ("Always", "OnFailure", "Never")

Rule = Callable[[dict[str, Any]], Iterator[Cause]]


def pod(obj: dict[str, Any]) -> None:
    """Check that this machine can run the pod as it is asked for.

    Raises:
        ApiError: 422, naming every field at fault.
    """
    objects.metadata("Pod", obj)
    spec = obj.get("spec") or {}
    try:
        causes = [cause for rule in RULES for cause in rule(spec)]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        causes = [Cause("spec", f"is not shaped like a pod's: {type(error).__name__}: {error}")]
    if causes:
        raise invalid("Pod", obj["metadata"]["name"], causes)


def _known_fields(spec: dict[str, Any]) -> Iterator[Cause]:
    yield from fields.unknown("spec", spec, KNOWN)


def _restart_policy(spec: dict[str, Any]) -> Iterator[Cause]:
    policy = spec.get("restartPolicy", "Always")
    if policy not in RESTART_POLICIES:
        yield Cause("spec.restartPolicy", f"{policy!r}: Always, OnFailure and Never are allowed")


def _seconds(spec: dict[str, Any]) -> Iterator[Cause]:
    for field in ("activeDeadlineSeconds", "terminationGracePeriodSeconds"):
        value = spec.get(field, 1)
        if not isinstance(value, int) or value < 0:
            yield Cause(f"spec.{field}", f"{value!r}: a whole number of seconds is expected")


def _affinity(spec: dict[str, Any]) -> Iterator[Cause]:
    for kind, terms in (spec.get("affinity") or {}).items():
        if (terms or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
            yield Cause(f"spec.affinity.{kind}", "required affinity is not evaluated here; use nodeSelector")


def _security(spec: dict[str, Any]) -> Iterator[Cause]:
    yield from fields.security("spec.securityContext", spec.get("securityContext") or {})


def _volumes(spec: dict[str, Any]) -> Iterator[Cause]:
    for index, volume in enumerate(spec.get("volumes") or ()):
        path = f"spec.volumes[{index}]"
        if unknown := {key for key, value in volume.items() if key != "name" and value is not None} - VOLUMES:
            kinds = ", ".join(sorted(unknown))
            yield Cause(
                path, f"a local process cannot be given a volume of the kind {kinds}; use one of {sorted(VOLUMES)}"
            )
        yield from fields.short_name(path, volume["name"])
        host = volume.get("hostPath") or {}
        if (host.get("type") or HOST_PATHS[0]) not in HOST_PATHS:
            yield Cause(f"{path}.hostPath.type", f"{host['type']!r} cannot be mounted as a path")
        for kind in ("secret", "configMap"):
            for item in (volume.get(kind) or {}).get("items") or ():
                yield from fields.inside(f"{path}.{kind}.items", item["path"])


def _containers(spec: dict[str, Any]) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield Cause("spec.containers", "at least one container is required")
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    names: set[str | None] = set()
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or ()):
            path, name = f"spec.{group}[{index}]", container.get("name")
            if name in names:
                yield Cause(f"{path}.name", f"{name!r} is used twice")
            names.add(name)
            yield from containers.container(containers.Subject(path, container, volumes))


#: In the order in which their findings are named.
RULES: tuple[Rule, ...] = (
    _known_fields, _restart_policy, _seconds, _affinity, _security, _volumes, _containers,
)  # fmt: skip
