"""The release DAG's tasks, with this deployment's addresses; also what its sensors and triggers start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airworthy.release.controller import ReleaseController
    from airworthy.release.decisions.canary import Mode
    from airworthy.release.watch import CanaryWatch


def controller(pipeline: str) -> ReleaseController:
    """The release controller of a pipeline, on this deployment's registry and ledger."""
    from airworthy.spec import folders
    from airworthy.steps import release

    settings = connections.settings()
    return release.controller(folders.load(settings.pipelines, pipeline), settings)


def check(pipeline: str, version: int) -> dict[str, Any]:
    """Enter the candidate and check its model; one that is refused or decided already fails the task for good."""
    from airworthy.steps import release

    return release.check(controller(pipeline), version)


def start_canary(pipeline: str, version: int) -> float:
    """Give the candidate its share of the traffic; the share in percent."""
    from airworthy.steps import release

    return release.start_canary(controller(pipeline), version)


def canary_watch(pipeline: str, version: int, mode: Mode, window_minutes: float) -> CanaryWatch:
    """What looks at the canary; its connections are resolved once, in a thread of the triggerer."""
    from airworthy.release.watch import CanaryWatch

    return CanaryWatch(controller(pipeline), version, mode, window_minutes)


def promote(pipeline: str, version: int) -> str:
    """Make the candidate the champion, if the ledger says that it may be; who approved it."""
    from airworthy.steps import release

    return release.promote(controller(pipeline), version)


def roll_back(pipeline: str, version: int) -> str:
    """End the canary and say how the release ended; skipped when the candidate was promoted."""
    from airworthy.steps import release

    control = controller(pipeline)
    if (ended := release.roll_back(control, version)) is None:
        raise AirflowSkipException(f"{control.release_id(version)} was promoted: nothing to roll back")
    return ended


def report(pipeline: str, version: int) -> str:
    """The outcome in one line."""
    from airworthy.steps import release

    return release.report(controller(pipeline), version)
