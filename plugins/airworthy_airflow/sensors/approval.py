"""The approval gate: one task that waits, holding no worker slot, for a person allowed to let this version serve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

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
        """Ask: write the evidence to the ledger and to the Required Actions page, then wait."""
        control = release.controller(self.pipeline)
        self._stop_if_closed(control)
        evidence = control.evidence(int(self.version))
        if given := self._recorded_answer(control, evidence.digest):
            self.log.info("approved by %s already, in a try that was interrupted afterwards", given)
            return {"chosen_options": [self.APPROVE], "responded_by_user": {"id": given, "name": given}}
        if context["ti"].try_number > 1:
            self.defer(trigger=LostAnswerTrigger(ti_id=str(context["ti"].id)), method_name="resume")
        return self._ask(context, control, evidence)

    def resume(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on after a try that was lost: judge the answer that it had been given, or ask."""
        if event.get("responded_by_user"):
            self.log.info("%s answered a try that was lost", event["responded_by_user"]["name"])
            return self.execute_complete(context, event)
        control = release.controller(self.pipeline)
        self._stop_if_closed(control)
        return self._ask(context, control, control.evidence(int(self.version)))

    def _ask(self, context: Context, control: ReleaseController, evidence: Evidence) -> Any:
        control.request_approval(
            int(self.version), evidence, dag_run=context["run_id"], task_instance=str(context["ti"].id)
        )
        self.subject = f"Release {self.pipeline} v{self.version}?"
        self.body = markdown.page(evidence)
        self.params = ParamsDict(_form(evidence.digest))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Judge the answer, or the lack of one."""
        control = release.controller(self.pipeline)
        version = int(self.version)
        self._stop_if_closed(control)
        user = event.get("responded_by_user")
        if "error" in event or not user:
            return self._nobody_answered(context, control, version)
        answer = event["chosen_options"][0]
        form: Mapping[str, Any] = event.get("params_input") or {}
        decision = control.record_decision(
            version,
            digest=str(form.get("evidence", "")),
            user=str(user["name"]),
            decision="approve" if answer == self.APPROVE else "reject",
            reason=str(form.get("reason", "")),
            task_id=self.task_id,
        )
        if not decision.allowed:
            self.log.warning("answer by %s does not count: %s; asking again", user["name"], decision.reason)
            return self._ask_again(context)
        self.log.info("%s by %s", answer, user["name"])
        return super().execute_complete(context, event)

    def _stop_if_closed(self, control: ReleaseController) -> None:
        closed = control.closed(int(self.version))
        if closed is None or closed.event == "promoted":
            return
        if closed.event in _DECIDED:
            raise AirflowSkipException(f"{closed.event} by {closed.actor}: {closed.reason}")
        raise AirflowFailException(f"the request is void ({closed.event}): {closed.reason}")

    def _recorded_answer(self, control: ReleaseController, digest: str) -> str | None:
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

    def _nobody_answered(self, context: Context, control: ReleaseController, version: int) -> Any:
        left = control.requested_at(version) + self.deadline_after - datetime.now(UTC)
        if left <= timedelta(0):
            control.record_timeout(version)
            hours = self.deadline_after.total_seconds() / 3600
            raise AirflowSkipException(f"nobody answered within {hours:g} h, and that is a no")
        raise TaskAwaitingInput(method_name="execute_complete", timeout=min(RECHECK, left))

    def _ask_again(self, context: Context) -> Any:
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
