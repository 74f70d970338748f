"""`<pipeline>.release`: one candidate's way to production, or back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param, TriggerRule, chain, dag, task

from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy_airflow import assets
from airworthy_airflow.dag_defaults import default_args, tags
from airworthy_airflow.retries import SERVICE_CALL, VERDICT
from airworthy_airflow.sensors.approval import ApprovalSensor
from airworthy_airflow.sensors.canary import CanaryGuardSensor, CanaryWatchSensor

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

DOC = """
### {name}: release

One run is one version. **check** checks the model's contract, **canary** gives it {percent:g} % of the live traffic,
**watch** judges it (p95 at most {p95:g} ms, errors at most {errors:.1%}, at least {samples} answers), **approve** waits
for {approvals} of {approvers} in *Required Actions* (or `airworthy approve {name}`), **promote** makes it the champion.

**guard** keeps watching while people decide: a breach rolls back at once and voids the request. Whatever goes wrong,
**roll_back** ends the canary and leaves the champion as it was. Everything is in the ledger: `airworthy ledger`.
"""

PARAMS = {
    "version": Param(
        type=["integer", "string"],
        pattern=r"^[1-9]\d*$",
        minimum=1,
        title="Version",
        description="the candidate's version in the registry",
    ),
    "canary_minutes": Param(
        None, type=["null", "number", "string"], title="Canary window (minutes)", description="empty: the spec's"
    ),
}


def build(spec: PipelineSpec) -> DAG:
    """The release DAG of one pipeline."""
    policy = spec.release
    version = "{{ params.version }}"

    @dag(
        dag_id=f"{spec.name}.release",
        schedule=None,
        catchup=False,
        max_active_runs=8,  # an older candidate may still be waiting for its answer
        doc_md=DOC.format(
            name=spec.name,
            percent=policy.canary_percent,
            p95=policy.max_p95_ms,
            errors=policy.max_error_rate,
            samples=policy.min_samples,
            approvals=policy.approvals_required,
            approvers=", ".join(policy.approvers),
        ),
        tags=tags(spec, "release"),
        params=PARAMS,
        default_args=default_args(spec),
    )
    def release() -> None:
        @task(doc_md="Supersedes an older candidate that waits, then checks this one's model.", **SERVICE_CALL)
        def check(params: dict[str, Any] | None = None) -> dict[str, Any]:
            from airworthy_airflow.tasks.release import check

            return check(spec.name, int((params or {})["version"]))

        @task(doc_md="Ledger first, then the alias: the candidate gets its share of the traffic.", **SERVICE_CALL)
        def canary(params: dict[str, Any] | None = None) -> float:
            from airworthy_airflow.tasks.release import start_canary

            return start_canary(spec.name, int((params or {})["version"]))

        watch = CanaryWatchSensor(
            task_id="watch",
            spec=spec,
            version=version,
            window_minutes=f"{{{{ params.canary_minutes or {policy.window_minutes} }}}}",
            doc_md="Waits in the triggerer until the figures allow a verdict.",
            **VERDICT,
        )
        approvals = [
            ApprovalSensor(
                task_id="approve" if number == 0 else "approve_second",
                spec=spec,
                version=version,
                doc_md="Waits for a person, holding no slot. Answer in Required Actions or with `airworthy approve`.",
                **VERDICT,
            )
            for number in range(policy.approvals_required)
        ]
        guard = CanaryGuardSensor(
            task_id="guard",
            spec=spec,
            version=version,
            doc_md="Watches the canary until the release is decided; a breach rolls back and voids the request.",
            **VERDICT,
        )

        @task(
            outlets=[assets.champion(spec.name)],
            doc_md="Checks the approval record again, then makes the candidate the champion.",
            **SERVICE_CALL,
        )
        def promote(params: dict[str, Any] | None = None) -> str:
            from airworthy_airflow.tasks.release import promote

            return promote(spec.name, int((params or {})["version"]))

        @task(
            trigger_rule=TriggerRule.ALL_DONE,
            doc_md="Unless it was promoted: ends the canary and leaves the champion as it was.",
            **SERVICE_CALL,
        )
        def roll_back(params: dict[str, Any] | None = None) -> str:
            from airworthy_airflow.tasks.release import roll_back

            return roll_back(spec.name, int((params or {})["version"]))

        @task(
            trigger_rule=TriggerRule.NONE_FAILED,
            doc_md="The outcome in one line. Red when the release broke; a human's no is not a failure.",
            **SERVICE_CALL,
        )
        def report(params: dict[str, Any] | None = None) -> str:
            from airworthy_airflow.tasks.release import report

            return report(spec.name, int((params or {})["version"]))

        promoted, rolled_back, reported = promote(), roll_back(), report()
        chain(check(), canary(), watch, *approvals, promoted, rolled_back, reported)
        # beside the people, not between their yes and the promotion: what it finds is in the ledger, and promote asks
        chain(watch, guard, reported)
        promoted >> reported

    return release()


for _spec in folders.discover(from_environment().pipelines)[0]:
    globals()[f"{_spec.name}_release"] = build(_spec)
