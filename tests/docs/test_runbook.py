"""Errors lead to the runbook, and the runbook has a place for each."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from tests.docs.markdown import ROOT, Page, slug

RUNBOOK = ROOT / "docs" / "runbook.md"
PAGE = Page(RUNBOOK, RUNBOOK.read_text(encoding="utf-8"))
ENTRIES = re.findall(r'<a id="([^"]+)"></a>\n\n### (.+)\n\n((?:(?!\n#|\n<a ).|\n(?!#|<a ))*)', PAGE.text)
PARTS = ("You see", "It means", "Look", "Do")


def links_in_code() -> dict[str, set[str]]:
    """Files that mention an anchor of the runbook, by anchor."""
    found: dict[str, set[str]] = {}
    for folder in ("include", "plugins", "dags", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            # a long text may be written in two pieces
            text = re.sub(r'"\s*f?"', "", path.read_text(encoding="utf-8"))
            for anchor in re.findall(r"runbook\.md#([\w-]+)", text):
                found.setdefault(anchor, set()).add(path.name)
    return found


def test_every_anchor_that_the_code_mentions_is_there() -> None:
    assert {anchor: files for anchor, files in links_in_code().items() if anchor not in PAGE.ids} == {}


def test_the_errors_of_a_bad_night_lead_to_the_runbook() -> None:
    wanted = {"registry-away", "ledger-away", "ledger-tampered", "features-away", "serving-not-ready", "disk-full"}
    wanted |= {"dag-import-error", "stack-does-not-come-up", "not-approved", "gates-missed", "validation-failed"}
    assert wanted - links_in_code().keys() == set()


def test_no_two_anchors_collide() -> None:
    headings = [slug(heading) for heading in re.findall(r"^#+ (.+)$", PAGE.prose, re.MULTILINE)]
    assert [anchor for anchor, times in Counter([*PAGE.ids, *headings]).items() if times > 1] == []


def test_every_entry_has_an_anchor() -> None:
    assert len(ENTRIES) == len(re.findall(r"^### ", PAGE.text, re.MULTILINE)) == len(PAGE.ids)


@pytest.mark.parametrize(("anchor", "heading", "text"), ENTRIES, ids=[entry[0] for entry in ENTRIES])
def test_every_entry_says_what_one_sees_what_it_means_where_to_look_and_what_to_do(
    anchor: str, heading: str, text: str
) -> None:
    assert tuple(re.findall(r"^- \*\*(.+?)\*\*:", text, re.MULTILINE)) == PARTS, heading


def test_errors_that_the_runbook_names_are_classes_of_the_code() -> None:
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)\b", PAGE.prose))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "include").rglob("*.py")]
    classes = {name for text in sources for name in re.findall(r"^class (\w+)", text, re.MULTILINE)}
    kubernetes = {"DeadlineExceeded"}
    assert named - classes - kubernetes == set()
