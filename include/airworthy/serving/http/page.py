"""A page of the service: plain HTML with its style inside, so that a closed network shows it too."""

from __future__ import annotations

import base64
import hashlib
import html

STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881; --accent: #1c64b4; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
main.narrow { max-width: 27rem; padding-top: 12vh; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; } h2 { margin: 2.5rem 0 .25rem; font-size: 1.1rem; }
h3 { margin: 1.25rem 0 .25rem; font-size: .95rem; }
p { margin: .5rem 0; } .note { font-size: .9rem; opacity: .8; } .wrong { color: #c0392b; font-weight: 600; }
section { border-top: 1px solid var(--line); }
code, pre { font: .9rem/1.45 ui-monospace, monospace; } pre { background: var(--soft); padding: .75rem 1rem;
  overflow-x: auto; border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 3.2rem; padding: 0 .4rem; margin-right: .5rem; border-radius: .3rem;
  background: var(--accent); color: #fff; font: 600 .85rem/1.6 ui-monospace, monospace; text-align: center; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
form { display: grid; gap: .5rem; margin: 1.25rem 0; }
input, button { font: inherit; padding: .5rem .65rem; border: 1px solid var(--line); border-radius: .4rem; }
button { background: var(--accent); color: #fff; border: 0; cursor: pointer; }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_TYPE = b"text/html; charset=utf-8"
#: Nothing but this style: no script, no other origin, no frame around it, no copy in a cache.
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'".encode(),
    ),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def page(title: str, body: str) -> str:
    """A whole page.

    Args:
        title: text.
        body: HTML, already escaped.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{html.escape(title)} · Airworthy serving</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>"
    )
