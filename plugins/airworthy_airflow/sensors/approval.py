"""The approval gate: one task that waits, holding no worker slot, for a person allowed to let this version serve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    TaskAwaitingInput,
)
from airflow.sdk.execution_time.hitl import upsert_hitl_detail

from airworthy.release.evidence import markdown
from airworthy_airflow.tasks import release
from airworthy_airflow.triggers.answer import LostAnswerTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airworthy.release.controller import ReleaseController
    from airworthy.release.evidence.document import Evidence
    from airworthy.spec.pipeline import PipelineSpec

#: A waiting request wakes this often to see whether the canary guard or a newer candidate has closed it.
RECHECK = timedelta(minutes=5)

#: Ends of a release that are somebody's decision, not a failure; a task killed after writing one finds it here.
_DECIDED = frozenset({"superseded", "rejected", "timed_out"})


class ApprovalSensor(ApprovalOperator):
    """Waits in Airflow's ``awaiting_input`` state, with its evidence in the Required Actions page.

    The answer counts only when it is given to *this* evidence, by somebody the spec allows; any other answer is
    recorded as refused and the request is opened again. No answer in time is a no. The record goes to the ledger;
    promotion reads it there, so marking this task as successful by hand promotes nothing.

    Whenever it is awake it finds one of these, the first that fits, and does what stands beside it:

    ==================  ===================================================  ==========================================
    awake in            found                                                then
    ==================  ===================================================  ==========================================
    any                 people closed the release: superseded, rejected,     skip what follows
                        timed out
    any                 it was closed otherwise, unless promoted             fail for good
    `execute`           the ledger holds this task's approval of this        success: the try that wrote it was lost
                        evidence
    `execute`           the first try                                        ask, and wait
    `execute`           a later try                                          look for an answer to it: `resume`
    `resume`            an answer                                            judge it, as below
    `resume`            none                                                 ask, and wait
    `execute_complete`  nobody answered, and there is time left              wait on
    `execute_complete`  nobody answered in time                              write the timeout down, skip what follows
    `execute_complete`  an answer that does not count                        ask again, and wait
    `execute_complete`  an answer that counts                                success; after a no, skip what follows
    ==================  ===================================================  ==========================================

    :param spec: the pipeline; gives approvers, timeout and rules.
    :param version: the candidate's version in the registry, templated.
    """

    template_fields = ("version",)

    def __init__(self, *, spec: PipelineSpec, version: str, **kwargs: Any) -> None:
        self.pipeline = spec.name
        self.version = version
        self.deadline_after = timedelta(hours=spec.release.approval_timeout_hours)
        kwargs.pop("params", None)  # the Dag's own; this task's form has fields of its own
        super().__init__(
            subject=f"Release {spec.name}",
            body="The evidence is written when the task runs.",
            params=_form(""),
            assigned_users=[{"id": name, "name": name} for name in spec.release.approvers],
            response_timeout=min(RECHECK, self.deadline_after),
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """A try begins: ask, unless an earlier one has its answer."""
        control = self._open_release()
        evidence = control.evidence(int(self.version))
        if approver := self._recorded_approver(control, evidence.digest):
            self.log.info("approved by %s already, in a try that was interrupted afterwards", approver)
            return {"chosen_options": [self.APPROVE], "responded_by_user": {"id": approver, "name": approver}}
        if context["ti"].try_number == 1:
            return self._ask(context, control, evidence)
        self.defer(trigger=LostAnswerTrigger(ti_id=str(context["ti"].id)), method_name="resume")

    def resume(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on after a try that was lost: judge the answer that it had been given, or ask."""
        control = self._open_release()
        if event.get("responded_by_user"):
            self.log.info("%s answered a try that was lost", event["responded_by_user"]["name"])
            return self._judge(context, control, event)
        return self._ask(context, control, control.evidence(int(self.version)))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Somebody answered, or it is time to look up."""
        control = self._open_release()
        if "error" in event or not event.get("responded_by_user"):
            return self._wait_on(control)
        return self._judge(context, control, event)

    def _open_release(self) -> ReleaseController:
        """The controller, while the release is open or promoted; else the task ends here."""
        control = release.controller(self.pipeline)
        closed = control.closed(int(self.version))
        if closed is None or closed.event == "promoted":
            return control
        if closed.event in _DECIDED:
            raise AirflowSkipException(f"{closed.event} by {closed.actor}: {closed.reason}")
        raise AirflowFailException(f"the request is void ({closed.event}): {closed.reason}")

    def _recorded_approver(self, control: ReleaseController, digest: str) -> str | None:
        """Who approved in an earlier try of this task that was lost after the ledger was written, if any."""
        release_id = control.release_id(int(self.version))
        return next(
            (
                entry.actor
                for entry in control.ledger.entries(self.pipeline, release_id)
                if entry.event == "approved"
                and entry.details.get("digest") == digest
                and entry.details.get("task_id") == self.task_id
            ),
            None,
        )

    def _ask(self, context: Context, control: ReleaseController, evidence: Evidence) -> Any:
        """Write the request to the ledger, show it in Required Actions, and wait."""
        control.request_approval(
            int(self.version), evidence, dag_run=context["run_id"], task_instance=str(context["ti"].id)
        )
        self.subject = f"Release {self.pipeline} v{self.version}?"
        self.body = markdown.page(evidence)
        self.params = ParamsDict(_form(evidence.digest))
        return super().execute(context)

    def _wait_on(self, control: ReleaseController) -> NoReturn:
        """Sleep until the next look, unless the time for an answer is over."""
        version = int(self.version)
        left = control.requested_at(version) + self.deadline_after - datetime.now(UTC)
        if left > timedelta(0):
            raise TaskAwaitingInput(method_name="execute_complete", timeout=min(RECHECK, left))
        control.record_timeout(version)
        hours = self.deadline_after.total_seconds() / 3600
        raise AirflowSkipException(f"nobody answered within {hours:g} h, and that is a no")

    def _judge(self, context: Context, control: ReleaseController, event: dict[str, Any]) -> Any:
        """Write the answer down; one that does not count opens the request again."""
        from airworthy.release.approvals import Response

        user, option = str(event["responded_by_user"]["name"]), event["chosen_options"][0]
        form: Mapping[str, Any] = event.get("params_input") or {}
        response = Response(
            user=user,
            answer="approve" if option == self.APPROVE else "reject",
            digest=str(form.get("evidence", "")),
            reason=str(form.get("reason", "")),
            task_id=self.task_id,
        )
        decision = control.record_response(int(self.version), response)
        if not decision.allowed:
            self.log.warning("the answer of %s does not count: %s; asking again", user, decision.reason)
            self._ask_again(context)
        self.log.info("%s by %s", option, user)
        return super().execute_complete(context, event)

    def _ask_again(self, context: Context) -> NoReturn:
        upsert_hitl_detail(
            ti_id=context["task_instance"].id,
            options=self.options,
            subject=self.subject,
            body=self.body,
            params=self.serialized_params,
            assigned_users=self.assigned_users,
        )
        raise TaskAwaitingInput(method_name="execute_complete", timeout=self.response_timeout)


def _form(digest: str) -> dict[str, Param]:
    """What the person fills in; the digest ties the answer to the evidence shown."""
    fixed: dict[str, Any] = {"enum": [digest]} if digest else {}
    return {
        "reason": Param("", type="string", title="Reason", description="kept in the ledger"),
        "evidence": Param(
            digest,
            type="string",
            title="Evidence",
            description="digest of the evidence shown above; leave as it is",
            **fixed,
        ),
    }
