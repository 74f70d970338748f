"""The rules that pods and their containers have in common: known fields, security, paths, short names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from airworthy_cluster.errors import Cause

SHORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
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


def unknown(path: str, found: dict[str, Any], known: set[str]) -> Iterator[Cause]:
    """Fields that say something and are not among the known ones."""
    for field in sorted(found.keys() - known):
        if found[field] not in (None, False, [], {}, ""):
            yield Cause(f"{path}.{field}", REFUSED.get(field, "is not known to the local cluster; leave it out"))


def short_name(path: str, name: str | None) -> Iterator[Cause]:
    """A name that becomes part of file names and variables."""
    if not SHORT_NAME.fullmatch(name or ""):
        yield Cause(f"{path}.name", f"{name!r}: lower case letters, digits and '-' are allowed")


def inside(path: str, value: str) -> Iterator[Cause]:
    """A path that must not lead out of its volume."""
    if value.startswith("/") or ".." in value.split("/"):
        yield Cause(path, f"{value!r}: a path inside the volume is expected")


def security(path: str, context: dict[str, Any]) -> Iterator[Cause]:
    """A security context asks for nothing but what is the case anyway."""
    for field, value in context.items():
        if value not in (None, False, {}, []) and (why := _cannot_be(field, value)):
            yield Cause(f"{path}.{field}", why)


def _cannot_be(field: str, value: Any) -> str:
    """Why a process cannot have this; empty if it can, or has it."""
    if field == "allowPrivilegeEscalation":
        return ""
    own = {"runAsUser": os.getuid(), "runAsGroup": os.getgid()}
    if field in own:
        same = value == own[field]
        return "" if same else f"{value}: the process runs as {own[field]}, the user who started the cluster"
    if field == "runAsNonRoot":
        return "" if own["runAsUser"] else "the process runs as root, the user who started the cluster"
    return "a local process has no container to set this on; leave it out"
