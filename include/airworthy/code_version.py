"""Which code made this: the git commit, or a digest of the sources where there is no repository."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1]


@cache
def code_version(sources: Path = SOURCES) -> str:
    """Version of the code below ``sources`` (default: ``include/``).

    Returns:
        The commit, with ``-dirty`` when tracked or new files below ``sources`` differ from it; ``sha256-`` and a
        digest of the files' names and contents where git or the repository is missing (a container image).
    """
    commit = _git(sources, "rev-parse", "HEAD")
    tracked = _git(sources, "ls-files", "--", ".")
    if commit and tracked:
        return f"{commit}-dirty" if _git(sources, "status", "--porcelain", "--", ".") else commit
    return f"sha256-{_digest(sources)[:40]}"


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and "__pycache__" not in parts and not any(part.endswith(".egg-info") for part in parts):
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
