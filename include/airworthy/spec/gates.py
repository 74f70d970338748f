"""The `gates` section: what a candidate must show in its evaluation to be registered."""

from __future__ import annotations

from pydantic import Field

from airworthy.spec.base import Name, Section
from airworthy.spec.tasks import METRICS, Metric, Task


def _judged(task: Task) -> list[str]:
    return [name for name, metric in METRICS[task].items() if metric.higher_is_better is not None]


class MetricGates(Section):
    """Bounds on one metric, in its own unit. What is not given is not asked."""

    min: float | None = Field(None, description="on the holdout; for metrics of which more is better")
    max: float | None = Field(None, description="on the holdout; for metrics of which less is better")
    min_gain_over_average: float | None = Field(
        None, ge=0, description="how much better than always answering the average"
    )
    max_behind_lightgbm: float | None = Field(
        None, ge=0, description="how much worse than a LightGBM on the same features"
    )
    max_behind_champion: float | None = Field(None, ge=0, description="how much worse than today's champion")
    min_in_slices: float | None = Field(None, description="like min, in each slice")
    max_in_slices: float | None = Field(None, description="like max, in each slice")


class Gates(Section):
    """Conditions a candidate's evaluation must meet to be registered.

    Where no bound says otherwise, no candidate may be worse than knowing nothing, nor lose against always answering the
    average.
    """

    min_holdout_rows: int = Field(1000, ge=1, description="rows of the holdout")
    metrics: dict[str, MetricGates] = Field(
        {},
        description="bounds by metric; " + "; ".join(f"{task}: {', '.join(_judged(task))}" for task in METRICS),
        # for editors; that the metric is one of this task is checked on reading
        json_schema_extra={"propertyNames": {"enum": [*{name: None for task in METRICS for name in _judged(task)}]}},
    )
    slices: list[Name] = Field([], description="columns; each of their values is a slice of the holdout")

    def check_metrics(self, task: Task) -> None:
        """Are these metrics of the task, each bounded on the side that is the worse one, and by what it can be?

        Raises:
            ValueError: names the key, and what is allowed instead.
        """
        for name, bounds in self.metrics.items():
            if name not in _judged(task):
                raise ValueError(f"metrics.{name}: a {task} task has no such metric; it has {', '.join(_judged(task))}")
            _check(METRICS[task][name], bounds)


def _check(metric: Metric, bounds: MetricGates) -> None:
    more, wrong, right = ("more", "max", "min") if metric.higher_is_better else ("less", "min", "max")
    for key, value in bounds.model_dump(exclude_none=True).items():
        if key in (wrong, f"{wrong}_in_slices"):
            raise ValueError(
                f"metrics.{metric.name}.{key}: {value:g}, but of {metric.title} {more} is better: "
                f"use {key.replace(wrong, right, 1)}"
            )
        if not 0 <= value <= metric.highest:
            raise ValueError(
                f"metrics.{metric.name}.{key}: {value:g}, but {metric.title} is between 0 and {metric.highest:g}"
            )
