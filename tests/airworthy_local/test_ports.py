"""Which ports the stack takes, and what it says when it cannot."""

from __future__ import annotations

import os
import socket

import pytest

from airworthy_local.ports import PortInvalid, Ports, PortTaken, is_free


def test_an_option_comes_before_the_environment_before_last_time_before_the_default():
    chosen = Ports.choose(
        {"airflow": 1001, "mlflow": None},
        {"AIRWORTHY_PORT_AIRFLOW": "1002", "AIRWORTHY_PORT_MLFLOW": "1003"},
        {"airflow": 1004, "mlflow": 1005, "serving": 1006},
    )
    assert chosen == Ports(airflow=1001, mlflow=1003, serving=1006, cluster=Ports().cluster)


def test_a_taken_port_is_reported_with_its_owner_and_the_option_that_changes_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = Ports.free()
        ports = Ports(free.airflow, free.mlflow, port, free.cluster)
        with pytest.raises(PortTaken) as raised:
            ports.require_free()
    assert f"port {port}, which serving needs, is taken by process {os.getpid()}" in raised.value.message
    assert "--serving-port" in str(raised.value.next_step)


def test_free_ports_are_free_and_differ():
    ports = Ports.free()
    ports.require_free()
    assert len({ports.airflow, ports.mlflow, ports.serving, ports.cluster}) == 4


def test_a_port_whose_last_connections_wind_down_counts_as_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the server closes first: its side lingers in TIME_WAIT
        client.close()
    assert is_free(port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_number_that_is_no_port_is_refused(port):
    with pytest.raises(PortInvalid, match=str(port)):
        Ports(mlflow=port)


def test_one_port_for_two_processes_is_refused():
    with pytest.raises(PortInvalid, match=r"airflow and serving both have port 8600"):
        Ports(airflow=8600)


def test_a_variable_that_is_no_number_is_refused_by_name():
    with pytest.raises(PortInvalid, match="AIRWORTHY_PORT_CLUSTER is 'auto'"):
        Ports.choose({}, {"AIRWORTHY_PORT_CLUSTER": "auto"}, {})
