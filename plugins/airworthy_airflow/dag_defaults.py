"""What every DAG of a pipeline has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airworthy.ledger.events import release_id

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


def release_run_id(spec: PipelineSpec, version: str) -> str:
    """Id of the run of `<pipeline>.release` that releases a version: the release's own id, so each has one run.

    Args:
        version: in the registry, or a template of it.
    """
    return release_id(spec.name, version)
