"""docker-compose.yaml and the Dockerfile, as far as they can be judged without a container engine."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
SECRETS = set(re.findall(r"^([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
SETTINGS = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text())["airflow"]


def texts(value):
    """Every string in a document."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    else:
        yield str(value)


def waits_for_completion(name):
    """Is ``name`` a job that ends, and that others wait for?"""
    conditions = [each.get("depends_on", {}).get(name, {}) for each in SERVICES.values()]
    return any(each.get("condition") == "service_completed_successfully" for each in conditions)


def test_the_file_follows_the_compose_specification():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, ROOT / "docker-compose.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_of_the_system_is_there():
    parts = {"postgres", "minio", "minio-init", "redis", "mlflow", "spark-master", "spark-worker", "serving", "pods"}
    parts |= {"airflow-init", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(SERVICES) == parts


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_health_checked_or_ends_by_itself(name):
    service = SERVICES[name]
    if service["restart"] == "no":
        assert waits_for_completion(name)
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name):
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert tag and tag != "latest" and re.search(r"\d+[.-]\d+", tag)


def test_every_base_image_of_the_dockerfile_is_pinned():
    bases = re.findall(r"^(?:FROM|ARG PYTHON_IMAGE=)\s*([\w./-]+:[\w.-]+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2 and all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)


@pytest.mark.parametrize("name", [name for name in SERVICES if "ports" in SERVICES[name]])
def test_ports_are_published_on_loopback_only(name):
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name]["ports"])


def test_no_two_services_publish_the_same_port():
    published = [port.split(":")[1] for each in SERVICES.values() for port in each.get("ports", [])]
    assert len(published) == len(set(published))


def test_every_dependency_names_a_service_that_can_meet_its_condition():
    for name, service in SERVICES.items():
        for other, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}'s health check"
            if wanted["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no", f"{name} waits for {other} to end"


def test_secrets_have_no_default_and_each_is_explained_in_the_example():
    used = {match for text in texts(COMPOSE) for match in re.findall(r"\$\{(\w+)(?::[^}]*)?\}", text)}
    for text in texts(SERVICES):
        for name, rest in re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", text):
            assert rest == ":?set it in .env" or name.startswith("SPARK_WORKER_"), f"${{{name}{rest}}}"
    assert {name for name in used if not name.startswith("SPARK_WORKER_")} == SECRETS


def test_no_password_stands_in_the_file():
    for text in texts(COMPOSE):
        without = re.sub(r"\$\{[^}]*\}", "$", text)
        assert all(found[0] == "$" for found in re.findall(r'"password": "([^"]+)', without)), text
        assert all(found[0] == "$" for found in re.findall(r"://\w*:([^@/]+)@", without)), text
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|FERNET", key):
                assert value.startswith("${"), key


def test_airflow_has_the_connections_of_airflow_settings():
    environment = COMPOSE["x-airflow-environment"]
    prefix = "AIRFLOW_CONN_"
    there = {key.removeprefix(prefix).lower() for key in environment if key.startswith(prefix)}
    assert there == {connection["conn_id"] for connection in SETTINGS["connections"]}


@pytest.mark.parametrize("wanted", SETTINGS["connections"], ids=lambda each: each["conn_id"])
def test_a_connection_has_the_same_extras_as_in_airflow_settings(wanted):
    raw = COMPOSE["x-airflow-environment"][f"AIRFLOW_CONN_{wanted['conn_id'].upper()}"]
    found = json.loads(re.sub(r"\$\{\w+:\?[^}]*\}", "secret", raw))
    assert set(wanted.get("conn_extra", {})) == set(found.get("extra", {}))
    assert bool(wanted.get("conn_password")) == bool(found.get("password"))


def test_mounted_scripts_exist_and_are_sound_shell():
    mounted = [v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", []) if v.startswith("./")]
    assert len(mounted) == 3
    for path in [*mounted, "deploy/compose/new-env.sh"]:
        subprocess.run(["bash", "-n", ROOT / path], check=True)


def test_every_named_volume_is_declared_and_every_target_is_a_stage():
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith("./")
    }
    assert named == set(COMPOSE["volumes"])
    stages = set(re.findall(r" AS (\w+)$", DOCKERFILE, re.MULTILINE))
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= stages
    assert {"airflow", "trainer", "serving"} <= stages


def test_images_do_not_run_as_root_and_copy_only_what_exists():
    final = {}
    for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]:
        name = re.match(r"\S+ AS (\w+)", stage)[1]
        final[name] = re.findall(r"^USER (\w+)", stage, re.MULTILINE)
        for line in re.findall(r"^COPY (?!--from|<<)(?:--chown=\S+ )?(.+)$", stage, re.MULTILINE):
            assert all((ROOT / source).exists() for source in line.split()[:-1]), line
    assert final["airflow"] == final["trainer"] == final["serving"] == ["airflow"]


def test_sparks_s3_jars_have_the_version_of_hadoop_in_the_pinned_pyspark():
    jars = Path(pytest.importorskip("pyspark").__file__).parent / "jars"
    [hadoop] = [path.stem.removeprefix("hadoop-client-api-") for path in jars.glob("hadoop-client-api-*.jar")]
    assert re.search(r"^ARG HADOOP_VERSION=(\S+)$", DOCKERFILE, re.MULTILINE)[1] == hadoop


def test_serving_installs_pinned_packages_only():
    words = re.search(r"--constraint requirements.txt \\\n(.*?)\nCOPY", DOCKERFILE, re.DOTALL)[1]
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE | re.IGNORECASE))
    assert set(words.replace("\\", " ").split()) <= pinned


def test_new_env_fills_every_secret_once_and_for_its_owner_only(tmp_path):
    script = tmp_path / "deploy" / "compose" / "new-env.sh"
    script.parent.mkdir(parents=True)
    script.write_text((ROOT / "deploy" / "compose" / "new-env.sh").read_text())
    (tmp_path / ".env.example").write_text(EXAMPLE)
    subprocess.run(["bash", script], check=True, capture_output=True)
    written = tmp_path / ".env"
    values = dict(line.split("=", 1) for line in written.read_text().splitlines() if line and line[0] != "#")
    assert set(values) == SECRETS
    assert all(len(value) >= 44 for value in values.values()) and len(set(values.values())) == len(values)
    assert written.stat().st_mode & 0o777 == 0o600
    from cryptography.fernet import Fernet

    Fernet(values["AIRFLOW_FERNET_KEY"])
    again = subprocess.run(["bash", script], capture_output=True, text=True)
    assert again.returncode == 1 and "there already" in again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", ".env.example", "deploy"]
