"""The life of pods: places them, starts their containers, notices their ends, stops them.

One level-triggered loop: ``tick`` looks at every pod and takes whatever step is due. All it knows is on disk before it
acts, so a cluster that was killed goes on where it was: containers that still run are watched again, those that ended
meanwhile have left their exit code, and what cannot be known is reported as such.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from airworthy_cluster import node as nodes
from airworthy_cluster import quantities, status
from airworthy_cluster.containers import Containers
from airworthy_cluster.events import Events
from airworthy_cluster.private_files import write_private
from airworthy_cluster.processes import Identity
from airworthy_cluster.runners import Attempt, Runners
from airworthy_cluster.status import ContainerRun, PodRuns, Stop
from airworthy_cluster.store import Obj, Store, timestamp

log = logging.getLogger("airworthy.cluster")

#: Between two looks at running containers; an exit is noticed this late at most.
TICK_SECONDS = 0.05
#: A killed container whose runner has not reported after this long is ended without it.
RUNNER_PATIENCE_SECONDS = 5.0
DEFAULT_GRACE_SECONDS = 30


class Kubelet:
    """Runs the pods in a store.

    Args:
        inherited: the environment of which pods see an allow-list; see ``environment.INHERITED``.
    """

    def __init__(
        self, store: Store, runners: Runners, events: Events, capacity: nodes.Capacity, inherited: Mapping[str, str]
    ) -> None:
        self._store, self._runners, self._events = store, runners, events
        self._containers = Containers(store, runners, events, inherited)
        self._capacity, self._labels = capacity, nodes.labels(capacity)
        self._runs: dict[str, PodRuns] = {}
        self._written: dict[str, str] = {}
        self._arrivals: dict[str, int] = {}
        self._wake = asyncio.Event()
        self.stopping = False

    # --- what the API asks for -------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something was created or changed: look now."""
        self._wake.set()

    def delete(self, pod: Obj, grace: int | None) -> Obj:
        """End a pod and forget it: at once if nothing of it runs, else SIGTERM, and SIGKILL after ``grace`` seconds."""
        runs = self._runs.get(pod["metadata"]["uid"])
        if runs is None or not any(run.state == "running" for run in runs.containers):
            self._forget(pod)
            return pod
        if grace is None:
            grace = pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
        kill_at = time.time() + grace
        if runs.stop is None or (runs.stop.reason == "Deleted" and kill_at >= runs.stop.kill_at):
            runs.stop = runs.stop or Stop("Deleted", "the pod was deleted", kill_at)
        else:  # sooner than before, or deleted while its deadline stops it
            runs.stop = replace(runs.stop, reason="Deleted", kill_at=min(kill_at, runs.stop.kill_at))
        pod = copy.deepcopy(pod)
        pod["metadata"] |= {"deletionTimestamp": timestamp(runs.stop.kill_at), "deletionGracePeriodSeconds": grace}
        self._record(pod, runs)
        self.wake()
        return self._store.save("pods", pod)

    def run_of(self, pod: Obj, container: str) -> ContainerRun | None:
        """What is known of one container."""
        runs = self._runs.get(pod["metadata"]["uid"])
        return next((run for run in runs.containers if run.name == container), None) if runs else None

    # --- start and end of the cluster ------------------------------------------------------------------------------

    def recover(self) -> None:
        """Take up the pods that an earlier cluster left, and report them."""
        known = {pod["metadata"]["uid"]: pod for pod in self._store.list("pods")}
        for folder in (self._runners.home / "pods").glob("*"):
            if folder.name not in known:
                self._runners.forget(folder.name)
        for uid, pod in known.items():
            try:
                self._runs[uid] = PodRuns.from_json(json.loads((self._runners.folder(uid) / "runs.json").read_text()))
            except FileNotFoundError:
                continue
            for run in self._runs[uid].containers:
                if run.state == "running" and run.process is not None:
                    self._report_recovered(pod, run, run.process)
            self._publish(pod, self._runs[uid], time.time())

    def _report_recovered(self, pod: Obj, run: ContainerRun, process: Identity) -> None:
        result = self._runners.result(Attempt(pod["metadata"]["uid"], run.name, run.restarts))
        if result is not None:
            reason, what = "Recovered", f"ended while the cluster was away: exit code {result['exitCode']}"
        elif process.alive():
            reason, what = "Adopted", f"(pid {process.pid}) still ran when the cluster came back; it is watched again"
        else:
            reason, what = "Lost", f"(pid {process.pid}) was gone when the cluster came back; its exit code is unknown"
        log.warning("pod %s/%s: container %s %s", pod["metadata"]["namespace"], pod["metadata"]["name"], run.name, what)
        self._events.record(pod, "Warning" if reason == "Lost" else "Normal", reason, f"container {run.name} {what}")

    async def run(self) -> None:
        """Tick as long as the cluster lives; idle while there is nothing to do."""
        while True:
            self._wake.clear()
            try:
                busy = self.tick(time.time(), place=not self.stopping)
            except Exception:
                # a full disk, say: the pods run on, and the next look may go better
                log.exception("could not look after the pods; trying again in a second")
                await asyncio.sleep(1)
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), TICK_SECONDS if busy else 3600)
            except TimeoutError:
                continue

    async def shut_down(self, patience: float) -> None:
        """End every pod's processes; those that take longer than ``patience`` seconds are killed."""
        self.stopping = True
        kill_at = time.time() + patience
        for pod in self._store.list("pods"):
            runs = self._runs.get(pod["metadata"]["uid"])
            if runs and any(run.state == "running" for run in runs.containers):
                runs.stop = runs.stop or Stop("Terminated", "the local cluster was shut down", kill_at)
                runs.stop.kill_at = min(runs.stop.kill_at, kill_at)
        while any(run.state == "running" for runs in self._runs.values() for run in runs.containers):
            self.tick(time.time(), place=False)
            await asyncio.sleep(TICK_SECONDS)

    # --- the loop --------------------------------------------------------------------------------------------------

    def tick(self, now: float, *, place: bool = True) -> bool:
        """Take every step that is due.

        Returns:
            Whether there is a pod that may need another step without anybody asking.
        """
        self._runners.reap()
        free = nodes.all_free(self._capacity, self._labels)
        waiting, busy = [], False
        for pod in self._store.list("pods"):
            runs = self._runs.get(pod["metadata"]["uid"])
            if runs is None:
                waiting.append(pod)
            elif status.phase(runs) in ("Pending", "Running") or (runs.stop and runs.stop.reason == "Deleted"):
                placed = self._advance(pod, runs, now)
                busy |= placed
                if placed:
                    free.take(pod["spec"], runs.gpus)
        for pod in self._in_order(waiting) if place else ():
            busy |= self._place(pod, free, now)
        return busy

    def _in_order(self, waiting: list[Obj]) -> list[Obj]:
        """First come, first served; a pod that does not fit does not hold up one that does, as in Kubernetes."""
        new = [pod for pod in waiting if pod["metadata"]["uid"] not in self._arrivals]
        # the version tells apart the pods of one second, but it moves with every change: remember what it said first
        for pod in sorted(new, key=lambda pod: int(pod["metadata"]["resourceVersion"])):
            self._arrivals[pod["metadata"]["uid"]] = len(self._arrivals)
        self._arrivals = {
            pod["metadata"]["uid"]: number
            for number, pod in enumerate(sorted(waiting, key=lambda pod: self._arrivals[pod["metadata"]["uid"]]))
        }
        return sorted(waiting, key=lambda pod: self._arrivals[pod["metadata"]["uid"]])

    def _place(self, pod: Obj, free: nodes.FreeResources, now: float) -> bool:
        if why := free.shortfall(pod["spec"]):
            before = pod.get("status") or {}
            pod_status = status.unplaced(before, why, now)
            if pod_status != before:
                self._store.save("pods", {**pod, "status": pod_status})
                self._events.record(pod, "Warning", "FailedScheduling", why)
            return False
        wanted = sum(quantities.gpus(container) for container in pod["spec"]["containers"])
        wanted = max([wanted, *(quantities.gpus(container) for container in pod["spec"].get("initContainers") or ())])
        containers = [
            *(ContainerRun(container["name"], init=True) for container in pod["spec"].get("initContainers") or ()),
            *(ContainerRun(container["name"], init=False) for container in pod["spec"]["containers"]),
        ]
        if containers[0].init:
            for run in containers:
                run.reason = "PodInitializing"
        runs = PodRuns(containers, placed=now, gpus=free.gpus[:wanted])
        free.take(pod["spec"], runs.gpus)
        pod = {**pod, "spec": {**pod["spec"], "nodeName": nodes.NAME}}
        self._runs[pod["metadata"]["uid"]] = runs
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._events.record(pod, "Normal", "Scheduled", f"Successfully assigned {namespace}/{name} to {nodes.NAME}")
        self._advance(pod, runs, now)
        return True

    def _advance(self, pod: Obj, runs: PodRuns, now: float) -> bool:
        """One pod's next steps; whether it still needs its place on the node."""
        for run in runs.containers:
            if run.state == "running":
                self._containers.observe(pod, runs, run, now)
        deadline = pod["spec"].get("activeDeadlineSeconds")
        unfinished = status.phase(runs) in ("Pending", "Running")
        if deadline is not None and now >= runs.placed + deadline and runs.stop is None and unfinished:
            message = f"Pod was active on the node longer than the specified deadline ({deadline} s)"
            grace = pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
            runs.stop = Stop("DeadlineExceeded", message, now + grace)
            self._events.record(pod, "Warning", "DeadlineExceeded", message)
        if runs.stop:
            self._stop(pod, runs, runs.stop, now)
        elif unfinished:
            self._start_due(pod, runs, now)
        running = any(run.state == "running" for run in runs.containers)
        if not running and runs.stop and runs.stop.reason == "Deleted":
            self._forget(pod)
            return False
        self._record(pod, runs)
        self._publish(pod, runs, now)
        return running or status.phase(runs) in ("Pending", "Running")

    def _start_due(self, pod: Obj, runs: PodRuns, now: float) -> None:
        inits = [run for run in runs.containers if run.init and not (run.state == "terminated" and run.exit_code == 0)]
        for run in inits[:1] or [run for run in runs.containers if not run.init]:
            if run.state == "waiting" and now >= run.retry_at:
                self._containers.start(pod, runs, run, now, lambda: self._record(pod, runs))

    def _stop(self, pod: Obj, runs: PodRuns, stop: Stop, now: float) -> None:
        uid = pod["metadata"]["uid"]
        for run in runs.containers:
            if run.state != "running" or run.process is None:
                continue
            if not stop.told:
                self._events.record(pod, "Normal", "Killing", f"Stopping container {run.name}: {stop.message}")
                if now < stop.kill_at:
                    self._runners.terminate(run.process)
            if now >= stop.kill_at:
                self._runners.kill(run.process)
            if now >= stop.kill_at + RUNNER_PATIENCE_SECONDS:
                self._runners.kill_container(uid, run.name)
        stop.told = True

    def _forget(self, pod: Obj) -> None:
        """Remove the pod and all that it had here."""
        uid = pod["metadata"]["uid"]
        if runs := self._runs.get(uid):
            self._publish(pod, runs, time.time())
        self._store.remove("pods", pod)
        self._runs.pop(uid, None)
        self._written.pop(uid, None)
        self._runners.forget(uid)
        self.wake()

    def _record(self, pod: Obj, runs: PodRuns) -> None:
        uid, text = pod["metadata"]["uid"], json.dumps(runs.as_json())
        if self._written.get(uid) != text:
            write_private(self._runners.folder(uid) / "runs.json", text)
            self._written[uid] = text

    def _publish(self, pod: Obj, runs: PodRuns, now: float) -> None:
        # the stored pod may have newer labels than the one this tick began with; status and place are ours
        current = self._store.get("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        new = status.placed(current.get("status") or {}, current["spec"], runs, now)
        spec = {**current["spec"], "nodeName": nodes.NAME}
        self._store.save("pods", {**current, "spec": spec, "status": new})
