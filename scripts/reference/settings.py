"""Every AIRWORTHY_* variable: addresses, ports, options of commands, and what the stack and the cluster set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from airworthy.settings import PROJECT_ROOT, Settings
from scripts.reference.commands import commands
from scripts.reference.markdown import page, required, table

#: Variables that no option and no field of `Settings` declares: what sets them, and what for.
FURTHER = {
    "AIRWORTHY_LAKE_CONN_TYPE": "`airflow_settings.yaml`: connection type of lake and landing zone, `aws` for S3.",
    "AIRWORTHY_SPARK_MASTER": "`airflow_settings.yaml`: Spark's master, `local[*]` unless it is set.",
    "AIRWORTHY_NAMESPACE": "`airflow_settings.yaml`: the Kubernetes namespace of pods, `default` unless it is set.",
    "AIRWORTHY_KUBECONFIG": "Set by the embedded stack: kubeconfig of the local cluster.",
    "AIRWORTHY_STACK": "Set by the embedded stack on its processes: the state folder they belong to.",
    "AIRWORTHY_PROCESS": "Set by the embedded stack on its processes: which of them it is.",
    "AIRWORTHY_CLUSTER_HOME": "Set by the local cluster in pods: its state folder.",
    "AIRWORTHY_POD_UID": "Set by the local cluster in pods: the pod.",
    "AIRWORTHY_CONTAINER": "Set by the local cluster in pods: the container.",
    "AIRWORTHY_MOUNT_<VOLUME>": "Set by the local cluster in pods: the folder of a volume, since nothing is mounted.",
}


def settings() -> str:
    """Every AIRWORTHY_* variable."""
    names = [
        (f"`AIRWORTHY_{name.upper()}`", required(f"the setting {name}", field.description), _default(field.default))
        for name, field in Settings.model_fields.items()
    ]
    options = {
        parameter.envvar: (required(f"{name} {parameter.name}", parameter.help), name)
        for name, command in reversed(list(commands()))
        for parameter in command.params
        if isinstance(parameter.envvar, str)
    }
    return page(
        "Settings",
        "Addresses that differ between a laptop and production are read from the environment. In Airflow's tasks they "
        "come from connections instead, see [`airflow_settings.yaml`](../../airflow_settings.yaml), and are handed on "
        "to pods as these variables. An empty address means a place below `AIRWORTHY_HOME`.",
        table(("variable", "meaning", "default"), names),
        "## Ports of the embedded stack",
        table(("variable", "meaning", "default"), _ports()),
        "## Options of commands",
        table(
            ("variable", "meaning", "of"),
            ((f"`{v}`", text, f"[`{name}`](cli.md#{name})") for v, (text, name) in sorted(options.items())),
        ),
        "## Further variables",
        table(("variable", "where from, and what for"), ((f"`{name}`", text) for name, text in FURTHER.items())),
    )


def _default(value: object) -> str:
    """A path of the project as seen from it; nothing for what is empty or made anew each time."""
    return f"`{str(value).replace(str(PROJECT_ROOT), '.')}`" if isinstance(value, str | Path) and value else ""


def _ports() -> Iterator[tuple[str, str, str]]:
    from airworthy_local.ports import Ports

    helps = {p.name: p.help for name, command in commands() if name == "up" for p in command.params}
    for field in dataclasses.fields(Ports):
        said = required(f"the port {field.name}", helps.get(f"{field.name}_port"))
        yield f"`AIRWORTHY_PORT_{field.name.upper()}`", said.partition(";")[0], f"`{field.default}`"
