"""The kinds of task that a `pipeline.yaml` may name, and what each is measured by: the words that its gates may use.

`airworthy.model.kinds` computes these metrics and says everything else about a kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Task = Literal["binary"]


@dataclass(frozen=True)
class Metric:
    """One figure of a model on rows whose label is known.

    Attributes:
        name: in gates, MLflow and documents.
        title: as people read it.
        higher_is_better: None for a figure that only describes the rows or the model; there is no gate on it.
        unit: empty for a plain number.
        highest: no model can get more; the lowest of every metric is 0.
        knows_nothing: what a model gets that knows nothing, where that is the same for all data; the least that is
            asked of every candidate.
    """

    name: str
    title: str
    higher_is_better: bool | None
    unit: str = ""
    highest: float = 1.0
    knows_nothing: float | None = None

    def gain(self, value: float, other: float) -> float:
        """How much better ``value`` is than ``other``; negative if it is worse.

        Raises:
            ValueError: neither direction of this metric is better.
        """
        if self.higher_is_better is None:
            raise ValueError(f"{self.title} is neither good nor bad")
        return value - other if self.higher_is_better else other - value


def _by_name(*metrics: Metric) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


#: In the order in which people are shown them.
METRICS: Mapping[Task, Mapping[str, Metric]] = {
    "binary": _by_name(
        Metric("roc_auc", "ROC AUC", higher_is_better=True, knows_nothing=0.5),
        Metric("log_loss", "log loss", higher_is_better=False, unit="nats per row", highest=math.inf),
        Metric("brier", "Brier", higher_is_better=False),
        Metric("pr_auc", "PR AUC", higher_is_better=True),
        Metric("calibration_error", "calibration error", higher_is_better=False),
        Metric("f1", "F1", higher_is_better=True),
        Metric("rate", "label rate", higher_is_better=None),
        Metric("threshold", "threshold of F1", higher_is_better=None),
    )
}
