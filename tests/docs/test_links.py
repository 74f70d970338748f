"""A link in a document leads somewhere."""

from __future__ import annotations

import pytest
from tests.docs.markdown import ROOT, Page, pages, slug

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_place_that_are_there(page: Page) -> None:
    lost = []
    for target in page.links:
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        if not path.exists() or not path.is_relative_to(ROOT):
            lost.append(target)
        elif anchor and path.suffix == ".md":
            there = Page(path, path.read_text(encoding="utf-8"))
            if anchor not in there.anchors:
                lost.append(target)
    assert lost == []


def test_anchors_are_made_as_github_makes_them() -> None:
    assert slug("Bring your own model") == "bring-your-own-model"
    assert slug("`pipeline.yaml`, and why: 1st [link](a.md)!") == "pipelineyaml-and-why-1st-link"


def test_every_document_can_be_reached_from_the_readme() -> None:
    by_path = {page.path: page for page in PAGES}
    seen, queue = set(), [ROOT / "README.md"]
    while queue:
        page = by_path.get(path := queue.pop())
        if path in seen or page is None:
            continue
        seen.add(path)
        for target in page.links:
            linked = (page.path.parent / target.partition("#")[0]).resolve()
            queue += sorted(linked.glob("*.md")) if linked.is_dir() else [linked]
    documents = {path for path in by_path if (ROOT / "docs") in path.parents or path.parent == ROOT}
    assert {path.relative_to(ROOT).as_posix() for path in documents - seen} == set()
