"""airflow_settings.yaml: expanded, checked, and put into Airflow in one go."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from airworthy.settings import PROJECT_ROOT
from airworthy_local import airflow_settings
from airworthy_local.airflow_settings import SettingsFileWrong, SettingsRefused
from airworthy_local.stack import Stack
from airworthy_local.users import Credentials


def load(tmp_path, text, **environment):
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(text)
    return airflow_settings.load(path, environment)


CONNECTION = """
airflow:
  connections:
    - conn_id: lake
      conn_type: generic
      conn_login: ${KEY:-}
      conn_port: ${PORT:-9000}
      conn_extra: {uri: "${LAKE}/tables", region: "${REGION:-}"}
  pools:
  variables:
"""


def test_references_are_expanded_and_empty_ones_left_out(tmp_path):
    [connection] = load(tmp_path, CONNECTION, LAKE="/data").connections
    entity = connection.as_api_entity()
    assert (entity["login"], entity["port"]) == (None, 9000)
    assert json.loads(entity["extra"]) == {"uri": "/data/tables"}


def test_the_environment_comes_before_the_default(tmp_path):
    [connection] = load(tmp_path, CONNECTION, LAKE="/data", PORT="1", KEY="me").connections
    assert (connection.conn_port, connection.conn_login) == (1, "me")


def test_the_digest_changes_with_what_is_referred_to(tmp_path):
    one, same, other = (load(tmp_path, CONNECTION, LAKE=lake).digest for lake in ("/a", "/a", "/b"))
    assert one == same != other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CONNECTION, r"connections\[0\]\.conn_extra\.uri names \$\{LAKE\}, which is not set"),
        ("airflow: {pools: [{pool_name: a, pool_slot: many}]}", r"airflow\.pools\.0\.pool_slot is 'many'"),
        ("airflow: {pools: [{pool_name: a, pool_slot: 1, slots: 2}]}", r"airflow\.pools\.0\.slots"),
        ("airflow: {pool: []}", r"airflow\.pool"),
        ("connections: []", "no mapping 'airflow'"),
        ("airflow: [", "airflow_settings.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, text, said):
    with pytest.raises(SettingsFileWrong, match=said):
        load(tmp_path, text)


def test_the_projects_own_file_holds_what_the_dags_ask_for(tmp_path):
    settings = airflow_settings.load(PROJECT_ROOT / "airflow_settings.yaml", Stack(home=tmp_path).environment())
    connections = {each.conn_id: each for each in settings.connections}
    assert set(connections) == {
        "airworthy_lake",
        "airworthy_landing",
        "airworthy_ledger",
        "airworthy_online_store",
        "mlflow_default",
        "airworthy_serving",
        "spark_default",
        "kubernetes_default",
    }
    assert {pool.pool_name: pool.pool_slot for pool in settings.pools} == {"spark": 1, "training": 1}
    assert connections["airworthy_lake"].conn_extra["uri"] == str(tmp_path / "lake")
    assert connections["kubernetes_default"].conn_extra["kube_config_path"] == str(tmp_path / "cluster" / "kubeconfig")
    assert connections["airworthy_serving"].conn_password


class FakeAirflow(ThreadingHTTPServer):
    """Takes bulk changes as Airflow's API does, and refuses entities named `refused`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeAirflowHandler)
        self.taken: dict[str, list[dict]] = {}


class FakeAirflowHandler(BaseHTTPRequestHandler):
    server: FakeAirflow

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = body == {"username": "admin", "password": "right"}
        self._answer(201 if known else 401, {"access_token": "token"} if known else {"detail": "Invalid credentials"})

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Authorization"] == "Bearer token"
        [action] = body["actions"]
        assert (action["action"], action["action_on_existence"]) == ("create", "overwrite")
        self.server.taken[self.path] = action["entities"]
        errors = [{"error": "no", "status_code": 400} for each in action["entities"] if each.get("name") == "refused"]
        self._answer(200, {"create": {"success": [], "errors": errors}})

    def _answer(self, status: int, body: dict) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    server = FakeAirflow()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def apply(airflow: FakeAirflow, settings, password="right"):
    settings.apply(f"http://127.0.0.1:{airflow.server_port}", Credentials("admin", "admin", password))


def test_everything_is_put_into_airflow(tmp_path, airflow):
    text = (
        "airflow: {connections: [{conn_id: c, conn_type: http, conn_host: h}],"
        " pools: [{pool_name: p, pool_slot: 2}], variables: [{variable_name: v, variable_value: x}]}"
    )
    apply(airflow, load(tmp_path, text))
    assert airflow.taken["/api/v2/connections"][0]["connection_id"] == "c"
    assert airflow.taken["/api/v2/pools"] == [{"name": "p", "slots": 2, "description": ""}]
    assert airflow.taken["/api/v2/variables"] == [{"key": "v", "value": "x"}]


def test_a_refused_entry_is_an_error(tmp_path, airflow):
    with pytest.raises(SettingsRefused, match="pools"):
        apply(airflow, load(tmp_path, "airflow: {pools: [{pool_name: refused, pool_slot: 1}]}"))


def test_a_wrong_password_is_an_error_that_says_so(tmp_path, airflow):
    with pytest.raises(SettingsRefused, match="did not let admin in"):
        apply(airflow, load(tmp_path, "airflow: {pools: [{pool_name: p, pool_slot: 1}]}"), password="wrong")
