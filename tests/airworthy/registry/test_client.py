"""One real MLflow server: away within seconds, and what talking to it imports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from airworthy.registry.client import RegistryAway
from airworthy.registry.registry import Registry

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_talking_to_the_registry_does_not_import_feast_and_torch(registry: Registry) -> None:
    script = f"""
import sys
from airworthy.registry.registry import Registry
Registry({registry.server.url!r}).aliases.serving_state("m")
print([name for name in ("feast", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert done.stdout.strip() == "[]"


def test_a_registry_that_is_away_is_noticed_in_seconds() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(RegistryAway, match="does not answer") as caught:
        Registry(url).aliases.serving_state("m")
    assert time.monotonic() - began < 15
    assert caught.value.next_step
