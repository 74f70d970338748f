"""scripts/setup.sh on machines that lack something: a PATH without it, and an apt-get that records what it is asked."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "pyproject.toml")
ABSENT = ("java", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "kubectl", "sudo")
APT = ("apt-get", "apt-cache")

# As the real one: the answer first, then much more than a pipe's buffer holds.
APT_CACHE = """#!/bin/bash
[[ " $AVAILABLE " == *" $2 "* ]] || exit 0
printf '%s:\\n  Installed: (none)\\n  Candidate: 1.2.3\\n  Version table:\\n' "$2"
for _ in {1..5000}; do echo '     1.2.3 500 a line of the version table'; done
"""
APT_GET = """#!/bin/bash
echo "$@" >> "$APT_CALLS"
[ "$1" = install ] || exit 0
make() { printf '#!/bin/bash\\n%s\\n' "$2" > "$OWN/$1"; chmod +x "$OWN/$1"; }
for name in "$@"; do
  case $name in
    openjdk-*) make java "echo 'openjdk version \\"${name//[!0-9]/}.0.1\\" 2025-04-15' >&2" ;;
    chromium) make chromium true ;;
    kubernetes-client) make kubectl true ;;
  esac
done
"""


class Machine:
    """A folder with set-up and finished Python packages, and a PATH with everything of this machine but ABSENT.

    What a test adds lies in a folder of its own, before the links to this machine's programs: nothing is ever written
    through a link.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.own = folder / "own"
        self.tools = folder / "tools"
        self.calls = folder / "apt-calls"
        self.own.mkdir()
        self.tools.mkdir()
        self._link_tools()
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/setup.sh", folder / "scripts")
        for name in REQUIREMENTS:
            shutil.copy(ROOT / name, folder)
        (folder / ".venv/bin").mkdir(parents=True)
        self._write(folder / ".venv/bin/python", "#!/bin/bash\necho 'no test gets as far as pip' >&2\nexit 1\n")
        digest = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in REQUIREMENTS)).hexdigest()
        (folder / ".venv/.set-up-for").write_text(digest + "\n")

    def _link_tools(self) -> None:
        for place in ("/usr/bin", "/bin"):
            for tool in Path(place).iterdir():
                link = self.tools / tool.name
                if tool.name not in ABSENT + APT and not link.is_symlink():
                    link.symlink_to(tool)

    def add(self, name: str, text: str) -> None:
        self._write(self.own / name, text)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def set_up(self, purpose: str = "run", available: str = "") -> subprocess.CompletedProcess:
        path = f"{self.own}:{self.tools}"
        env = {"PATH": path, "AVAILABLE": available, "APT_CALLS": str(self.calls), "OWN": str(self.own)}
        command = ["/bin/bash", str(self.folder / "scripts/setup.sh"), purpose]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    def installed(self) -> list[str]:
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [word for line in lines if line.startswith("install") for word in line.split()[1:] if word[0] != "-"]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def debian(machine):
    machine.add("apt-cache", APT_CACHE)
    machine.add("apt-get", APT_GET)
    machine.add("id", "#!/bin/bash\necho 0\n")
    return machine


def test_missing_java_is_installed_and_a_second_run_installs_nothing(debian):
    result = debian.set_up(available="openjdk-17-jre-headless openjdk-21-jre-headless")
    assert result.returncode == 0, result.stderr
    assert debian.installed() == ["openjdk-17-jre-headless"]
    assert "installing openjdk-17-jre-headless" in result.stdout
    assert debian.set_up().returncode == 0
    assert debian.installed() == ["openjdk-17-jre-headless"]


def test_a_newer_distribution_gives_its_newer_java(debian):
    assert debian.set_up(available="openjdk-21-jre-headless").returncode == 0
    assert debian.installed() == ["openjdk-21-jre-headless"]


def test_the_tests_also_get_chromium_and_kubectl(debian):
    everything = "openjdk-17-jre-headless chromium kubernetes-client"
    assert debian.set_up("test", available=everything).returncode == 0
    assert debian.installed() == everything.split()


def test_java_too_old_is_not_enough(debian):
    debian.add("java", "#!/bin/bash\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    assert debian.set_up(available="openjdk-17-jre-headless").returncode == 0
    assert debian.installed() == ["openjdk-17-jre-headless"]


def test_without_root_it_names_the_one_command_and_installs_nothing(debian):
    debian.add("id", "#!/bin/bash\necho 1000\n")
    result = debian.set_up(available="openjdk-17-jre-headless")
    assert result.returncode == 1
    assert (
        "next: sudo apt-get update && sudo apt-get install -y --no-install-recommends openjdk-17-jre-headless"
    ) in result.stderr
    assert debian.installed() == []


def test_another_system_is_told_what_is_needed(machine):
    result = machine.set_up()
    assert result.returncode == 1
    assert "Java 17+" in result.stderr and "no apt-get here" in result.stderr


def test_a_distribution_without_java_says_so(debian):
    result = debian.set_up()
    assert result.returncode == 1
    assert "Java 17 or newer is missing" in result.stderr and "JAVA_HOME" in result.stderr


def test_a_failing_package_manager_shows_its_last_lines(debian):
    debian.add("apt-get", "#!/bin/bash\n[ $1 = update ] || { echo 'E: no space left on device'; exit 100; }\n")
    result = debian.set_up(available="openjdk-17-jre-headless")
    assert result.returncode == 1
    assert "E: no space left on device" in result.stderr and "could not install" in result.stderr
    assert os.access(debian.folder / ".airworthy/setup.log", os.R_OK)
