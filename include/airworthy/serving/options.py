"""The numbers by which the service runs; tests shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceOptions:
    """Limits and intervals, the same for every pipeline."""

    max_body_bytes: int = 1 << 20
    max_instances: int = 1000
    max_key_length: int = 256
    #: A body that has not arrived by then is refused, so that slow senders hold no memory.
    body_seconds: float = 10.0
    #: An answer not ready by then is a 503: the online store or the champion hangs.
    answer_seconds: float = 5.0
    #: Instances that may wait at once; beyond that callers get a 503 at once instead of a late answer.
    max_waiting: int = 20_000
    #: Rows of one ONNX Runtime call.
    max_batch_rows: int = 512

    #: The challenger's time limit, in multiples of the release policy's p95. Slowness is judged by the p95, over many
    #: answers; this limit only keeps callers from waiting for a model that hangs.
    patience: float = 10.0

    poll_seconds: float = 1.0
    #: Time to the next attempt at a model that did not load; doubles up to a minute.
    reload_seconds: float = 5.0
    #: Model folders kept on disk besides those in use, newest first: a rollback needs no download.
    kept_models: int = 4

    #: How often predictions go to the spool file (a kill -9 loses at most these) and from there into the lake.
    spool_seconds: float = 0.5
    commit_seconds: float = 5.0
    commit_rows: int = 5000
    #: Rows held in memory while the spool cannot be written, and bytes of spool held while the lake cannot.
    max_log_rows: int = 20_000
    max_spool_bytes: int = 256 << 20
