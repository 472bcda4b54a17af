"""A headless Chromium, a report for it, and pages that hold it to what a report promises: no error, no request."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.browser.gallery import ROWS
from tests.reports import make_report

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium():
    """The browser: the program that CHROMIUM names, or chromium of the PATH."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs Chromium: install Debian's package chromium, or name the program in CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Opens a file at a width in a colour scheme, at a state: what follows # in its address.

    At the end there must have been neither an error nor a request.
    """
    wrong, opened = [], []

    def visit(path, width=1280, scheme="light", state=""):
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened.append(page)
        page.on("console", lambda message: message.type == "error" and wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
        page.goto(f"{path.as_uri()}#{state}" if state else path.as_uri())
        return page

    yield visit
    for page in opened:
        page.close()
    assert wrong == []


@pytest.fixture(scope="session")
def digits_report(tmp_path_factory):
    return make_report(tmp_path_factory.mktemp("report") / "report.html", ROWS, (12, 10, 1))
