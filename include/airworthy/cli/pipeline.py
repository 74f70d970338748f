"""`airworthy schema`: what helps to write a pipeline."""

from __future__ import annotations

import typer


def schema() -> None:
    """Write the JSON schema of pipeline.yaml for editors, include/pipelines/pipeline.schema.json."""
    from airworthy.settings import PROJECT_ROOT
    from airworthy.spec.pipeline import json_schema

    path = PROJECT_ROOT / "include" / "pipelines" / "pipeline.schema.json"
    path.write_text(json_schema())
    typer.echo(f"wrote {path}")
