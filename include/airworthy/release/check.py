"""The check of a candidate before its canary: the model's contract, and the time the policy gives it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from airworthy.model import contract
from airworthy.model.contract import Condition

if TYPE_CHECKING:
    from airworthy.model.session import Model
    from airworthy.registry.registry import Registry
    from airworthy.spec.pipeline import PipelineSpec

#: Single-row answers timed; the p95 of 200 rests on the slowest ten.
LATENCY_SAMPLES = 200
WARM_UP_SAMPLES = 20


def check_version(spec: PipelineSpec, registry: Registry, version: int) -> list[Condition]:
    """Download a registered version and check it; see `check_model`.

    Raises:
        RegistryAway: MLflow does not answer; says nothing about the model.
    """
    with tempfile.TemporaryDirectory(prefix="airworthy-check-") as folder:
        return check_model(registry.packages.download(spec.name, version, Path(folder)), spec)


def check_model(folder: Path, spec: PipelineSpec, *, clock: Callable[[], float] = time.perf_counter) -> list[Condition]:
    """The conditions of `airworthy.model.contract`, as serving checks them too, and then ``latency``.

    ``latency`` is asked here only, once, on the release's machine: serving is no place to turn a model away because its
    machine was busy at that moment, and there the canary's own p95 tells.

    Args:
        folder: holds the version's files.
        clock: seconds, for the latency.

    Returns:
        Up to the first condition that does not hold.
    """
    report = contract.check(folder, spec)
    if report.model is None:
        return list(report.conditions)
    return [*report.conditions, _latency(report.model, spec, clock)]


def _latency(model: Model, spec: PipelineSpec, clock: Callable[[], float]) -> Condition:
    row = {name: values[:1] for name, values in contract.sample(spec, model.encoder).items()}
    for _ in range(WARM_UP_SAMPLES):
        model.answers(row)
    times = []
    for _ in range(LATENCY_SAMPLES):
        begun = clock()
        model.answers(row)
        times.append(clock() - begun)
    p95, limit = sorted(times)[int(0.95 * LATENCY_SAMPLES) - 1] * 1000, spec.release.max_p95_ms
    return Condition("latency", p95 <= limit, f"p95 {p95:.2f} ms for one row, {limit:g} ms allowed")
