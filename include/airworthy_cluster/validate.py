"""Which pods a machine without containers can run; everything else is refused, with the reason and the way out.

A field that would silently mean nothing is worse than a refusal, so an unknown field is refused too. Fields that only
matter to a cluster of many machines (tolerations, priorities, pull secrets) are recorded and have no effect.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from typing import Any

from airworthy_cluster import quantities
from airworthy_cluster.errors import Cause, invalid

XCOM_SIDECAR = "airflow-xcom-sidecar"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SHORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DATA_KEY = re.compile(r"[\w.-]{1,253}")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?")

POD_FIELDS = {
    "containers", "initContainers", "volumes", "restartPolicy", "terminationGracePeriodSeconds",
    "activeDeadlineSeconds", "nodeSelector", "nodeName", "securityContext", "affinity",
    # recorded, without effect on one machine
    "serviceAccountName", "serviceAccount", "automountServiceAccountToken", "imagePullSecrets", "dnsPolicy",
    "schedulerName", "priority", "priorityClassName", "preemptionPolicy", "tolerations", "enableServiceLinks",
}  # fmt: skip
CONTAINER_FIELDS = {
    "name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "envFrom", "resources", "volumeMounts",
    "ports", "securityContext", "terminationMessagePath", "terminationMessagePolicy",
}  # fmt: skip
#: Known to Kubernetes, and why a process cannot have it. Absent, null, false and empty are always fine.
REFUSED = {
    "hostNetwork": "a local pod shares this machine's network already, and cannot be told apart on it; leave it out",
    "hostPID": "a local pod has no process namespace; leave it out",
    "hostIPC": "a local pod has no IPC namespace; leave it out",
    "shareProcessNamespace": "a local pod has no process namespace; leave it out",
    "hostname": "a process cannot have a host name of its own; leave it out",
    "hostAliases": "a process has no /etc/hosts of its own; use names that this machine resolves",
    "dnsConfig": "a process has no resolver of its own; leave it out",
    "ephemeralContainers": "local pods cannot be attached to; read the log instead",
    "topologySpreadConstraints": "there is one node; leave it out",
    "livenessProbe": "probes are not run for local processes; leave it out",
    "readinessProbe": "probes are not run for local processes; leave it out",
    "startupProbe": "probes are not run for local processes; leave it out",
    "lifecycle": "hooks are not run for local processes; do the work in the command",
    "stdin": "nothing can be attached to a local pod; leave it out",
    "tty": "nothing can be attached to a local pod; leave it out",
    "volumeDevices": "a process cannot be given a block device; use hostPath",
}
VOLUMES = {"emptyDir", "hostPath", "secret", "configMap"}
VALUE_SOURCES = {"secretKeyRef", "configMapKeyRef", "fieldRef"}
DOWNWARD = re.compile(r"^(metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|"
                      r"spec\.(nodeName|serviceAccountName)|status\.(podIP|hostIP))$")  # fmt: skip


def metadata(kind: str, obj: dict[str, Any]) -> None:
    """Check the name and the labels of any object.

    Raises:
        ApiError: 422.
    """
    meta = obj["metadata"]
    causes = []
    if not _NAME.fullmatch(str(meta.get("name"))) or ".." in meta["name"]:
        causes.append(
            Cause("metadata.name", f"{meta.get('name', '')!r}: lower case letters, digits, '-' and '.' are allowed")
        )
    for key, value in (meta.get("labels") or {}).items():
        if not _LABEL_KEY.fullmatch(key) or not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            causes.append(
                Cause("metadata.labels", f"{key!r}: {value!r} is not a label: up to 63 letters, digits, '-_.'")
            )
    if meta.get("finalizers"):
        causes.append(Cause("metadata.finalizers", "nothing here would ever remove a finalizer; leave it out"))
    if causes:
        raise invalid(kind, meta.get("name", ""), causes)


def data(obj: dict[str, Any]) -> None:
    """Check the data of a secret or config map: keys become file names, values text or base64.

    Raises:
        ApiError: 422.
    """
    causes = []
    for key, value in obj["data"].items():
        if not _DATA_KEY.fullmatch(key) or key in (".", ".."):
            causes.append(Cause("data", f"{key!r} is not a key: letters, digits, '-', '_' and '.' are allowed"))
        if not isinstance(value, str) or (obj["kind"] == "Secret" and not _is_base64(value)):
            causes.append(
                Cause(f"data[{key}]", "base64 is expected" if obj["kind"] == "Secret" else "text is expected")
            )
    if causes:
        raise invalid(obj["kind"], obj["metadata"]["name"], causes)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def pod(obj: dict[str, Any]) -> None:
    """Check that this machine can run the pod as it is asked for.

    Raises:
        ApiError: 422, naming every field at fault.
    """
    metadata("Pod", obj)
    try:
        causes = list(_pod(obj.get("spec") or {}))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        causes = [Cause("spec", f"is not shaped like a pod's: {type(error).__name__}: {error}")]
    if causes:
        raise invalid("Pod", obj["metadata"]["name"], causes)


def _pod(spec: dict[str, Any]) -> Iterator[Cause]:
    yield from _fields("spec", spec, POD_FIELDS)
    if spec.get("restartPolicy", "Always") not in ("Always", "OnFailure", "Never"):
        yield Cause("spec.restartPolicy", f"{spec['restartPolicy']!r}: Always, OnFailure and Never are allowed")
    for field in ("activeDeadlineSeconds", "terminationGracePeriodSeconds"):
        if not isinstance(spec.get(field, 1), int) or spec.get(field, 1) < 0:
            yield Cause(f"spec.{field}", f"{spec[field]!r}: a whole number of seconds is expected")
    for kind, rules in (spec.get("affinity") or {}).items():
        if (rules or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
            yield Cause(f"spec.affinity.{kind}", "required affinity is not evaluated here; use nodeSelector")
    yield from _security("spec.securityContext", spec.get("securityContext") or {})
    volumes = {}
    for index, volume in enumerate(spec.get("volumes") or ()):
        volumes[volume["name"]] = volume
        yield from _volume(f"spec.volumes[{index}]", volume)
    if not spec.get("containers"):
        yield Cause("spec.containers", "at least one container is required")
    names: set[str] = set()
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or ()):
            path = f"spec.{group}[{index}]"
            if container.get("name") in names:
                yield Cause(f"{path}.name", f"{container['name']!r} is used twice")
            names.add(container.get("name"))
            yield from _container(path, container, volumes)


def _fields(path: str, found: dict[str, Any], known: set[str]) -> Iterator[Cause]:
    for field in sorted(found.keys() - known):
        if found[field] not in (None, False, [], {}, ""):
            yield Cause(f"{path}.{field}", REFUSED.get(field, "is not known to the local cluster; leave it out"))


def _container(path: str, container: dict[str, Any], volumes: dict[str, Any]) -> Iterator[Cause]:
    if container.get("name") == XCOM_SIDECAR:
        yield Cause(path, "the XCom sidecar is read through exec, which local processes do not have: set "
                    "do_xcom_push=False on the operator and hand results over through MLflow or the lake")  # fmt: skip
        return
    yield from _fields(path, container, CONTAINER_FIELDS)
    if not _SHORT_NAME.fullmatch(container.get("name") or ""):
        yield Cause(f"{path}.name", f"{container.get('name')!r}: lower case letters, digits and '-' are allowed")
    if not container.get("image"):
        yield Cause(f"{path}.image", "is required; it is recorded, not run")
    if not container.get("command"):
        yield Cause(f"{path}.command", "is required: the image is not run, so its entry point is not known")
    yield from _security(f"{path}.securityContext", container.get("securityContext") or {})
    for field in ("command", "args"):
        if not all(isinstance(part, str) for part in container.get(field) or ()) or isinstance(
            container.get(field), str
        ):
            yield Cause(f"{path}.{field}", "a list of texts is expected")
    yield from _fields(f"{path}.resources", container.get("resources") or {}, {"limits", "requests"})
    for section in ("limits", "requests"):
        for name, value in ((container.get("resources") or {}).get(section) or {}).items():
            yield from _quantity(f"{path}.resources.{section}.{name}", value)
    for index, port in enumerate(container.get("ports") or ()):
        if port.get("hostPort"):
            yield Cause(f"{path}.ports[{index}].hostPort", "ports are not mapped: the process opens the port it likes")
    mounted: dict[str, str] = {}
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        yield from _fields(where, mount, {"name", "mountPath", "subPath", "readOnly", "recursiveReadOnly"})
        if mount["name"] not in volumes:
            yield Cause(f"{where}.name", f"there is no volume {mount['name']!r}; volumes: {sorted(volumes)}")
        elif mount.get("readOnly") and volumes[mount["name"]].get("hostPath"):
            yield Cause(f"{where}.readOnly", "a process cannot be kept from writing to a hostPath; leave it out")
        yield from _relative(f"{where}.subPath", mount.get("subPath", ""))
        if mounted.setdefault(mount["name"], mount.get("subPath", "")) != mount.get("subPath", ""):
            yield Cause(where, "one variable per volume: it cannot be mounted twice with different subPaths")
    for index, entry in enumerate(container.get("env") or ()):
        if (
            not isinstance(entry["name"], str)
            or "=" in entry["name"]
            or not isinstance(entry.get("value", ""), str | None)
        ):
            yield Cause(f"{path}.env[{index}]", f"{entry['name']!r}: a name without '=' and a text are expected")
        if source := entry.get("valueFrom"):
            yield from _fields(f"{path}.env[{index}].valueFrom", source, VALUE_SOURCES)
            wanted = (source.get("fieldRef") or {}).get("fieldPath")
            if wanted and not DOWNWARD.match(wanted):
                yield Cause(f"{path}.env[{index}].valueFrom.fieldRef", f"{wanted!r} is not known here")


def _quantity(path: str, value: str) -> Iterator[Cause]:
    try:
        quantities.parse(value)
    except ValueError as error:
        yield Cause(path, str(error))


def _relative(path: str, value: str) -> Iterator[Cause]:
    if value.startswith("/") or ".." in value.split("/"):
        yield Cause(path, f"{value!r}: a path inside the volume is expected")


def _volume(path: str, volume: dict[str, Any]) -> Iterator[Cause]:
    kinds = {key for key, value in volume.items() if key != "name" and value is not None}
    if unknown := kinds - VOLUMES:
        names = ", ".join(sorted(unknown))
        yield Cause(path, f"a local process cannot be given a volume of the kind {names}; use one of {sorted(VOLUMES)}")
    if not _SHORT_NAME.fullmatch(volume["name"]):
        yield Cause(f"{path}.name", f"{volume['name']!r}: lower case letters, digits and '-' are allowed")
    if (host := volume.get("hostPath")) and (host.get("type") or "DirectoryOrCreate") not in (
        "DirectoryOrCreate",
        "Directory",
        "FileOrCreate",
        "File",
    ):
        yield Cause(f"{path}.hostPath.type", f"{host['type']!r} cannot be mounted as a path")
    for kind in ("secret", "configMap"):
        for item in (volume.get(kind) or {}).get("items") or ():
            yield from _relative(f"{path}.{kind}.items", item["path"])


def _security(path: str, context: dict[str, Any]) -> Iterator[Cause]:
    own = {"runAsUser": os.getuid(), "runAsGroup": os.getgid()}
    for field, value in context.items():
        where = f"{path}.{field}"
        if value in (None, False, {}, []) or (field == "allowPrivilegeEscalation"):
            continue
        if field in own:
            if value != own[field]:
                yield Cause(where, f"{value}: the process runs as {own[field]}, the user who started the cluster")
        elif field == "runAsNonRoot":
            if own["runAsUser"] == 0:
                yield Cause(where, "the process runs as root, the user who started the cluster")
        else:
            yield Cause(where, "a local process has no container to set this on; leave it out")
