"""Versions in a real registry that no training made: constant models, where a test needs one to point at.

The only place that says of a run that it passed gates which nobody checked; the product has no such function.
"""

from __future__ import annotations

from collections.abc import Mapping

from airworthy.model import kinds
from airworthy.model.constant import constant_model
from airworthy.model.encoder import Encoder
from airworthy.registry.registry import Registry
from airworthy.registry.tags import BASELINE, CANDIDATE, GATES, KIND, MODEL_ID
from airworthy.spec.pipeline import PipelineSpec


def always(
    registry: Registry,
    spec: PipelineSpec,
    rate: float,
    *,
    train_run: str = "constant",
    kind: str = BASELINE,
    tags: Mapping[str, str] | None = None,
) -> int:
    """A registered version that always answers ``rate``; with the same ``train_run``, always the same version."""
    run_id = registry.runs.open(spec.name, train_run, {KIND: kind, **(tags or {})})
    if MODEL_ID not in registry.runs.get(spec.name, train_run).data.tags:
        encoder = Encoder.fit(spec, {})
        task = kinds.of(spec)
        registry.packages.log(run_id, constant_model(encoder, rate, task), encoder, task)
    if kind == CANDIDATE:
        registry.server.client.set_tag(run_id, GATES, "passed")
    return registry.versions.register(spec.name, train_run, tags)
