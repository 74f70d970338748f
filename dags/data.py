"""`<pipeline>.data`: from landed files to published features, offline and online."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, dag, task

from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy_airflow import assets
from airworthy_airflow.dag_defaults import default_args, tags
from airworthy_airflow.operators.spark import FeatureBuildOperator
from airworthy_airflow.retries import HEAVY_JOB, SERVICE_CALL, VERDICT

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

DOC = """
### {name}: data

{description}

Takes everything that has landed and is not yet processed, up to `as_of`, all the way to published features:

1. **ingest** checks every file row by row; bad rows and files go to quarantine with their reason, good ones on.
2. **features** builds the feature tables on Spark, each row only from what was known at its prediction time.
3. **validate** runs the Great Expectations suite over the result; a failure stops here and publishes nothing.
4. **publish** makes the version the one that training reads, and tells the asset `{name}.features`.
5. **materialise** brings the online store up to the published version.

A second run changes nothing. Bad input? Look at the ingest task's log, then at the table `quarantine/<source>`.
"""

AS_OF = Param(
    None,
    type=["null", "string"],
    format="date-time",
    title="As of",
    description="take only what had landed by then; empty for everything",
)


def build(spec: PipelineSpec) -> DAG:
    """The data DAG of one pipeline."""

    @dag(
        dag_id=f"{spec.name}.data",
        # no start date: the first run is the next one due, not one for a time before the project was there
        schedule=CronTriggerTimetable(cron, timezone="UTC") if (cron := spec.schedules.data) else None,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=6),
        doc_md=DOC.format(name=spec.name, description=spec.description),
        tags=tags(spec, "data"),
        params={"as_of": AS_OF},
        default_args=default_args(spec),
    )
    def data() -> None:
        @task(
            doc_md="Landed files -> Delta tables `raw/*`; what breaks the contract -> `quarantine/*`.",
            **HEAVY_JOB,
        )
        def ingest(params: dict[str, Any] | None = None) -> dict[str, Any]:
            from airworthy_airflow.tasks.data import ingest

            return ingest(spec, (params or {}).get("as_of"))

        # the provider's name stands here so that the DAG processor imports it once, before it forks for each parse
        features: SparkSubmitOperator = FeatureBuildOperator(
            task_id="features",
            spec=spec,
            as_of="{{ params.as_of or '' }}",
            pool="spark",
            doc_md="Raw tables -> `features/*`, on Spark. Nothing to do when raw data and code are unchanged.",
            **HEAVY_JOB,
        )

        @task(
            doc_md="The Great Expectations suite over the feature table; the report is in Data Docs.",
            **VERDICT,
        )
        def validate() -> dict[str, Any]:
            from airworthy_airflow.tasks.data import validate

            return validate(spec)

        @task(
            outlets=[assets.features(spec.name)],
            doc_md="Makes the validated version the one that training reads.",
            **SERVICE_CALL,
        )
        def publish(validation: dict[str, Any], *, outlet_events: Any = None) -> int:
            from airworthy_airflow.tasks.data import publish

            version = publish(spec, validation)
            outlet_events[assets.features(spec.name)].extra = {"version": version}
            return version

        @task(
            outlets=[assets.online(spec.name)],
            doc_md="Latest value of every feature view -> the online store that serving reads.",
            **SERVICE_CALL,
        )
        def materialise() -> dict[str, int]:
            from airworthy_airflow.tasks.data import materialise

            return materialise(spec)

        validated = validate()
        ingest() >> features >> validated
        publish(validated) >> materialise()

    return data()


for _spec in folders.discover(from_environment().pipelines)[0]:
    globals()[f"{_spec.name}_data"] = build(_spec)
