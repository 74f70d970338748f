"""What the stack's processes see of the shell it was started from."""

from __future__ import annotations

import pytest

from airworthy_local.environment import complete
from airworthy_local.ports import Ports
from airworthy_local.stack import Stack


def test_processes_get_the_stacks_addresses_and_not_the_shells(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("KUBECONFIG", "/elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere")
    monkeypatch.setenv("AIRWORTHY_SPARK_MASTER", "spark://chosen:7077")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy")
    stack = Stack(tmp_path, Ports(airflow=8081))
    environment = stack.environment()
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert environment["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8081/execution/"
    assert environment["AIRWORTHY_SPARK_MASTER"] == "spark://chosen:7077"
    assert "127.0.0.1" in environment["NO_PROXY"]
    assert not {"KUBECONFIG", "MLFLOW_TRACKING_URI"} & set(environment)
    assert stack.settings().lake == str(tmp_path / "lake")
    assert environment["AIRWORTHY_SERVING_TOKEN"] == stack.settings().serving_token != ""


@pytest.mark.parametrize(
    ("master", "address"), [("", "127.0.0.1"), ("local[2]", "127.0.0.1"), ("spark://far:7077", None)]
)
def test_a_spark_driver_listens_on_loopback_unless_its_executors_are_elsewhere(tmp_path, monkeypatch, master, address):
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)
    if master:
        monkeypatch.setenv("AIRWORTHY_SPARK_MASTER", master)
    assert Stack(tmp_path).environment().get("SPARK_LOCAL_IP") == address


def test_a_shell_in_the_stacks_environment_is_not_taken_for_one_of_its_processes(tmp_path):
    assert not [name for name in Stack(tmp_path).own_environment() if name in ("AIRWORTHY_STACK", "AIRWORTHY_PROCESS")]


def test_the_stacks_own_variables_win_and_one_of_its_processes_starts_another_without_its_marks():
    shell = {
        "AIRWORTHY_LAKE": "/theirs",
        "AIRWORTHY_STACK": "/outer",
        "AIRWORTHY_PROCESS": "serving",
        "LANG": "C.UTF-8",
    }
    environment = complete({"AIRWORTHY_LAKE": "/ours"}, shell)
    assert environment["AIRWORTHY_LAKE"] == "/ours"
    assert environment["LANG"] == "C.UTF-8"
    assert not {"AIRWORTHY_STACK", "AIRWORTHY_PROCESS"} & set(environment)
