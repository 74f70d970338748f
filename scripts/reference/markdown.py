"""Markdown of the reference pages: one head for all, tables, and what a missing description means."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

HEAD = "<!-- Written by `make reference` from the code. Do not edit: change the code and run it again. -->"


class Undescribed(Exception):
    """Something that people use does not say what it is for."""


def page(title: str, *parts: str) -> str:
    """A page of these paragraphs and tables; empty ones are left out."""
    return "\n\n".join([f"# {title}", HEAD, *filter(None, parts)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold pipes."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def required(what: str, description: str | None) -> str:
    """The description on one line.

    Raises:
        Undescribed: there is none.
    """
    if not (description or "").strip():
        raise Undescribed(f"{what} has no description: say in the code what it is for")
    return joined(str(description))


def first_paragraph(what: str, text: str | None) -> str:
    """The first paragraph of a docstring, on one line.

    Raises:
        Undescribed: there is none.
    """
    return required(what, (text or "").strip().partition("\n\n")[0])


def paragraphs(text: str) -> str:
    """A docstring's text with each paragraph on one line."""
    return "\n\n".join(joined(each) for each in inspect.cleandoc(text).split("\n\n")).replace("``", "`")


def joined(text: str) -> str:
    """On one line; Sphinx' double backticks become Markdown's."""
    return " ".join(text.split()).replace("``", "`")
