"""Landed files become published features whatever is killed meanwhile, and a second run changes nothing."""

from __future__ import annotations

from datetime import date

from tests.system.deployment import PIPELINE, PUBLISHED, TRAINING, Deployment
from tests.system.processes import at_work, kill

from airworthy.lake import tables

#: Lands with this test, so that there is something to take in although other tests have published features.
NEW_DAY = date(2013, 2, 8)


def test_landed_files_become_published_features_although_spark_is_killed_and_a_second_run_changes_nothing(
    deployment: Deployment,
) -> None:
    before = deployment.table_versions()
    deployment.world.land(deployment.settings.landing, NEW_DAY, NEW_DAY)

    deployment.start("data", "killed")
    kill(at_work(deployment.settings, r"org\.apache\.spark\.deploy\.SparkSubmit"))
    kill(deployment.process("dag-processor"))
    deployment.must_succeed("data", "killed")

    assert deployment.tries("data", "killed")["features"] == 2
    after = deployment.table_versions()
    assert None not in after.values()
    for table in (tables.raw(PIPELINE, "flights"), tables.raw(PIPELINE, "weather"), TRAINING, PUBLISHED):
        assert after[table] != before[table], table

    deployment.start("data", "again")
    deployment.must_succeed("data", "again")

    assert deployment.table_versions() == after
