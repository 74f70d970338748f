"""A container's log: followed, stamped and cut."""

from __future__ import annotations

import re

from cluster_under_test import Cluster, container, eventually, pod


def test_the_log_can_be_followed_stamped_and_cut(cluster: Cluster) -> None:
    body = pod(container("import time\nfor i in range(3): print(i, flush=True); time.sleep(0.3)"))
    cluster.create(body)
    cluster.until(body, "Running")
    followed = cluster.logs(body, follow=True, timestamps=True).splitlines()
    assert [line.split(" ", 1)[1] for line in followed] == ["0", "1", "2"]
    assert all(re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ", line) for line in followed)
    assert cluster.phase(body) in ("Running", "Succeeded")
    assert cluster.logs(body, tail_lines=1) == "2\n"
    assert cluster.logs(body, limit_bytes=3) == "0\n1"
    eventually(lambda: cluster.logs(body, since_seconds=1) == "")
    assert cluster.logs(body, since_seconds=60) == "0\n1\n2\n"
