"""`airworthy quarantine`: what was refused of the landed files, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from airworthy.cli import addresses
from airworthy.errors import AirworthyError


class UnknownSource(AirworthyError):
    """The pipeline has no such source."""


def quarantine(
    pipeline: Annotated[str, typer.Argument(help="The pipeline, e.g. flight_delays.")],
    sources: Annotated[list[str] | None, typer.Argument(help="Only these sources; all when none is named.")] = None,
    last: Annotated[int, typer.Option(min=1, help="Show at most so many reasons and entries of each source.")] = 10,
) -> None:
    """Show what was refused of the landed files: by source the reasons, then the newest entries with file and row.

    A file that was mended is taken when it lands again, under the same name or another.
    """
    from airworthy.ingest.quarantine import describe
    from airworthy.lake.lake import Lake
    from airworthy.spec import folders

    settings = addresses.settings("lake")
    spec = folders.load(settings.pipelines, pipeline)
    if unknown := sorted(set(sources or ()) - set(spec.sources)):
        raise UnknownSource(
            f"{pipeline} has no source {', '.join(unknown)}", next_step=f"one of {sorted(spec.sources)}"
        )
    typer.echo(describe(Lake.of(settings), pipeline, sources or list(spec.sources), shown=last))
