"""What a container's process gets to see: its environment, its command with ``$(VAR)`` expanded, and its mounts."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airworthy.errors import AirworthyError
from airworthy_cluster import quantities
from airworthy_cluster.private_files import write_private
from airworthy_cluster.store import Obj

#: All that a process sees of the cluster's own environment. Credentials of the shell it was started from stay there.
INHERITED = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "JAVA_HOME", "SSL_CERT_FILE",
    "DS_ACCELERATOR", "OMP_NUM_THREADS",
)  # fmt: skip
#: Looks up ("secrets" | "configmaps", name) in the pod's namespace.
Lookup = Callable[[str, str], Obj | None]

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][\w.-]*)\)")


class ConfigError(AirworthyError):
    """The container cannot start yet: something that it refers to is not there."""


@dataclass(frozen=True)
class ProcessSpec:
    """All that is needed to start a container's process.

    Attributes:
        argv: the command.
        environment: all that it sees.
        cwd: its working directory.
        memory: limit of its process tree in bytes, or none.
        no_new_privs: whether it must not gain privileges, e.g. through setuid programs.
    """

    argv: list[str]
    environment: dict[str, str]
    cwd: Path
    memory: int | None
    no_new_privs: bool


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Kubernetes' ``$(VAR)``: an unknown name stays as it is, ``$$`` is a literal dollar."""
    return _REFERENCE.sub(
        lambda match: "$" if match[0] == "$$" else variables.get(match[1], match[0]), text
    )  # fmt: skip


def mount_variable(volume: str) -> str:
    """The variable that holds a mounted volume's path."""
    return "AIRWORTHY_MOUNT_" + re.sub(r"\W", "_", volume).upper()


def prepare(
    pod: Obj, container: dict[str, Any], *, folder: Path, gpus: list[int], lookup: Lookup, inherited: Mapping[str, str]
) -> ProcessSpec:
    """Make the container's mounts and say what to run.

    Args:
        folder: the pod's own folder.
        gpus: the devices this container was given.
        inherited: the cluster's environment, of which only ``INHERITED`` is passed on.

    Raises:
        ConfigError: a secret, config map, key or host path that it needs is missing.
    """
    work = folder / "work"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables = {name: inherited[name] for name in INHERITED if name in inherited}
    variables |= {
        "PATH": f"{Path(sys.executable).parent}:{inherited.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
        "HOME": str(work),
        "HOSTNAME": pod["metadata"]["name"],
        # output is a pipe: without this a program's last lines come only when it ends
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
    }
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    for mount in container.get("volumeMounts") or ():
        path = _volume(volumes[mount["name"]], folder, lookup) / mount.get("subPath", "")
        variables[mount_variable(mount["name"])] = str(path)
    for source in container.get("envFrom") or ():
        data = _source(source, lookup)
        variables |= {source.get("prefix", "") + name: value for name, value in data.items()}
    for entry in container.get("env") or ():
        value = _value(entry, pod, lookup)
        if value is not None:
            variables[entry["name"]] = expand(value, variables) if "value" in entry else value
    argv = [expand(part, variables) for part in [*container["command"], *(container.get("args") or ())]]
    wanted = container.get("workingDir")
    return ProcessSpec(
        argv,
        variables,
        cwd=Path(wanted) if wanted and Path(wanted).is_dir() else work,
        memory=quantities.memory_limit(container),
        no_new_privs=(container.get("securityContext") or {}).get("allowPrivilegeEscalation") is False,
    )


def decoded(obj: Obj) -> dict[str, str]:
    """The data of a secret or config map as text."""
    data: dict[str, str] = obj.get("data") or {}
    if obj["kind"] == "ConfigMap":
        return data
    return {key: base64.b64decode(value).decode(errors="surrogateescape") for key, value in data.items()}


def _source(source: dict[str, Any], lookup: Lookup) -> dict[str, str]:
    plural, reference = ("secrets", "secretRef") if source.get("secretRef") else ("configmaps", "configMapRef")
    return _referenced(plural, source[reference], lookup) or {}


def _referenced(plural: str, reference: dict[str, Any], lookup: Lookup) -> dict[str, str] | None:
    if (found := lookup(plural, reference["name"])) is not None:
        return decoded(found)
    if reference.get("optional"):
        return None
    raise ConfigError(f'{plural.removesuffix("s")} "{reference["name"]}" not found')


def _value(entry: dict[str, Any], pod: Obj, lookup: Lookup) -> str | None:
    """The value of one ``env`` entry; none if it is optional and missing."""
    source = entry.get("valueFrom")
    if not source:
        return str(entry.get("value") or "")
    if field := source.get("fieldRef"):
        return _downward(field["fieldPath"], pod)
    plural, name = ("secrets", "secretKeyRef") if source.get("secretKeyRef") else ("configmaps", "configMapKeyRef")
    reference = source[name]
    data = _referenced(plural, reference, lookup)
    if data is not None and reference["key"] in data:
        return data[reference["key"]]
    if reference.get("optional"):
        return None
    raise ConfigError(f'key "{reference["key"]}" not found in {plural.removesuffix("s")} "{reference["name"]}"')


def _downward(path: str, pod: Obj) -> str:
    if match := re.match(r"^metadata\.(labels|annotations)\['([^']+)'\]$", path):
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    section, _, key = path.partition(".")
    return str(pod[section].get(key, ""))


def _volume(volume: dict[str, Any], folder: Path, lookup: Lookup) -> Path:
    """The folder (or file) that stands for a volume, made if it is ours to make."""
    own = folder / "volumes" / volume["name"]
    if host := volume.get("hostPath"):
        return _host_path(Path(host["path"]), host.get("type") or "")
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    if reference := volume.get("secret"):
        data = _referenced("secrets", {**reference, "name": reference["secretName"]}, lookup)
    elif reference := volume.get("configMap"):
        data = _referenced("configmaps", reference, lookup)
    else:
        return own
    paths = {item["key"]: item["path"] for item in reference.get("items") or ()}
    for key, value in (data or {}).items():
        if not paths or key in paths:
            write_private(own / paths.get(key, key), value)
    return own


def _host_path(path: Path, kind: str) -> Path:
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch()
    elif (kind == "Directory" and not path.is_dir()) or (kind == "File" and not path.is_file()) or not path.exists():
        raise ConfigError(f"hostPath {path} is not there, or not a {kind or 'file or directory'}")
    return path
