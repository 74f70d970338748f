"""KubernetesPodOperator, as it is, waiting in its own process and deferred to a trigger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cluster_under_test import ROOT, Cluster, eventually

DAG = """
import json, sys
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

with DAG("pods", schedule=None) as dag:
    for name, code, more in [
        ("waits", "print('I', 'waited')", {}),
        ("defers", "import time; time.sleep(2); print('I', 'deferred')", {"deferrable": True, "poll_interval": 0.5,
                                                                    "logging_interval": 1}),
        ("fails", "print('I fail'); exit(7)", {"log_events_on_failure": True}),
        ("fails_deferred", "import sys; sys.exit(8)", {"deferrable": True, "poll_interval": 0.5}),
        ("refused", "pass", {"do_xcom_push": True}),
    ]:
        KubernetesPodOperator(
            task_id=name, name=name.replace("_", "-"), image="example/image:1", cmds=["python", "-c"], arguments=[code],
            **{"do_xcom_push": False, "on_finish_action": "delete_pod", "startup_check_interval_seconds": 1,
               **more},
        )

if __name__ == "__main__":
    run = dag.test()
    print("STATES", json.dumps({ti.task_id: str(ti.state) for ti in run.get_task_instances()}))
"""


@pytest.fixture(scope="module")
def ran(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """The state of each task after one DAG run, and all that was logged."""
    home: Path = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "pods.py").write_text(DAG)
    extra: dict[str, Any] = {"kube_config_path": str(cluster.kubeconfig), "namespace": "default"}
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps({"conn_type": "kubernetes", "extra": extra}),
        "PYTHONPATH": str(ROOT / "include"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=180,
        )  # fmt: skip
        return done.stdout

    run("-m", "airflow", "db", "migrate")
    output = run(str(home / "dags" / "pods.py"))
    found = [line for line in output.splitlines() if line.startswith("STATES ")]
    assert found, output[-5000:]
    return json.loads(found[0].removeprefix("STATES ")), output


def test_the_operator_waits_for_its_pod_and_shows_its_log(ran: tuple[dict[str, str], str]) -> None:
    states, output = ran
    assert states["waits"] == "success", output[-5000:]
    assert "I waited" in output


def test_the_deferred_operator_s_trigger_follows_its_pod_and_log(ran: tuple[dict[str, str], str]) -> None:
    states, output = ran
    assert states["defers"] == "success", output[-5000:]
    assert "I deferred" in output


def test_a_failing_pod_fails_its_task_with_the_exit_code_and_the_events(ran: tuple[dict[str, str], str]) -> None:
    states, output = ran
    assert [states["fails"], states["fails_deferred"]] == ["failed", "failed"]
    assert "exit code 7" in output


def test_an_xcom_sidecar_is_refused_with_the_setting_to_change(ran: tuple[dict[str, str], str]) -> None:
    states, output = ran
    assert states["refused"] == "failed"
    assert "do_xcom_push=False" in output


def test_the_operator_leaves_no_pod(ran: tuple[dict[str, str], str], cluster: Cluster) -> None:
    eventually(lambda: not cluster.api.list_namespaced_pod("default").items)
    assert cluster.pod_processes() == []
