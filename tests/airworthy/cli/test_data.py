"""`airworthy quarantine`, on the lake of a real ingestion."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from landing_zone import HEADER, SPEC, Zone, line
from typer.testing import CliRunner

from airworthy.cli import main


def test_the_command_shows_what_was_refused_and_names_the_sources_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = Zone(tmp_path)
    zone.put("a.csv", HEADER + line(1) + line(2, day=32))
    zone.take()
    folder = tmp_path / "pipelines" / "demo"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(SPEC.model_dump(mode="json", exclude_none=True)))
    for name, value in {"HOME": tmp_path, "LAKE": zone.settings.lake, "PIPELINES": folder.parent}.items():
        monkeypatch.setenv(f"AIRWORTHY_{name}", str(value))

    shown = CliRunner().invoke(main.app, ["quarantine", "demo"])

    assert shown.exit_code == 0, shown.output
    assert "things: 1 entries" in shown.output
    assert "things/a.csv:3: day '32' is above the maximum 31" in shown.output
    wrong = CliRunner().invoke(main.app, ["quarantine", "demo", "thinks"])
    assert "no source thinks" in str(wrong.exception)
