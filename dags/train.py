"""`<pipeline>.train`: one candidate from one published data snapshot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task

from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy_airflow import assets
from airworthy_airflow.dag_defaults import default_args, release_run_id, tags
from airworthy_airflow.operators.pod import TrainingPodOperator
from airworthy_airflow.retries import HEAVY_JOB, SERVICE_CALL, VERDICT

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

DOC = """
### {name}: train

{description}

One run is one candidate: **snapshot** pins the published data version, **train** runs DeepSpeed in a pod
(profile `{profile}`), **evaluate** scores a holdout that lies later in time, beside the always-average baseline, a
LightGBM on the same features and today's champion. **gates** says whether that is good enough, **register** puts it
into the registry, **release** starts `{name}.release` for exactly this version.

Starts weekly, or when something asks on the asset `{name}.retrain`.
"""

PARAMS = {
    "reason": Param("scheduled", type="string", title="Reason", description="why this training; kept with the model"),
    "canary_minutes": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        title="Canary window (minutes)",
        description="overrides the spec's window for this candidate",
    ),
}


def build(spec: PipelineSpec) -> DAG:
    """The train DAG of one pipeline."""
    asked = assets.retrain_request(spec.name)
    cron = spec.schedules.train
    schedule = (
        AssetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone="UTC"), assets=asked) if cron else asked
    )

    @dag(
        dag_id=f"{spec.name}.train",
        schedule=schedule,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(minutes=3 * spec.training.timeout_minutes),
        doc_md=DOC.format(name=spec.name, description=spec.description, profile=spec.training.profile),
        tags=tags(spec, "train"),
        params=PARAMS,
        default_args=default_args(spec),
    )
    def train() -> None:
        @task(
            doc_md="Pins the published version of the feature table: everything below reads this one.",
            **SERVICE_CALL,
        )
        def snapshot() -> dict[str, Any]:
            from airworthy_airflow.tasks.train import snapshot

            return snapshot(spec)

        pinned = snapshot()
        version = "{{ ti.xcom_pull(task_ids='snapshot')['version'] }}"
        # the provider's name stands here so that the DAG processor imports it once, before it forks for each parse
        fit: KubernetesPodOperator = TrainingPodOperator(
            task_id="train",
            spec=spec,
            module="airworthy.training.launcher",
            module_arguments=["--train-run", "{{ run_id }}", "--features-version", version],
            pool="training",
            doc_md="DeepSpeed in a pod; resumes the same MLflow run when it is tried again.",
            **HEAVY_JOB,
        )
        evaluate = TrainingPodOperator(
            task_id="evaluate",
            spec=spec,
            module="airworthy.evaluation.evaluate",
            module_arguments=["--train-run", "{{ run_id }}"],
            pool="training",
            doc_md="Scores the later holdout: candidate, average, LightGBM and champion; overall and by slice.",
            **HEAVY_JOB,
        )

        @task(doc_md="Is it good enough to be registered? Every gate with its figure is in MLflow.", **VERDICT)
        def gates(run_id: Any = None) -> dict[str, Any]:
            from airworthy_airflow.tasks.train import gates

            return gates(spec, run_id)

        @task(
            outlets=[assets.candidate(spec.name)],
            doc_md="Registers the candidate once, however often this is tried; before the first, the baseline.",
            **SERVICE_CALL,
        )
        def register(dag_run: Any = None, params: dict[str, Any] | None = None) -> int:
            from airworthy_airflow.tasks.train import register

            return register(spec, dag_run, params or {})

        registered = register()
        candidate = "{{ ti.xcom_pull(task_ids='register') }}"
        release = TriggerDagRunOperator(
            task_id="release",
            trigger_dag_id=f"{spec.name}.release",
            trigger_run_id=release_run_id(spec, candidate),
            conf={
                "version": candidate,
                "canary_minutes": "{{ params.canary_minutes if params.canary_minutes is not none else '' }}",
            },
            skip_when_already_exists=True,
            doc_md="Starts the release of exactly this version; a second try finds it started.",
            **SERVICE_CALL,
        )
        pinned >> fit >> evaluate >> gates() >> registered >> release

    return train()


for _spec in folders.discover(from_environment().pipelines)[0]:
    globals()[f"{_spec.name}_train"] = build(_spec)
