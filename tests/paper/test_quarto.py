"""The same paper through real Quarto, where a machine has it."""

from pathlib import Path

import pytest

from loaders.paper import quarto
from tests.browser import Browser, needs_chromium
from tests.site_fixture import needs_node

pytestmark = [
    needs_node,
    pytest.mark.skipif(quarto() is None, reason="Quarto is not on PATH: only the preview was rendered"),
]


@needs_chromium
def test_quarto_renders_the_paper_with_its_numbers(browser: Browser, url: str, tmp_path: Path) -> None:
    with browser.open_site(url + "paper/", wait="networkidle") as visit:
        visit.page.wait_for_selector("#fig-captures svg")
        assert "the fused students reach an F1 of 0." in visit.page.locator("main").inner_text()
        assert visit.outside == []
        assert visit.errors == []
