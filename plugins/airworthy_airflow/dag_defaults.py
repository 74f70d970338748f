"""What every DAG of a pipeline has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec


def tags(spec: PipelineSpec, kind: str) -> list[str]:
    """Tags by which people filter the DAG list.

    Args:
        spec: the pipeline.
        kind: which of its DAGs, e.g. ``train``.
    """
    return sorted({"airworthy", spec.name, kind, *spec.tags})


def default_args(spec: PipelineSpec) -> dict[str, Any]:
    """Arguments of every task."""
    return {"owner": spec.owner}
