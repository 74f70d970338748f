"""Keys and values of secrets and config maps."""

from __future__ import annotations

import pytest
from cluster_under_test import Cluster
from kubernetes.client import ApiException


@pytest.mark.parametrize(("key", "value"), [("../../escape", "YQ=="), ("..", "YQ=="), ("a", "not base64!")])
def test_a_secret_s_keys_are_file_names_and_its_values_base64(cluster: Cluster, key: str, value: str) -> None:
    with pytest.raises(ApiException) as refused:
        cluster.api.create_namespaced_secret("default", {"metadata": {"name": "bad"}, "data": {key: value}})
    assert refused.value.status == 422
