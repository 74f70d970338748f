"""What the demo prints while it runs."""

from __future__ import annotations

import io

from rich.console import Console

from airworthy.airflow_api.client import TaskState
from airworthy_demo.view import View


def test_a_log_shows_each_change_once():
    shown = io.StringIO()
    view = View(Console(file=shown, width=120))
    with view.stage("Data"):
        for state in ("queued", "running", "running", "success"):
            view.tasks([TaskState("ingest", state, 2.0, 1)])
    lines = [line.split("ingest: ")[1] for line in shown.getvalue().splitlines() if "ingest" in line]
    assert lines == ["running  2 s", "success  2 s"]
