"""A person at a browser, real headless Chromium: any page; signs in to Airflow and answers a required action."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def chromium() -> str:
    """Path of the distribution's Chromium; set-up installs it for the tests."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "Chromium is missing: scripts/setup.sh test installs it (apt-get install chromium)"
    return path


@contextmanager
def a_page() -> Iterator[Page]:
    """An empty page of a browser of its own."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=[*QUIET, *root])
        try:
            page = browser.new_page(viewport={"width": 1500, "height": 1100})
            page.set_default_timeout(60_000)
            yield page
        finally:
            browser.close()


@contextmanager
def signed_in(url: str, user: str, password: str) -> Iterator[Page]:
    """A browser page, signed in to Airflow."""
    with a_page() as page:
        page.goto(f"{url}/auth/login")
        page.locator("input[name=username]").fill(user)
        page.locator("input[name=password]").fill(password)
        page.locator("button[type=submit]").click()
        page.wait_for_url(lambda address: "/auth/login" not in address)
        yield page


def answer(page: Page, action_url: str, option: str, reason: str, screenshot: Path | None = None) -> str:
    """Open a required action, read it, fill in the reason and click; returns the text that was shown."""
    page.goto(action_url)
    button = page.get_by_role("button", name=option, exact=True)
    button.wait_for()
    text = page.locator("body").inner_text()
    page.locator("[name=element_reason]").fill(reason)
    if screenshot is not None:
        page.screenshot(path=str(screenshot))
    button.click()
    expect(button).not_to_be_enabled(timeout=60_000)
    return text
