"""The client of Airflow's API says what people do there, in Airflow's own terms."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airworthy.airflow_api.client import AirflowApi, AirflowApiError

TASK = "/api/v2/dags/d.release/dagRuns/d-v3%2B1/taskInstances/approve"


@dataclass
class FakeAirflow:
    """Signs everybody in, and knows one task; keeps what it was asked to do."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/auth/token":
            return 201, {"access_token": f"token of {body['username']}"}
        self.asked.append((method, path, body))
        return (200, {}) if path == TASK else (404, {"detail": "no such task"})


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = fake.answer(self.command, self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PATCH = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


def test_a_task_is_marked_by_hand(airflow: FakeAirflow) -> None:
    with AirflowApi(airflow.url, "admin", "secret") as api:
        api.mark("d.release", "d-v3+1", "approve", "success")
    assert airflow.asked == [("PATCH", TASK, {"new_state": "success"})]


def test_marking_a_task_that_is_not_there_is_an_error_that_says_so(airflow: FakeAirflow) -> None:
    with AirflowApi(airflow.url, "admin", "secret") as api, pytest.raises(AirflowApiError, match="no such task"):
        api.mark("d.release", "d-v3+1", "aprove", "success")
