"""What a process cannot honour is refused, and the refusal names every field at fault."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from cluster_under_test import Cluster, container, pod
from kubernetes.client import ApiException


def _with(**fields: Any) -> dict[str, Any]:
    return pod({**container(), **fields})


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (pod(container(), volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]), "spec.volumes[0]",
         "persistentVolumeClaim"),
        (pod(container(), hostNetwork=True), "spec.hostNetwork", "network"),
        (_with(securityContext={"privileged": True}), "spec.containers[0].securityContext.privileged", "leave it out"),
        (_with(securityContext={"runAsUser": os.getuid() + 1}), "spec.containers[0].securityContext.runAsUser",
         "runs as"),
        (_with(readinessProbe={"httpGet": {"port": 80}}), "spec.containers[0].readinessProbe", "probes"),
        (_with(command=None), "spec.containers[0].command", "image is not run"),
        (_with(colour="green"), "spec.containers[0].colour", "not known"),
        (_with(resources={"requests": {"cpu": "lots"}}), "spec.containers[0].resources.requests.cpu", "quantity"),
        (_with(command="python"), "spec.containers[0].command", "list of texts"),
        (_with(args=""), "spec.containers[0].args", "list of texts"),
        (pod(container(), container()), "spec.containers[1].name", "used twice"),
        (_with(name=None), "spec.containers[0].name", "lower case"),
        (_with(env=[{"name": "a=b", "value": "c"}]), "spec.containers[0].env[0]", "without '='"),
        (_with(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.qosClass"}}}]),
         "spec.containers[0].env[0].valueFrom.fieldRef", "not known here"),
        (_with(env=[{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]),
         "spec.containers[0].env[0].valueFrom.resourceFieldRef", "not known"),
        (_with(ports=[{"containerPort": 80, "hostPort": 80}]), "spec.containers[0].ports[0].hostPort", "not mapped"),
        (_with(resources={"claims": [{"name": "c"}]}), "spec.containers[0].resources.claims", "not known"),
        (pod(container(volumeMounts=[{"name": "v", "mountPath": "/", "subPath": "a"}, {"name": "v", "mountPath": "/"}]),
             volumes=[{"name": "v", "emptyDir": {}}]), "spec.containers[0].volumeMounts[1]", "different subPaths"),
        (pod(container(), volumes=[{"name": "v", "hostPath": {"path": "/x", "type": "Socket"}}]),
         "spec.volumes[0].hostPath.type", "'Socket'"),
        (pod(container(), volumes=[{"name": "v", "secret": {"secretName": "s", "items": [{"key": "k", "path": "/"}]}}]),
         "spec.volumes[0].secret.items", "inside the volume"),
        (pod(container(), activeDeadlineSeconds="soon"), "spec.activeDeadlineSeconds", "whole number"),
        (pod(container(), affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}),
         "spec.affinity.podAffinity", "nodeSelector"),
        (pod(container(), securityContext={"fsGroup": 7}), "spec.securityContext.fsGroup", "leave it out"),
        (pod(container(), metadata={"labels": {"a": "not a value"}}), "metadata.labels", "not a label"),
        (pod(container(), metadata={"finalizers": ["x/y"]}), "metadata.finalizers", "leave it out"),
        (_with(env=[{"value": "nameless"}]), "spec", "not shaped like a pod"),
        (_with(name="../../escape"), "spec.containers[0].name", "lower case"),
        (pod(container(volumeMounts=[{"name": "v", "mountPath": "/v", "subPath": "../up"}]),
             volumes=[{"name": "v", "emptyDir": {}}]), "spec.containers[0].volumeMounts[0].subPath",
         "inside the volume"),
        (pod(container(volumeMounts=[{"name": "v", "mountPath": "/v", "readOnly": True}]),
             volumes=[{"name": "v", "hostPath": {"path": "/tmp"}}]), "spec.containers[0].volumeMounts[0].readOnly",
         "kept from writing"),
        (_with(volumeMounts=[{"name": "w", "mountPath": "/w"}]), "spec.containers[0].volumeMounts[0].name",
         "no volume"),
        (pod(container(), container(name="airflow-xcom-sidecar")), "spec.containers[1]", "do_xcom_push=False"),
        (pod(container(), restartPolicy="Sometimes"), "spec.restartPolicy", "OnFailure"),
        (pod(), "spec.containers", "at least one"),
        (pod(container(), name="Not_A_Name"), "metadata.name", "lower case"),
    ],
)  # fmt: skip
def test_what_a_process_cannot_honour_is_a_422_that_names_the_field(
    cluster: Cluster, body: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ApiException) as refused:
        cluster.create(body)
    status = json.loads(refused.value.body)
    assert (refused.value.status, status["reason"]) == (422, "Invalid")
    causes = {cause["field"]: cause["message"] for cause in status["details"]["causes"]}
    assert words in causes[field]


def test_all_faults_of_a_pod_are_named_at_once(cluster: Cluster) -> None:
    with pytest.raises(ApiException) as refused:
        cluster.create(pod({**container(), "tty": True, "livenessProbe": {"exec": {}}}, hostPID=True))
    assert len(json.loads(refused.value.body)["details"]["causes"]) == 3
