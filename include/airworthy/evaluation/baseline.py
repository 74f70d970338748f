"""The always-average model: the first version of every pipeline, which answers while nobody was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airworthy.registry.tags import BASELINE, KIND, MODEL_ID

if TYPE_CHECKING:
    from airworthy.evaluation.document import Evaluation
    from airworthy.registry.registry import Registry
    from airworthy.spec.pipeline import PipelineSpec

#: The run that holds it; no Airflow run is named so.
RUN = "baseline"


def ensure(registry: Registry, spec: PipelineSpec, evaluation: Evaluation) -> int:
    """Register the model that always answers the average of the rows this evaluation's candidate was trained on.

    A pipeline has one baseline: where it is there already, it stays as it is. Killed anywhere, the next call goes on.

    Returns:
        Its version.

    Raises:
        ValueError: the average is not between 0 and 1.
    """
    run_id = registry.runs.open(spec.name, RUN, {KIND: BASELINE})
    if MODEL_ID not in registry.runs.get(spec.name, RUN).data.tags:
        from airworthy.model.constant import constant_model
        from airworthy.model.encoder import Encoder

        encoder = Encoder.fit(spec, {})
        registry.packages.log(run_id, constant_model(encoder, _average(evaluation)), encoder)
        with registry.server.talking():
            registry.server.client.set_terminated(run_id)
    return registry.versions.register(spec.name, RUN)


def _average(evaluation: Evaluation) -> float:
    average = evaluation.average
    # a model with one answer has one threshold, which is that answer: the label rate of the training rows. The rate
    # beside it is the holdout's, which is known only later; it stands in where the holdout has a single class
    rate = average.threshold if average.threshold is not None else average.rate
    rate = 0.5 if rate is None else rate
    if not 0 <= rate <= 1:
        raise ValueError(f"the average must lie between 0 and 1, found {rate}")
    return rate
