"""A candidate that breaks while people decide is rolled back, and a yes that comes afterwards comes too late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from tests.system.deployment import PIPELINE, REQUESTS, Deployment
from tests.system.processes import kill, wait_until
from tests.system.releases import Release


def test_a_candidate_that_breaks_while_people_decide_is_rolled_back_and_their_yes_comes_too_late(
    deployment: Deployment, waiting: Release
) -> None:
    before = deployment.champion()
    assert deployment.serving_state().challenger == waiting.version

    with spoiled(deployment, waiting.version):
        kill(deployment.process("serving"))
        sent = deployment.send(date(2013, 2, 21)).finish()
        assert (sent.requests, sent.errors) == (REQUESTS, 0), "the champion answers in the broken candidate's place"
        wait_until(lambda: waiting.events()[-1] == "voided", "the guard ends the release")

    wait_until(lambda: deployment.serving_state().challenger is None, "its canary ends")
    serving = deployment.serving_state()
    assert (serving.champion, serving.canary_percent) == (before, 0.0)

    waiting.answer("approve", "looked fine an hour ago")

    tasks = waiting.finish()
    assert (tasks["guard"], tasks["approve"], tasks["promote"]) == ("failed", "failed", "upstream_failed")
    assert deployment.champion() == before
    assert not {"approved", "promoted"} & set(waiting.events())
    deployment.ledger.verify()


@contextmanager
def spoiled(deployment: Deployment, version: int) -> Iterator[None]:
    """The model file of a version is broken, in MLflow and in the service's cache.

    In MLflow it is mended afterwards: other versions of the same model share it there, and keep theirs in the cache.
    """
    model_id = deployment.registry.versions.get(PIPELINE, version).model_id
    home = deployment.settings.home
    stored = [path for path in (home / "mlflow").rglob("*.onnx") if model_id in path.parts]
    cached = list((home / "serving" / PIPELINE / "models" / str(version)).rglob("*.onnx"))
    assert stored, f"no files of {model_id} below {home / 'mlflow'}"
    assert cached, f"v{version} is not in the service's cache"
    whole = {path: path.read_bytes() for path in stored}
    for path in stored + cached:
        path.write_bytes(b"no model any more")
    try:
        yield
    finally:
        for path, content in whole.items():
            path.write_bytes(content)
