"""The always-average model: the first version of every pipeline, which answers while nobody was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from airworthy.model import kinds
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
        ValueError: the average is no answer that the spec's kind can give.
    """
    kind = kinds.of(spec)
    if not kind.sound(np.array([evaluation.average_answer])).all():
        raise ValueError(f"a {spec.task} model cannot answer {evaluation.average_answer} on average")
    run_id = registry.runs.open(spec.name, RUN, {KIND: BASELINE})
    if MODEL_ID not in registry.runs.get(spec.name, RUN).data.tags:
        from airworthy.model.constant import constant_model
        from airworthy.model.encoder import Encoder

        encoder = Encoder.fit(spec, {})
        registry.packages.log(run_id, constant_model(encoder, evaluation.average_answer, kind), encoder, kind)
        with registry.server.talking():
            registry.server.client.set_terminated(run_id)
    return registry.versions.register(spec.name, RUN)
