"""The feature build on Spark: SparkSubmitOperator with this deployment's addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airworthy.spec.pipeline import PipelineSpec


class FeatureBuildOperator(SparkSubmitOperator):
    """Submits ``airworthy/features/build/job.py``; the master comes from the connection.

    :param spec: the pipeline whose features are built.
    :param as_of: ISO time up to which data counts, templated; empty for all of it.
    """

    def __init__(self, *, spec: PipelineSpec, as_of: str = "", **kwargs: Any) -> None:
        from airworthy.settings import PROJECT_ROOT

        super().__init__(
            application=str(PROJECT_ROOT / "include" / "airworthy" / "features" / "build" / "job.py"),
            application_args=["--pipeline", spec.name, "--as-of", as_of],
            name=f"{spec.name}-features",
            conn_id=connections.SPARK,
            conf={"spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC"},
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        self.env_vars = {**(self.env_vars or {}), **connections.settings().as_environment()}
        return super().execute(context)
