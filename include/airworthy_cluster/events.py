"""What happened to pods, for ``kubectl describe``, ``kubectl get events`` and the operator's log."""

from __future__ import annotations

import itertools
import time
from typing import Literal

from airworthy_cluster.store import Obj, Store, timestamp

#: Kubernetes keeps events for an hour too.
KEEP_SECONDS = 3600
_REFERENCE = {"kind": "Pod", "apiVersion": "v1"}


class Events:
    """Writes events into the store; the same thing again only raises its count."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._serial = itertools.count(time.time_ns())

    def record(self, pod: Obj, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Say that something happened to a pod."""
        now = time.time()
        self._drop_old(now)
        metadata = pod["metadata"]
        for event in self._store.list("events", metadata["namespace"]):
            same = event["involvedObject"]["uid"] == metadata["uid"]
            if same and (event["reason"], event["message"]) == (reason, message):
                self._store.save("events", {**event, "count": event["count"] + 1, "lastTimestamp": timestamp(now)})
                return
        involved = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion")}
        self._store.create(
            "events",
            {
                "kind": "Event",
                "apiVersion": "v1",
                "metadata": {"name": f"{metadata['name']}.{next(self._serial):x}", "namespace": metadata["namespace"]},
                "involvedObject": {**_REFERENCE, **involved},
                "type": kind,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": timestamp(now),
                "lastTimestamp": timestamp(now),
                "source": {"component": "airworthy-cluster"},
                "reportingComponent": "airworthy-cluster",
                "reportingInstance": "",
            },
        )

    def _drop_old(self, now: float) -> None:
        oldest = timestamp(now - KEEP_SECONDS)
        for event in self._store.list("events"):
            if event["lastTimestamp"] < oldest:
                self._store.remove("events", event)
