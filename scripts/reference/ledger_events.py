"""The release ledger's events and fields."""

from __future__ import annotations

import dataclasses
import inspect
import re

from scripts.reference.markdown import joined, page, required, table


def ledger_events() -> str:
    """Every kind of event, and what one entry holds."""
    from airworthy.ledger.events import CHAMPION_EVENTS, EVENTS, MEANINGS, Entry
    from airworthy.release.decisions.approval import CLOSING

    effects = dict.fromkeys(CLOSING, "ends the release")
    effects |= {event: f"{effects[event]}, new champion" if event in CLOSING else "new champion"
                for event in sorted(CHAMPION_EVENTS)}  # fmt: skip
    attributes = _attributes(Entry)
    fields = [
        (f"`{f.name}`", required(f"the ledger's field {f.name}", attributes.get(f.name)))
        for f in dataclasses.fields(Entry)
    ]
    return page(
        "Ledger events",
        "The release ledger is an append-only table; every row carries the hash of the one before. `airworthy ledger` "
        "shows it, `airworthy ledger --verify` checks it.",
        table(
            ("event", "what happened", "effect"),
            ((f"`{e}`", required(f"the event {e}", MEANINGS.get(e)), effects.get(e, "")) for e in EVENTS),
        ),
        "## One entry",
        table(("field", "meaning"), fields),
    )


def _attributes(documented: type) -> dict[str, str]:
    """The ``Attributes:`` of a docstring."""
    section = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^ {4}(\w+): ((?:.|\n {8})+)", section, re.MULTILINE)
    return {name: joined(text) for name, text in found}
