"""The environment of the stack's processes: its own variables over the shell's, less what would make a difference."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from airworthy.settings import PROJECT_ROOT
from airworthy_local.ports import LOOPBACK
from airworthy_local.processes import PROCESS_MARK, STACK_MARK

#: Of the caller's environment, what would make the stack's processes differ from one shell to another.
NOT_INHERITED = ("AIRFLOW", "MLFLOW_", "PYTEST_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "KUBECONFIG")
#: For a Spark master on this machine: where its driver listens, and its settings (memory, a quiet log).
LOCAL_SPARK = {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_CONF_DIR": str(PROJECT_ROOT / "deploy" / "spark" / "local")}
#: Nothing here reports to its makers.
NO_TELEMETRY = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "FEAST_USAGE": "false",
}


def complete(own: Mapping[str, str], shell: Mapping[str, str]) -> dict[str, str]:
    """All that a process of the stack sees.

    Args:
        own: the stack's variables; they win.
        shell: the environment that the stack is started from.
    """
    inherited = {
        name: value
        for name, value in shell.items()
        if not name.startswith(NOT_INHERITED) and name not in (STACK_MARK, PROCESS_MARK)
    }
    # a Spark driver would listen on the machine's outer address; with a master elsewhere it must
    local_spark = inherited.get("AIRWORTHY_SPARK_MASTER", "local").startswith("local")
    direct = ",".join(filter(None, [inherited.get("NO_PROXY"), LOOPBACK, "localhost"]))
    return {
        **inherited,
        **own,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        **(LOCAL_SPARK if local_spark else {}),
        "NO_PROXY": direct,
        "no_proxy": direct,
        **NO_TELEMETRY,
    }
