"""What tests of several rooms share: a real MLflow server, the example; what each test starts, and who runs where."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airworthy.spec.pipeline import PipelineSpec

ROOT = Path(__file__).parents[1]
SYSTEM = ROOT / "tests" / "system"
#: What a fixture starts outside the test's process, and so the marker of every test that uses it, directly or through
#: other fixtures. A fixture that starts something belongs here; `make test-fast` leaves its tests out.
STARTS = {
    "deployment": "stack",
    "spark": "spark",
    "mlflow_url": "slow",
    "cluster": "slow",
    "new_cluster": "slow",
    "supervise": "slow",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what starts something; puts the tests of the whole stack where they cost least."""
    for item in items:
        for marker in {STARTS[name] for name in getattr(item, "fixturenames", ()) if name in STARTS}:
            item.add_marker(marker)

    # among several processes (`make test`) the stack's tests begin first, they take longest; alone they come last.
    # Of them, those that need a trained model follow those that train one
    first = hasattr(config, "workerinput")

    def turn(item: pytest.Item) -> tuple[bool, bool]:
        of_the_stack = SYSTEM in item.path.parents
        return of_the_stack != first, of_the_stack and "trained" in getattr(item, "fixturenames", ())

    items.sort(key=turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Among several processes a file's tests stay together, and all tests of the one stack, whatever their file."""
    from xdist.scheduler import LoadFileScheduling

    class OneStack(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/system" if nodeid.startswith("tests/system/") else super()._split_scope(nodeid)

    return OneStack(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def spec() -> PipelineSpec:
    """The example pipeline, as committed."""
    return PipelineSpec.load(ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml")


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on loopback, one for the whole session; use a model name of your own for isolation."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "GIT_PYTHON_REFRESH": "quiet"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, server, folder / "log")
        yield url
    finally:
        os.killpg(server.pid, 15)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, 9)
            server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"mlflow server did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def pytest_configure() -> None:
    # Spark's gateway says goodbye when Python ends, into a log that pytest has closed by then
    logging.getLogger("py4j").setLevel(logging.ERROR)
