"""A real headless Chromium that visits the site and keeps what must not happen: requests that leave the
origin, errors, and violations of the Content-Security-Policy."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from loaders.serve import listen

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
# Listens before any script of the page; violations inside workers arrive as console messages too.
_VIOLATIONS = """
window.__violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


def chromium() -> str | None:
    """The Chromium or Chrome on PATH."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


needs_chromium = pytest.mark.skipif(
    chromium() is None, reason=f"no Chromium on PATH (looked for {', '.join(NAMES)}): the page was not opened"
)


@dataclass
class Visit:
    """An open page and what happened since it was opened."""

    page: Any
    origin: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        """Requests, those of workers included, that left the page's origin."""
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme not in ("blob", "data") and not url.startswith(self.origin)
        ]

    @property
    def violations(self) -> list[str]:
        return list(self.page.evaluate("window.__violations"))

    @property
    def failures(self) -> list[str]:
        """What the page itself says went wrong."""
        return list(self.page.locator(".failure").all_inner_texts())

    def check(self) -> None:
        """Fails where anything left the origin, went wrong, broke the policy or is shown as a failure."""
        assert self.outside == []
        assert self.errors == []
        assert self.violations == []
        assert self.failures == []

    def table(self, place: str) -> list[list[str]]:
        """The cells, as text, of the first table in the element `place`."""
        script = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        return list(self.page.locator(f"{place} table").first.locator("tbody tr").evaluate_all(script))


class Browser:
    """Opens pages, each in a context of its own: no cache and no storage from the page before."""

    def __init__(self, chromium_browser: Any) -> None:
        self.chromium = chromium_browser

    @contextmanager
    def open_site(self, url: str, *, width: int = 1280, dark: bool = False, wait: str = "load") -> Iterator[Visit]:
        """The page at `url`, with its requests, errors and policy violations recorded from the start."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        context.add_init_script(_VIOLATIONS)
        page = context.new_page()
        parts = urlsplit(url)
        visit = Visit(page, f"{parts.scheme}://{parts.netloc}/")
        context.on("request", lambda request: visit.requests.append(request.url))
        context.on("requestfailed", lambda request: visit.errors.append(f"failed: {request.url} {request.failure}"))
        page.on("pageerror", lambda error: visit.errors.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                visit.errors.append(f"console: {message.text}") if message.type in ("error", "warning") else None
            ),
        )
        try:
            page.goto(url, wait_until=wait)
            yield visit
        finally:
            context.close()


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Chromium from PATH, headless; no download of a browser of Playwright's own."""
    from playwright.sync_api import sync_playwright

    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), headless=True, args=[*_FLAGS, *root])
        try:
            yield Browser(running)
        finally:
            running.close()


@contextmanager
def served(out: Path) -> Iterator[str]:
    """The site at `out` on a free port of this machine; the address ends with a slash."""
    server = listen(out, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
