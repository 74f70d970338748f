"""What happened to a pod, as the ``status`` that Kubernetes clients read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from airworthy_cluster.processes import Identity
from airworthy_cluster.store import Obj, timestamp

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]


@dataclass
class ContainerRun:
    """One container: its current run, and how the one before ended. Times are seconds since the epoch."""

    name: str
    init: bool
    restarts: int = 0
    state: Literal["waiting", "running", "terminated"] = "waiting"
    reason: str = "ContainerCreating"
    message: str = ""
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    process: Identity | None = None
    retry_at: float = 0.0
    last: dict[str, Any] | None = None

    def as_state(self) -> dict[str, Any]:
        """The container's ``state``."""
        why = {"reason": self.reason, **({"message": self.message} if self.message else {})}
        if self.state == "waiting":
            return {"waiting": why}
        if self.state == "running":
            return {"running": {"startedAt": timestamp(self.started)}}
        times = {"startedAt": timestamp(self.started), "finishedAt": timestamp(self.finished)}
        return {"terminated": {"exitCode": self.exit_code, **why, **times}}


@dataclass
class Stop:
    """Why a pod has to end, and when patience ends with it."""

    reason: Literal["Deleted", "DeadlineExceeded", "Terminated"]
    message: str
    kill_at: float
    told: bool = False


@dataclass
class PodRuns:
    """All that the cluster knows of a placed pod and that the API object does not say; kept on disk beside it."""

    containers: list[ContainerRun]
    placed: float
    gpus: list[int] = field(default_factory=list)
    stop: Stop | None = None

    def as_json(self) -> dict[str, Any]:
        """For the disk."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PodRuns:
        """From the disk."""
        containers = [
            ContainerRun(**{**run, "process": run["process"] and Identity(**run["process"])})
            for run in data["containers"]
        ]
        return cls(containers, data["placed"], data["gpus"], data["stop"] and Stop(**data["stop"]))


def phase(runs: PodRuns) -> Phase:
    """Kubernetes' summary of a placed pod. A run that will be tried again is ``waiting``, so it never ends the pod."""
    if runs.stop and runs.stop.reason != "Deleted" and not any(run.state == "running" for run in runs.containers):
        return "Failed"
    if any(run.init and run.state == "terminated" and run.exit_code for run in runs.containers):
        return "Failed"
    main = [run for run in runs.containers if not run.init]
    if all(run.state == "terminated" for run in main):
        return "Failed" if any(run.exit_code for run in main) else "Succeeded"
    return "Running" if any(run.started for run in main) else "Pending"


def unplaced(old: dict[str, Any], why: str, now: float) -> dict[str, Any]:
    """The status of a pod that waits for room."""
    return {
        "phase": "Pending",
        "conditions": _conditions(old, now, PodScheduled=(False, "Unschedulable", why)),
    }


def placed(old: dict[str, Any], spec: dict[str, Any], runs: PodRuns, now: float) -> dict[str, Any]:
    """The status of a pod that has a place on the node."""
    current = phase(runs)
    main = [run for run in runs.containers if not run.init]
    init_done = all(run.state == "terminated" and not run.exit_code for run in runs.containers if run.init)
    ready = all(run.state == "running" for run in main) and not runs.stop
    why = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(current, "ContainersNotReady")
    stopped = {} if runs.stop is None or runs.stop.reason == "Deleted" else {
        "reason": runs.stop.reason, "message": runs.stop.message
    }  # fmt: skip
    containers = {container["name"]: container for container in _containers(spec)}
    statuses = [(run.init, _container_status(run, containers[run.name])) for run in runs.containers]
    status = {
        "phase": current,
        **(stopped if current == "Failed" else {}),
        "conditions": _conditions(
            old,
            now,
            PodScheduled=(True, "", ""),
            Initialized=(init_done, "" if init_done else "ContainersNotInitialized", ""),
            ContainersReady=(ready, "" if ready else why, ""),
            Ready=(ready, "" if ready else why, ""),
        ),
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": timestamp(runs.placed),
        "containerStatuses": [status for init, status in statuses if not init],
    }
    if any(init for init, _ in statuses):
        status["initContainerStatuses"] = [status for init, status in statuses if init]
    return status


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(spec.get("initContainers") or ()), *spec["containers"]]


def _container_status(run: ContainerRun, container: dict[str, Any]) -> dict[str, Any]:
    done = run.init and run.state == "terminated" and not run.exit_code
    return {
        "name": run.name,
        "image": container["image"],
        "imageID": "",
        "containerID": f"process://{run.process.pid}" if run.process else "",
        "ready": run.state == "running" or done,
        "started": run.state == "running",
        "restartCount": run.restarts,
        "state": run.as_state(),
        "lastState": run.last or {},
    }


def _conditions(old: dict[str, Any], now: float, **found: tuple[bool, str, str]) -> list[dict[str, Any]]:
    before = {condition["type"]: condition for condition in old.get("conditions") or ()}
    conditions = []
    for kind, (value, reason, message) in found.items():
        condition = {"type": kind, "status": str(value), "lastProbeTime": None}
        condition |= {key: text for key, text in (("reason", reason), ("message", message)) if text}
        same = kind in before and before[kind]["status"] == condition["status"]
        condition["lastTransitionTime"] = before[kind]["lastTransitionTime"] if same else timestamp(now)
        conditions.append(condition)
    return conditions


def summary(pod: Obj) -> str:
    """The one word that ``kubectl get pods`` shows."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    inits = status.get("initContainerStatuses") or []
    for number, container in enumerate(inits):
        state = container["state"]
        if "terminated" in state and not state["terminated"]["exitCode"]:
            continue
        why = next(iter(state.values())).get("reason", "")
        blank = "running" in state or why in ("PodInitializing", "ContainerCreating")
        return f"Init:{number}/{len(inits)}" if blank else f"Init:{why}"
    word = status.get("reason") or status.get("phase") or "Unknown"
    for container in status.get("containerStatuses") or ():
        for kind in ("waiting", "terminated"):
            if kind in container["state"] and not status.get("reason"):
                word = container["state"][kind]["reason"]
    if any("running" in container["state"] for container in status.get("containerStatuses") or ()):
        word = "Running"
    return word
