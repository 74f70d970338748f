"""The gates of a pipeline.yaml: only metrics of its task, bounded on the side that is worse, by what can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from airworthy.spec.pipeline import PipelineSpec, SpecError, json_schema

EXAMPLE = Path(__file__).resolve().parents[3] / "include" / "pipelines" / "flight_delays" / "pipeline.yaml"


def write(tmp_path: Path, metrics: Any, **changes: Any) -> Path:
    document = {**yaml.safe_load(EXAMPLE.read_text()), **changes}
    document["gates"]["metrics"] = metrics
    path = tmp_path / "flight_delays" / "pipeline.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize(
    ("metrics", "named"),
    [
        ({"auc": {"min": 0.7}}, ["metrics.auc: a binary task has no such metric; it has roc_auc, log_loss, brier"]),
        ({"rate": {"min": 0.1}}, ["metrics.rate: a binary task has no such metric"]),
        ({"log_loss": {"min": 0.4}}, ["metrics.log_loss.min: 0.4", "log loss less is better", "use max"]),
        ({"roc_auc": {"max_in_slices": 0.4}}, ["metrics.roc_auc.max_in_slices: 0.4", "use min_in_slices"]),
        ({"roc_auc": {"min": 62}}, ["metrics.roc_auc.min: 62", "between 0 and 1"]),
        ({"roc_auc": {"max_behind_champion": 1.5}}, ["metrics.roc_auc.max_behind_champion: 1.5"]),
        ({"roc_auc": {"max_behind_lightgbm": -0.1}}, ["gates.metrics.roc_auc.max_behind_lightgbm", "-0.1"]),
        ({"roc_auc": {"above": 0.7}}, ["gates.metrics.roc_auc.above", "not permitted"]),
    ],
)
def test_a_gate_that_cannot_be_is_named_with_its_key_and_what_is_allowed(
    tmp_path: Path, metrics: dict[str, Any], named: list[str]
) -> None:
    path = write(tmp_path, metrics)
    with pytest.raises(SpecError) as raised:
        PipelineSpec.load(path)
    for part in [f"{path}: gates", *named]:
        assert part in str(raised.value)


def test_a_task_that_is_not_known_is_said_before_its_metrics_are(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="task: Input should be 'binary'") as raised:
        PipelineSpec.load(write(tmp_path, {"rmse": {"max": 3}}, task="guess"))
    assert "gates" not in str(raised.value)


def test_editors_know_the_metrics() -> None:
    document = yaml.safe_load(EXAMPLE.read_text())
    document["gates"]["metrics"] = {"auc": {"min": 0.5}}
    with pytest.raises(jsonschema.ValidationError, match="'auc' is not one of"):
        jsonschema.validate(document, yaml.safe_load(json_schema()))
