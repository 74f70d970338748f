"""The rules for one container of a pod; ``RULES`` is the list of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airworthy_cluster import quantities
from airworthy_cluster.errors import Cause
from airworthy_cluster.validation import fields

XCOM_SIDECAR = "airflow-xcom-sidecar"
KNOWN = {
    "name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "envFrom", "resources", "volumeMounts",
    "ports", "securityContext", "terminationMessagePath", "terminationMessagePolicy",
}  # fmt: skip
KNOWN_OF_A_MOUNT = {"name", "mountPath", "subPath", "readOnly", "recursiveReadOnly"}
VALUE_SOURCES = {"secretKeyRef", "configMapKeyRef", "fieldRef"}
DOWNWARD = re.compile(r"^(metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|"
                      r"spec\.(nodeName|serviceAccountName)|status\.(podIP|hostIP))$")  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """The container that is checked.

    Attributes:
        path: where it stands in the pod, e.g. ``spec.containers[0]``.
        spec: the container.
        volumes: the pod's, by name.
    """

    path: str
    spec: dict[str, Any]
    volumes: Mapping[str, Any]

    def wrong(self, field: str, message: str) -> Cause:
        """A field of the container that is wrong."""
        return Cause(f"{self.path}.{field}", message)

    def each(self, field: str) -> Iterator[tuple[str, Any]]:
        """The entries of a list of the container, each with where it stands."""
        for index, entry in enumerate(self.spec.get(field) or ()):
            yield f"{self.path}.{field}[{index}]", entry


Rule = Callable[[Subject], Iterator[Cause]]


def container(subject: Subject) -> Iterator[Cause]:
    """Everything that is wrong with a container."""
    if subject.spec.get("name") == XCOM_SIDECAR:
        yield Cause(subject.path, "the XCom sidecar is read through exec, which local processes do not have: set "
                    "do_xcom_push=False on the operator and hand results over through MLflow or the lake")  # fmt: skip
        return
    for rule in RULES:
        yield from rule(subject)


def _known_fields(subject: Subject) -> Iterator[Cause]:
    yield from fields.unknown(subject.path, subject.spec, KNOWN)


def _name(subject: Subject) -> Iterator[Cause]:
    yield from fields.short_name(subject.path, subject.spec.get("name"))


def _image(subject: Subject) -> Iterator[Cause]:
    if not subject.spec.get("image"):
        yield subject.wrong("image", "is required; it is recorded, not run")


def _command(subject: Subject) -> Iterator[Cause]:
    if not subject.spec.get("command"):
        yield subject.wrong("command", "is required: the image is not run, so its entry point is not known")


def _security(subject: Subject) -> Iterator[Cause]:
    yield from fields.security(f"{subject.path}.securityContext", subject.spec.get("securityContext") or {})


def _words(subject: Subject) -> Iterator[Cause]:
    for field in ("command", "args"):
        words = subject.spec.get(field)
        if isinstance(words, str) or not all(isinstance(word, str) for word in words or ()):
            yield subject.wrong(field, "a list of texts is expected")


def _resources(subject: Subject) -> Iterator[Cause]:
    resources, path = subject.spec.get("resources") or {}, f"{subject.path}.resources"
    yield from fields.unknown(path, resources, {"limits", "requests"})
    for section in ("limits", "requests"):
        for name, value in (resources.get(section) or {}).items():
            try:
                quantities.parse(value)
            except ValueError as error:
                yield Cause(f"{path}.{section}.{name}", str(error))


def _ports(subject: Subject) -> Iterator[Cause]:
    for path, port in subject.each("ports"):
        if port.get("hostPort"):
            yield Cause(f"{path}.hostPort", "ports are not mapped: the process opens the port it likes")


def _mounts(subject: Subject) -> Iterator[Cause]:
    sub_paths: dict[str, str] = {}
    for path, mount in subject.each("volumeMounts"):
        name, sub_path = mount["name"], mount.get("subPath", "")
        yield from fields.unknown(path, mount, KNOWN_OF_A_MOUNT)
        if name not in subject.volumes:
            yield Cause(f"{path}.name", f"there is no volume {name!r}; volumes: {sorted(subject.volumes)}")
        elif mount.get("readOnly") and subject.volumes[name].get("hostPath"):
            yield Cause(f"{path}.readOnly", "a process cannot be kept from writing to a hostPath; leave it out")
        yield from fields.inside(f"{path}.subPath", sub_path)
        if sub_paths.setdefault(name, sub_path) != sub_path:
            yield Cause(path, "one variable per volume: it cannot be mounted twice with different subPaths")


def _variables(subject: Subject) -> Iterator[Cause]:
    for path, entry in subject.each("env"):
        name, value = entry["name"], entry.get("value", "")
        if not isinstance(name, str) or "=" in name or not isinstance(value, str | None):
            yield Cause(path, f"{name!r}: a name without '=' and a text are expected")


def _value_sources(subject: Subject) -> Iterator[Cause]:
    for path, entry in subject.each("env"):
        source = entry.get("valueFrom") or {}
        yield from fields.unknown(f"{path}.valueFrom", source, VALUE_SOURCES)
        wanted = (source.get("fieldRef") or {}).get("fieldPath")
        if wanted and not DOWNWARD.match(wanted):
            yield Cause(f"{path}.valueFrom.fieldRef", f"{wanted!r} is not known here")


#: In the order in which their findings are named.
RULES: tuple[Rule, ...] = (
    _known_fields, _name, _image, _command, _security, _words, _resources, _ports, _mounts, _variables, _value_sources,
)  # fmt: skip
