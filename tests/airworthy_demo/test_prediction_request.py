"""The line that people copy from the demo's last screen works as it stands, and gives no secret away."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from serving_parts import NAME, TOKEN, FakeRegistry, build, running, serves, settings_at

from airworthy_demo.prediction_request import curl_line, predict_url
from airworthy_demo.world import World

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


class Watched:
    """An application, and the status of each of its answers by path."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.answers: list[tuple[str, int]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.answers.append((scope["path"], message["status"]))
            await send(message)

        await self.app(scope, receive, watched)


@needs_curl
def test_the_line_asks_the_service_for_a_real_flight_in_any_folder_behind_any_proxy(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1)
    registry.point(champion=1)
    home = tmp_path / "it's home"
    app = Watched(build(home, registry)[0])
    flight = World().requests(date(2013, 9, 1))[0]
    with running(app) as client:
        serves(client, champion=1)
        settings = settings_at(home).model_copy(update={"serving_url": str(client.base_url)})
        shell = subprocess.run(
            ["bash", "-c", curl_line(settings, NAME, flight)],
            cwd="/",
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "http_proxy": "http://127.0.0.1:9"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert shell.returncode == 0, shell.stderr
    (prediction,) = json.loads(shell.stdout)["predictions"]
    assert (prediction["key"], prediction["version"]) == (flight["key"], 1)
    assert 0 <= prediction["probability"] <= 1
    assert app.answers[-1] == (f"/v1/models/{NAME}:predict", 200)
    assert shell.stdout.endswith("}\n"), "the prompt comes on a line of its own"


def test_the_token_is_in_a_file_for_its_owner_only_and_not_in_the_line(tmp_path: Path) -> None:
    line = curl_line(settings_at(tmp_path), NAME, {"key": "k"})
    assert "\n" not in line and TOKEN not in line
    (headers,) = (tmp_path / "secrets").iterdir()
    assert f"@{headers.resolve()}" in line and TOKEN in headers.read_text()
    assert stat.S_IMODE(headers.stat().st_mode) == 0o600


def test_the_address_is_the_service_s_whether_it_ends_in_a_slash_or_not(tmp_path: Path) -> None:
    for base in ("http://far:8600", "http://far:8600/"):
        settings = settings_at(tmp_path).model_copy(update={"serving_url": base})
        assert predict_url(settings, "trains") == "http://far:8600/v1/models/trains:predict"
