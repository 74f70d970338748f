"""One container's steps: start it, notice its end, decide whether it runs again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airworthy_cluster import environment, logs, quantities
from airworthy_cluster.events import Events
from airworthy_cluster.processes import Identity
from airworthy_cluster.runners import Attempt, Runners
from airworthy_cluster.status import ContainerRun, PodRuns
from airworthy_cluster.store import Obj, Store

#: How often a container that lacks a secret or a host path is tried again.
CONFIG_RETRY_SECONDS = 2.0
#: Restarts wait 0, 10, 20, 40, ... up to 300 seconds, as kubelet's do.
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 10.0, 300.0
#: As in Kubernetes.
LAST_WORDS_BYTES = 2048


class Containers:
    """Starts and watches single containers.

    Args:
        inherited: the environment of which pods see an allow-list; see ``environment.INHERITED``.
    """

    def __init__(self, store: Store, runners: Runners, events: Events, inherited: Mapping[str, str]) -> None:
        self._store, self._runners, self._events, self._inherited = store, runners, events, inherited

    def observe(self, pod: Obj, runs: PodRuns, run: ContainerRun, now: float) -> None:
        """Notice the end of a running container."""
        assert run.process is not None
        running = run.process.alive()
        # in this order: a runner writes its result, then ends
        result = self._runners.result(Attempt(pod["metadata"]["uid"], run.name, run.restarts))
        if result is None and running:
            return
        if result is None:
            # whoever killed the runner may have left its children; nobody will ever know their exit code
            self._runners.kill_container(pod["metadata"]["uid"], run.name)
            message = "the process above the container was killed; its exit code is not known"
            result = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": message}
            result |= {"startedAt": run.started, "finishedAt": now}
        run.state, run.reason, run.message = "terminated", result["reason"], result["message"]
        run.exit_code, run.started, run.finished = result["exitCode"], result["startedAt"], result["finishedAt"]
        if run.exit_code and not run.message:
            run.message = self._last_words(pod, runs, run)
        if run.reason == "OOMKilled":
            self._events.record(pod, "Warning", "OOMKilling", f"container {run.name} {run.message}")
        elif run.exit_code and not runs.stop:
            message = f"container {run.name}: exit code {run.exit_code} {run.message}".strip()
            self._events.record(pod, "Warning", "Failed", message)
        if not runs.stop and _runs_again(pod["spec"].get("restartPolicy", "Always"), run):
            self._back_off(pod, run, now)

    def _last_words(self, pod: Obj, runs: PodRuns, run: ContainerRun) -> str:
        """The end of the log of a failed container, if it asks for that as its termination message."""
        if _container(pod, runs, run)[0].get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return ""
        return logs.tail(self._runners.log(Attempt(pod["metadata"]["uid"], run.name, run.restarts)), LAST_WORDS_BYTES)

    def _back_off(self, pod: Obj, run: ContainerRun, now: float) -> None:
        run.last = run.as_state()
        wait = 0.0 if run.restarts == 0 else min(BACKOFF_SECONDS * 2 ** (run.restarts - 1), MAX_BACKOFF_SECONDS)
        run.state, run.reason, run.retry_at = "waiting", "CrashLoopBackOff", now + wait
        run.message = f"back-off {wait:.0f}s restarting failed container={run.name}"
        run.restarts += 1
        if wait:
            self._events.record(pod, "Warning", "BackOff", run.message)

    def start(self, pod: Obj, runs: PodRuns, run: ContainerRun, now: float, record: Callable[[], None]) -> None:
        """Start a container, or say why it has to wait.

        Args:
            record: writes ``runs`` to disk.
        """
        metadata, uid = pod["metadata"], pod["metadata"]["uid"]
        container, gpus = _container(pod, runs, run)
        try:
            process = environment.prepare(
                pod,
                container,
                folder=self._runners.folder(uid),
                gpus=gpus,
                lookup=lambda plural, name: self._store.find(plural, metadata["namespace"], name),
                inherited=self._inherited,
            )
        except (environment.ConfigError, OSError) as error:
            self._not_yet(pod, run, "CreateContainerConfigError", str(error), now)
            return

        def started(identity: Identity) -> None:
            run.state, run.reason, run.message, run.started, run.process = "running", "", "", now, identity
            record()

        try:
            self._runners.launch(Attempt(uid, run.name, run.restarts), process, started)
        except (OSError, ValueError) as error:
            self._not_yet(pod, run, "CreateContainerError", str(error), now)
            return
        message = f"Started container {run.name} as a local process; image {container['image']} is not run"
        self._events.record(pod, "Normal", "Started", message)

    def _not_yet(self, pod: Obj, run: ContainerRun, reason: str, message: str, now: float) -> None:
        if message != run.message:
            self._events.record(pod, "Warning", "Failed", f"container {run.name}: {message}")
        run.state, run.reason, run.message, run.retry_at = "waiting", reason, message, now + CONFIG_RETRY_SECONDS


def _runs_again(policy: str, run: ContainerRun) -> bool:
    if policy == "Always":
        return bool(run.exit_code) or not run.init
    return policy == "OnFailure" and bool(run.exit_code)


def _container(pod: Obj, runs: PodRuns, run: ContainerRun) -> tuple[dict[str, Any], list[int]]:
    """The container's spec and its share of the pod's devices."""
    first = 0
    for container in pod["spec"]["initContainers" if run.init else "containers"]:
        if container["name"] == run.name:
            return container, runs.gpus[first : first + quantities.gpus(container)]
        first += 0 if run.init else quantities.gpus(container)
    raise KeyError(run.name)
