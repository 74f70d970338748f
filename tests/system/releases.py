"""One candidate's release on the running stack, from its canary to its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from tests.system.deployment import PIPELINE, RUN_SECONDS, Deployment, Sending, quiet
from tests.system.processes import wait_until

from airworthy.airflow_api.actions import respond, waiting
from airworthy.airflow_api.client import AirflowApi, RequiredAction, TaskState
from airworthy_demo import journey
from airworthy_demo.tally import ReplayReport

DAG = f"{PIPELINE}.release"
WATCHING = frozenset({"running", "deferred"})
#: From an answer to the end of the run: promotion or rollback, and a killed task that is tried again.
ENDING_SECONDS = 240


class Release:
    """The release of one version, which a test starts and leaves ended.

    Attributes:
        version: the candidate.
        run_id: its run of the release DAG; also the release's name in the ledger.
        action: the question that waits for a person, once :meth:`until_asked` has returned.
        sent: the requests that went through the canary, likewise.
    """

    action: RequiredAction
    sent: ReplayReport

    def __init__(self, deployment: Deployment, version: int) -> None:
        self._deployment = deployment
        self.version = version
        self.run_id = f"{PIPELINE}-v{version}"

    def until_watched(self) -> None:
        """Wait until the candidate has its share of the traffic and is watched."""
        self._follow(lambda tasks: journey.state_of(tasks, "watch") in WATCHING)

    def until_asked(
        self, *, first_day: date, meanwhile: Callable[[Sending], None] = lambda _sending: None
    ) -> RequiredAction:
        """Send requests through the canary until people are asked.

        Args:
            first_day: the flights to ask about; a day of each test's own.
            meanwhile: what happens to the stack while they are under way.
        """
        self.until_watched()
        sending = self._deployment.send(first_day)
        meanwhile(sending)
        state = self._follow(journey.waits_for_a_person)
        assert state not in ("success", "failed"), self.tasks()
        self.sent = sending.finish()
        self.action = journey.wait_for_action(self._deployment.api, PIPELINE, self.version)
        return self.action

    def answer(self, answer: str, reason: str) -> None:
        """Answer as the person at the command line does: ``approve`` or ``reject``."""
        arguments = (answer, PIPELINE, "--version", str(self.version), "--yes", "--reason", reason)
        done = self._deployment.airworthy(*arguments)
        assert done.returncode == 0, done.stderr

    def finish(self) -> dict[str, str | None]:
        """Follow the run to its end; states by task."""
        self._follow(timeout_seconds=ENDING_SECONDS)
        return {task.task_id: task.state for task in self.tasks()}

    def end(self) -> None:
        """Leave nothing open behind, however far it came: a later release would supersede it."""
        deployment = self._deployment
        reached = self._follow(
            lambda tasks: journey.waits_for_a_person(tasks) or journey.state_of(tasks, "watch") in WATCHING
        )
        if reached not in ("success", "failed"):
            if journey.waits_for_a_person(self.tasks()):
                person = deployment.stack.credentials("approver")
                with AirflowApi(deployment.stack.airflow_url, person.user, person.password) as api:
                    respond(api, waiting(api, PIPELINE, self.version), "Reject", "the test is over")
            else:
                deployment.control.roll_back(self.version, reason="the test is over")
        # what its run still does follows the ledger, and changes nothing
        wait_until(lambda: deployment.control.closed(self.version), f"{self.run_id} is over", ENDING_SECONDS, every=0.5)

    def events(self) -> list[str]:
        """What the ledger says of it, in order."""
        return [entry.event for entry in self._deployment.ledger.entries(PIPELINE, self.run_id)]

    def tasks(self) -> list[TaskState]:
        return self._deployment.api.tasks(DAG, self.run_id)

    def state_of(self, task_id: str) -> str | None:
        return journey.state_of(self.tasks(), task_id)

    def _follow(self, until: Callable[..., bool] | None = None, *, timeout_seconds: float = RUN_SECONDS) -> str:
        return journey.follow(
            self._deployment.api, DAG, self.run_id, quiet, until=until, timeout_seconds=timeout_seconds
        )


class Releases:
    """Starts releases for a test, and ends those that it leaves open."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._started: list[Release] = []

    def start(self, model: int, *, canary_minutes: float = 0.6) -> Release:
        """Register the model of a trained version once more, as a newer version, and start its release."""
        version = self._register_again(model)
        release = self.of(version)
        self._deployment.start("release", release.run_id, version=version, canary_minutes=canary_minutes)
        return release

    def of(self, version: int) -> Release:
        """The release that a training has started."""
        self._started.append(Release(self._deployment, version))
        return self._started[-1]

    def end(self) -> None:
        """End what is open."""
        for release in self._started:
            release.end()

    def _register_again(self, version: int) -> int:
        registry = self._deployment.registry
        found = registry.versions.get(PIPELINE, version)
        again = registry.server.client.create_model_version(
            PIPELINE, f"models:/{found.model_id}", found.run_id, found.tags, model_id=found.model_id
        )
        return int(again.version)
