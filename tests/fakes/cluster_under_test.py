"""A local cluster as a process, with the real clients pointed at it."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from kubernetes import client, config

ROOT = Path(__file__).parents[2]
#: Nothing here should take longer than this, even on a busy machine.
PATIENCE = 30


def eventually(check: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true answer; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"did not happen within {seconds} s (last answer: {answer!r})"
        time.sleep(0.05)
    return answer


class Cluster:
    """One server process and its home."""

    def __init__(self, home: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.home, self.options, self.environment = home, options, environment or {}
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.log = self.home.parent / f"{self.home.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "airworthy_cluster", "--home", str(self.home), *self.options],
                env={**os.environ, "PYTHONPATH": str(ROOT / "include"), **self.environment},
                stderr=log,
                start_new_session=True,
            )
        self.kubeconfig.unlink(missing_ok=True)
        eventually(lambda: self.process.poll() is not None or self.kubeconfig.exists())
        assert self.process.poll() is None, self.log.read_text()
        loaded = config.new_client_from_config(str(self.kubeconfig))
        self.url = loaded.configuration.host
        self.api = client.CoreV1Api(loaded)
        eventually(self.healthy)

    def healthy(self) -> bool:
        """Whether /healthz answers, without a token."""
        context = ssl.create_default_context(cafile=str(self.home / "ca.crt"))
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2, context=context) as answer:
                return bool(answer.read() == b"ok")
        except OSError:
            return False

    @property
    def kubeconfig(self) -> Path:
        return self.home / "kubeconfig"

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """A clean end."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kubectl_command(self, *arguments: str) -> list[str]:
        """kubectl with this cluster's kubeconfig."""
        return [str(shutil.which("kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """What kubectl prints."""
        done = subprocess.run(self.kubectl_command(*arguments), capture_output=True, text=True, timeout=PATIENCE)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def pod_processes(self) -> list[psutil.Process]:
        """Every process of any of this cluster's pods, runners too."""
        return [process for process in psutil.process_iter() if _mark(process) == str(self.home)]

    # --- pods ---------------------------------------------------------------------------------------------------

    def create(self, body: dict[str, Any]) -> Any:
        return self.api.create_namespaced_pod(body["metadata"].get("namespace", "default"), body)

    def get(self, body: dict[str, Any]) -> Any:
        return self.api.read_namespaced_pod(body["metadata"]["name"], body["metadata"].get("namespace", "default"))

    def phase(self, body: dict[str, Any]) -> str:
        return str(self.get(body).status.phase)

    def until(self, body: dict[str, Any], *phases: str) -> Any:
        """The pod once it has reached one of the phases."""
        eventually(lambda: self.phase(body) in phases)
        return self.get(body)

    def finish(self, body: dict[str, Any]) -> Any:
        """Create the pod, and return it once it has ended."""
        self.create(body)
        return self.until(body, "Succeeded", "Failed")

    def logs(self, body: dict[str, Any], **options: Any) -> str:
        metadata = body["metadata"]
        # preloaded, some versions of the client answer "b'...'"
        answer = self.api.read_namespaced_pod_log(
            metadata["name"], metadata.get("namespace", "default"), _preload_content=False, **options
        )
        return bytes(answer.data).decode()

    def events(self, body: dict[str, Any]) -> list[str]:
        """The reasons of the pod's events."""
        found = self.api.list_namespaced_event(
            body["metadata"].get("namespace", "default"),
            field_selector=f"involvedObject.name={body['metadata']['name']}",
        )
        return [event.reason for event in found.items]


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("AIRWORTHY_CLUSTER_HOME")
    except (psutil.Error, OSError):
        return None


def container(code: str = "pass", *, name: str = "base", sh: str = "", **fields: Any) -> dict[str, Any]:
    """A container that runs Python code, or a shell command."""
    command = ["sh", "-c", sh] if sh else ["python", "-c", code]
    return {"name": name, "image": "example/image:1", "command": command, **fields}


_serial = iter(range(10**6))


def pod(
    *containers: dict[str, Any], name: str = "", metadata: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A pod that is not restarted, with a name of its own."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name or f"pod-{next(_serial)}", **(metadata or {})},
        "spec": {"restartPolicy": "Never", "containers": list(containers), **spec},
    }
