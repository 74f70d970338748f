"""Write the pins of requirements.txt and requirements-dev.txt from what is installed in .venv.

The first block of each file names what this project asks for itself and is kept as it is, comments included; the
second block is everything that comes along with it. To change a version: change it in the first block, install it
(``.venv/bin/pip install -r requirements.txt``), run this, read the difference, run the tests.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
DIVIDER = "# ---- What comes along with them (scripts/freeze.py writes what is below this line) ----\n"


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Name and version of every installed package that ``wanted`` needs here, itself included."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    queue = [(canonicalize_name(one.name), extra) for one in wanted for extra in {"", *one.extras}]
    while queue:
        name, extra = queue.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            package = distribution(name)
        except PackageNotFoundError:  # a requirement of another platform or Python
            continue
        # a local label such as +cpu says where this build came from, not what the project asks for
        found[name] = package.version.split("+")[0]
        for line in package.requires or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                queue += [(canonicalize_name(needed.name), inner) for inner in {"", *needed.extras}]
    return found


def direct(block: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in block.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def repin(block: str, versions: dict[str, str]) -> str:
    """The hand-written block with each requirement's version set to the installed one."""

    def pin(match: re.Match[str]) -> str:
        version = versions.get(canonicalize_name(match["name"]))
        return f"{match['name']}{match['extras'] or ''}=={version}" if version else match[0]

    pattern = r"^(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\[[^\]]*\])?(?P<spec>[<>=!~][^#\s]*)?(?=[ \t]*(#|$))"
    return re.sub(pattern, pin, block, flags=re.MULTILINE)


def main() -> None:
    already: dict[str, str] = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        path = ROOT / name
        block = path.read_text().split(DIVIDER)[0].rstrip("\n") + "\n\n"
        versions = closure(direct(block))
        named = {canonicalize_name(one.name) for one in direct(block)}
        rest = sorted(one for one in versions if one not in named and one not in already)
        path.write_text(repin(block, versions) + DIVIDER + "".join(f"{one}=={versions[one]}\n" for one in rest))
        already |= versions
        print(f"{name}: {len(named)} asked for, {len(rest)} come along")


if __name__ == "__main__":
    main()
