"""The stage check: does a registered model keep its contract, before the first live request reaches it?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from airworthy.registry.registry import Registry
    from airworthy.spec.pipeline import PipelineSpec

#: Single-row answers timed; the p95 of 200 rests on the slowest ten.
LATENCY_SAMPLES = 200


@dataclass(frozen=True)
class Check:
    """One condition of the contract: whether it holds, and what was seen."""

    name: str
    passed: bool
    reason: str


def check_version(spec: PipelineSpec, registry: Registry, version: int) -> list[Check]:
    """Download a registered version and check it.

    Raises:
        RegistryAway: MLflow does not answer; says nothing about the model.
    """
    with tempfile.TemporaryDirectory(prefix="airworthy-stage-") as folder:
        return check_model(registry.packages.download(spec.name, version, Path(folder)), spec)


def check_model(folder: Path, spec: PipelineSpec, *, clock: Callable[[], float] = time.perf_counter) -> list[Check]:
    """Check the model in ``folder`` (``model.onnx`` and ``preprocessing.json``).

    It must load, take ``categorical`` int64 [n, C] and ``numeric`` float32 [n, F] of the spec's features, answer
    ``probability`` float [n] between 0 and 1 for any row (also one of which nothing is known), give a row the same
    answer alone and among others, and give it within the policy's p95. Later checks need the earlier ones; the list
    ends with the first that fails.

    Args:
        clock: seconds, for the latency.
    """
    checks: list[Check] = []

    def holds(name: str, passed: bool, reason: str) -> bool:
        checks.append(Check(name, passed, reason))
        return passed

    missing = [name for name in ("model.onnx", "preprocessing.json") if not (folder / name).is_file()]
    if not holds("files", not missing, f"missing: {', '.join(missing)}" if missing else "complete"):
        return checks
    try:
        session = _load(folder / "model.onnx")
    except Exception as error:
        holds("loads", False, f"ONNX Runtime: {str(error)[:300]}")
        return checks
    holds("loads", True, "ONNX Runtime takes it")

    wanted = {
        "categorical": ("tensor(int64)", len(spec.features.categorical)),
        "numeric": ("tensor(float)", len(spec.features.numeric)),
    }
    found = {given.name: (given.type, _width(given.shape)) for given in session.get_inputs()}
    wrong = {name: found.get(name) for name in wanted if not _fits(found.get(name), wanted[name])}
    extra = sorted(set(found) - set(wanted))
    inputs_fit = not wrong and not extra
    if not holds("inputs", inputs_fit, f"wanted {wanted}, found {found}" if not inputs_fit else "as the spec says"):
        return checks
    outputs = [given.name for given in session.get_outputs()]
    if not holds("output", "probability" in outputs, f"wanted 'probability', found {outputs}"):
        return checks

    categorical, numeric = _rows(spec)
    try:
        together = _answer(session, categorical, numeric)
        alone = [_answer(session, categorical[i : i + 1], numeric[i : i + 1]) for i in range(len(numeric))]
    except Exception as error:
        holds("answers", False, f"ONNX Runtime: {str(error)[:300]}")
        return checks
    problem = _problem(together, alone)
    if not holds("answers", not problem, problem or f"{len(numeric)} sample rows, also with nothing known"):
        return checks

    p95 = _p95_ms(lambda: _answer(session, categorical[:1], numeric[:1]), clock)
    limit = spec.release.max_p95_ms
    holds("latency", p95 <= limit, f"p95 {p95:.2f} ms for one row, {limit:g} ms allowed")
    return checks


def _load(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _width(shape: list[Any]) -> Any:
    return shape[1] if len(shape) == 2 else shape


def _fits(found: tuple[str, Any] | None, wanted: tuple[str, int]) -> bool:
    # a width the exporter left open is a name or None; the answers show whether it fits
    return (
        found is not None and found[0] == wanted[0] and (found[1] == wanted[1] or not isinstance(found[1], int | list))
    )


def _rows(spec: PipelineSpec) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows at which a graph breaks: nothing known, zeros, very large values, and seeded ordinary ones.

    Categories stay at code 0 (unknown or missing), the only one every vocabulary has.
    """
    import numpy as np

    width = len(spec.features.numeric)
    chance = np.random.default_rng(0)
    numeric = np.vstack(
        [
            np.full((1, width), np.nan),
            np.zeros((1, width)),
            np.full((1, width), 1e6),
            np.full((1, width), -1e6),
            chance.normal(0, 100, (12, width)),
        ]
    ).astype(np.float32)
    return np.zeros((len(numeric), len(spec.features.categorical)), dtype=np.int64), numeric


def _answer(session: Any, categorical: np.ndarray[Any, Any], numeric: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return session.run(["probability"], {"categorical": categorical, "numeric": numeric})[0]


def _problem(together: np.ndarray[Any, Any], alone: list[np.ndarray[Any, Any]]) -> str:
    import numpy as np

    if together.shape != (len(alone),):
        return f"wanted shape ({len(alone)},), found {together.shape}"
    if not np.isfinite(together).all() or together.min() < 0 or together.max() > 1:
        return f"wanted probabilities between 0 and 1, found {together.min()} to {together.max()}"
    difference = float(np.abs(together - np.array([row[0] for row in alone])).max())
    return "" if difference < 1e-4 else f"a row's answer changes by {difference:.2g} with the rows beside it"


def _p95_ms(ask: Callable[[], object], clock: Callable[[], float]) -> float:
    for _ in range(20):  # warm-up
        ask()
    times = []
    for _ in range(LATENCY_SAMPLES):
        begun = clock()
        ask()
        times.append(clock() - begun)
    return sorted(times)[int(0.95 * LATENCY_SAMPLES) - 1] * 1000
