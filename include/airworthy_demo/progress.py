"""How far the loop has come: what an earlier demo has left, so that this one continues from there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from airworthy.ledger.events import release_id

if TYPE_CHECKING:
    from airworthy.airflow_api.client import AirflowApi
    from airworthy.registry.registry import Registry
    from airworthy.release.controller import ReleaseController
    from airworthy.release.evidence.document import Evidence
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec


class Progress:
    """The versions and releases of one pipeline.

    Args:
        settings: where registry, ledger and lake are.
        spec: the pipeline.
    """

    def __init__(self, settings: Settings, spec: PipelineSpec) -> None:
        self._settings = settings
        self._spec = spec

    def champion(self) -> int | None:
        """The version that serves."""
        return self._registry.aliases.serving_state(self._spec.name).champion

    def current_champion(self) -> int | None:
        """The champion, if it was trained on the data and code that are there now."""
        from airworthy.code_version import code_version
        from airworthy.features import published
        from airworthy.lake.lake import Lake

        champion = self.champion()
        if champion is None:
            return None
        tags = self._registry.versions.tags(self._spec.name, champion)
        now = published.latest(Lake.of(self._settings), self._spec)
        wanted = {
            "airworthy.kind": "candidate",
            "airworthy.data_version": str(now.version),
            "airworthy.code_version": code_version(),
        }
        return champion if wanted.items() <= tags.items() else None

    def undecided_version(self, api: AirflowApi) -> int | None:
        """The candidate of a release that is still going."""
        prefix = release_id(self._spec.name, "")
        names = [str(run["dag_run_id"]) for run in _going(api, f"{self._spec.name}.release")]
        return max((int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)), default=None)

    def evidence(self, version: int) -> Evidence:
        """What was known of a candidate."""
        return self._controller.evidence(version)

    def outcome(self, version: int) -> str:
        """How a release ended, who ended it and why, in words."""
        closed = self._controller.closed(version)
        return f"{closed.event} by {closed.actor}: {closed.reason}" if closed else "undecided"

    @cached_property
    def _registry(self) -> Registry:
        from airworthy.registry.registry import Registry

        return Registry(self._settings.mlflow_url)

    @cached_property
    def _controller(self) -> ReleaseController:
        from airworthy.ledger.ledger import Ledger
        from airworthy.release.controller import ReleaseController

        return ReleaseController(self._spec, self._registry, Ledger(self._settings.ledger_url), self._settings)


def going_run(api: AirflowApi, dag_id: str) -> str | None:
    """A run that an interrupted demo has left behind and that is still going."""
    runs = _going(api, dag_id)
    return str(runs[0]["dag_run_id"]) if runs else None


def _going(api: AirflowApi, dag_id: str) -> list[dict[str, object]]:
    return api.runs(dag_id, states=("queued", "running"))
