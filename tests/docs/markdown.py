"""What the tests of the documents share: the repository's Markdown files, their links, anchors, code and fences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Not the repository's own: what set-up, tests and the stack put there.
FOREIGN = frozenset({".venv", ".airworthy", ".git", "build", "node_modules", ".pytest_cache", ".ruff_cache"})
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Below the repository's root."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def prose(self) -> str:
        """Without what stands in fences."""
        return _FENCE.sub("", self.text)

    @property
    def fences(self) -> list[tuple[str, str]]:
        """Language and content of each fence."""
        return _FENCE.findall(self.text)

    @property
    def links(self) -> list[str]:
        """Targets of links and pictures, but for those to the web."""
        found = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [target for target in found if not re.match(r"[a-z]+:", target)]

    @property
    def code(self) -> list[str]:
        """What stands between backticks in the prose."""
        return [re.sub(r"\s+", " ", each) for each in re.findall(r"(?<!`)`([^`]+)`(?!`)", self.prose)]

    @property
    def ids(self) -> list[str]:
        """Anchors that were given by hand, in order."""
        return re.findall(r'<a id="([^"]+)"></a>', self.text)

    @property
    def anchors(self) -> set[str]:
        """Every place of the page that can be linked to: given by hand, or made by GitHub from a heading."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {*self.ids, *map(slug, headings)}


def slug(heading: str) -> str:
    """GitHub's anchor of a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def pages() -> list[Page]:
    """The repository's Markdown files."""
    found = [path for path in ROOT.rglob("*.md") if not FOREIGN.intersection(path.relative_to(ROOT).parts)]
    return [Page(path, path.read_text(encoding="utf-8")) for path in sorted(found)]
