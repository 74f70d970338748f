"""README's figures are those of benchmarks/results."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.support.figures import Machine, Result
from scripts import figures as script

ROOT = Path(__file__).resolve().parents[2]


def result(name: str, **values: float) -> Result:
    named = {f"{name}.{key}": value for key, value in values.items()}
    return Result(name, f"make bench ARGS={name}", datetime(2026, 11, 21, tzinfo=UTC), Machine(cores=2), named)


def test_readme_is_not_behind_the_results() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "figures.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_figure_stands_with_its_command_date_and_machine() -> None:
    table = script.measured([result("overhead", wall_ratio=1.5)])
    assert "| 1.50 times the wall time | `make bench ARGS=overhead` | 2026-11-21, 2 cores |" in table


def test_a_result_that_readme_does_not_show_is_named() -> None:
    with pytest.raises(script.NotShown, match="newest"):
        script.measured([result("newest", ratio=1.0)])


def test_a_result_that_lost_a_figure_is_named() -> None:
    with pytest.raises(script.NotShown, match=r"overhead\.json.*wall_ratio"):
        script.measured([result("overhead", ratio=1.0)])


def test_only_what_stands_between_the_markers_is_written_anew() -> None:
    table = script.measured([result("overhead", wall_ratio=1.5)])
    before = f"above\n{script.BEGIN}\nold\n{script.END}\nbelow\n"
    assert script.written(before, table) == f"above\n{table}\nbelow\n"
    with pytest.raises(script.NotShown):
        script.written("no markers", table)
