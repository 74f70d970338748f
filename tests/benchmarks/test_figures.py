"""Figures have one form, wherever they come from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.support import figures, shell

GOOD: dict[str, Any] = {
    "command": "make bench ARGS=speed",
    "at": "2026-11-21T16:50:29Z",
    "machine": {"cores": 2, "memory_gb": 8.1, "processor": None, "python": "3.11.9"},
    "figures": {"speed.ratio": 1.5, "speed.rounds": 3},
}


@pytest.mark.parametrize("path", sorted(figures.RESULTS.iterdir()), ids=lambda path: path.name)
def test_every_result_in_the_repository_has_the_form(path: Path) -> None:
    result = figures.read(path)
    assert path == figures.RESULTS / f"{result.name}.json"
    assert json.loads(path.read_text()) == result.as_document()


def test_every_result_comes_from_a_benchmark_that_is_there() -> None:
    benchmarks = {path.stem for path in figures.RESULTS.parent.glob("*.py")}
    results = figures.read_all()
    assert {result.name for result in results} <= benchmarks
    assert [result.command for result in results] == [f"make bench ARGS={result.name}" for result in results]


def test_what_is_written_is_read_again_with_this_machine_and_without_false_precision(tmp_path: Path) -> None:
    path = figures.write("speed", "make bench ARGS=speed", {"ratio": 1.234567, "rows": 27_004}, folder=tmp_path)

    result = figures.read(path)

    assert result.figures == {"speed.ratio": 1.235, "speed.rows": 27_004}
    assert result.machine == figures.Machine.here()
    assert None not in (result.machine.cores, result.machine.memory_gb, result.machine.python)


def test_a_benchmark_that_pins_itself_to_one_core_still_says_what_the_machine_has() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert figures.Machine.here().cores == os.cpu_count()
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"what": "more"}, "keys"),
        ({"command": ""}, "command"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-11-21T16:50:29+02:00"}, "UTC"),
        ({"at": "2026-11-21T16:50:29"}, "UTC"),
        ({"machine": {"host": "mine"}}, "machine"),
        ({"machine": {**GOOD["machine"], "host": "mine"}}, "machine"),
        ({"machine": {**GOOD["machine"], "cores": "two"}}, "machine.cores"),
        ({"figures": {}}, "figures"),
        ({"figures": {"ratio": 1.0}}, "speed.what_was_measured"),
        ({"figures": {"other.ratio": 1.0}}, "speed.what_was_measured"),
        ({"figures": {"speed.ratio": "1.5"}}, "speed.ratio"),
        ({"figures": {"speed.ratio": True}}, "speed.ratio"),
        ({"figures": {"speed.ratio": float("nan")}}, "speed.ratio"),
    ],
)
def test_a_result_of_another_form_is_refused_with_the_key(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    path = tmp_path / "speed.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(figures.WrongResult, match=named) as raised:
        figures.read(path)
    assert "speed.json" in str(raised.value)


def test_the_table_has_every_figure_with_its_command_and_where_it_was_measured(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text(json.dumps(GOOD))
    console = Console(width=80, record=True, file=(tmp_path / "out").open("w"))
    console.print(figures.table(figures.read_all(tmp_path)))
    text = console.export_text()
    for part in ("speed.ratio", "1.500", "speed.rounds", "make bench ARGS=speed", "2026-11-21 16:50", "2 cores"):
        assert part in text


def test_the_shells_stages_start_files_and_modules_that_are_there() -> None:
    assert shell.FEATURE_JOB.is_file()
    include = shell.ROOT / "include"
    for stage in shell.stages("1"):
        if "-m" in stage.command:
            module = include / stage.command[stage.command.index("-m") + 1].replace(".", "/")
            assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), module
