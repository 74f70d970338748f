"""A training pod: KubernetesPodOperator with the resources of the spec's profile and this deployment's addresses."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.spec.training import Profile

#: What a pod may know: where data and registry are. Not the ledger, not the serving token.
POD_SETTINGS = ("AIRWORTHY_LAKE", "AIRWORTHY_STORAGE_OPTIONS", "AIRWORTHY_MLFLOW_URL")
#: Folders, handed on only where this deployment sets them: otherwise the pod takes those of its image. Checkpoints
#: lie below AIRWORTHY_HOME; mount a volume there in a cluster, or a training that is tried again starts from epoch 0.
POD_FOLDERS = ("AIRWORTHY_PIPELINES", "AIRWORTHY_HOME")


class TrainingPodOperator(KubernetesPodOperator):
    """Runs a module of airworthy in a pod that asks for the resources of the spec's profile.

    The pod reports through MLflow and the lake, never through an XCom sidecar.

    :param spec: the pipeline; gives the profile's resources, the image and the timeout.
    :param module: what the pod runs, as ``python -m module --pipeline NAME ...``.
    :param module_arguments: further arguments, templated.
    """

    def __init__(self, *, spec: PipelineSpec, module: str, module_arguments: list[str], **kwargs: Any) -> None:
        profile = spec.training.resources
        super().__init__(
            name=f"{spec.name}-{kwargs['task_id']}".replace("_", "-"),
            image=spec.training.image,
            cmds=["python", "-m", module],
            arguments=["--pipeline", spec.name, *module_arguments],
            kubernetes_conn_id=connections.KUBERNETES,
            container_resources=resources(profile),
            node_selector=profile.node_selector or None,
            tolerations=[k8s.V1Toleration(**toleration) for toleration in profile.tolerations] or None,
            labels={"app.kubernetes.io/part-of": "airworthy", "airworthy.pipeline": spec.name},
            active_deadline_seconds=spec.training.timeout_minutes * 60,
            execution_timeout=timedelta(minutes=spec.training.timeout_minutes + 10),
            startup_timeout_seconds=600,
            do_xcom_push=False,
            get_logs=True,
            on_finish_action="delete_pod",
            log_events_on_failure=True,
            **{"deferrable": True, "poll_interval": 2, "logging_interval": 5, **kwargs},
        )

    def execute(self, context: Context) -> Any:
        self.env_vars = [*self.env_vars, *environment(connections.settings())]
        return super().execute(context)


def resources(profile: Profile) -> k8s.V1ResourceRequirements:
    """Requests and limits of one pod; a GPU is named only where the profile asks for one."""
    wanted = {"cpu": profile.cpu, "memory": profile.memory}
    if profile.gpus:
        wanted["nvidia.com/gpu"] = str(profile.gpus)
    return k8s.V1ResourceRequirements(
        requests=wanted, limits={name: value for name, value in wanted.items() if name != "cpu"}
    )


def environment(settings: Settings) -> list[k8s.V1EnvVar]:
    """The addresses a pod needs, as environment variables."""
    known = settings.as_environment()
    names = [*POD_SETTINGS, *(name for name in POD_FOLDERS if name in os.environ)]
    return [k8s.V1EnvVar(name=name, value=known[name]) for name in names]
