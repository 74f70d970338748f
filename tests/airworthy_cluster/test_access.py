"""Who may ask, and who can read the token."""

from __future__ import annotations

import stat
import urllib.error
import urllib.request
from ssl import create_default_context

import pytest
from cluster_under_test import Cluster


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic YTpi"])
def test_nobody_without_the_token_may_ask_for_anything(cluster: Cluster, header: str | None) -> None:
    context = create_default_context(cafile=str(cluster.home / "ca.crt"))
    for path in ("/version", "/api/v1/pods", "/api/v1/namespaces/default/secrets"):
        request = urllib.request.Request(cluster.url + path, headers={"Authorization": header} if header else {})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, context=context)
        assert refused.value.code == 401


def test_token_key_and_kubeconfig_are_for_their_owner_only(cluster: Cluster) -> None:
    for name in ("token", "tls.key", "kubeconfig"):
        assert stat.S_IMODE((cluster.home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.home.stat().st_mode) == 0o700
