"""A real browser, with the explorer's page open."""

import shutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from rnnlab.experiments._lab import store
from tests.experiments.explore import RESULT


@cache
def why_no_browser() -> str:
    """Why pages can't be tested here; nothing if they can."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "no Playwright: pip install 'rnnlab[test]'"
    return "" if chromium() else "no Chromium: apt-get install chromium"


def chromium() -> str | None:
    """Where Debian's Chromium is, or another's."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if why_no_browser():
        pytest.skip(why_no_browser())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        started = player.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """A fresh page, at whose end nothing may have been said on the console."""
    said: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((RESULT / store.PAGE).as_uri())
    yield page
    page.close()
    assert said == []
