"""What a machine lacks is named before anything starts, with what to do about it."""

from __future__ import annotations

import pytest

from airworthy_local import preconditions


def test_a_missing_java_is_named_with_the_command_that_installs_it(tmp_path):
    with pytest.raises(preconditions.JavaMissing, match=r"JAVA_HOME=/nowhere[\s\S]*apt-get install.*jre"):
        preconditions.check_java({"JAVA_HOME": "/nowhere"})
    with pytest.raises(preconditions.JavaMissing, match="no Java on the PATH"):
        preconditions.check_java({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("version", "works"), [("1.8.0_362", False), ("11.0.2", False), ("17.0.1", True), ("21", True)]
)
def test_spark_needs_java_17(tmp_path, java, version, works):
    java(version)
    environment = {"JAVA_HOME": str(tmp_path / "jdk")}
    if works:
        preconditions.check_java(environment)
    else:
        with pytest.raises(preconditions.JavaMissing, match=version.replace(".", r"\.")):
            preconditions.check_java(environment)


def test_a_full_disk_is_reported_with_what_is_needed(tmp_path):
    with pytest.raises(preconditions.DiskFull, match="expected at least 1e\\+09 GB"):
        preconditions.check_disk(tmp_path, needed_gb=1e9)
