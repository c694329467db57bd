"""The preview in a real browser: its numbers, its figure, and its own word about what it is."""

import pytest

from lake.read import query
from loaders.paper import PAPER, quarto
from tests.browser import Browser, needs_chromium
from tests.site_fixture import built_site, needs_node

pytestmark = [
    needs_node,
    needs_chromium,
    pytest.mark.skipif(quarto() is not None, reason="Quarto is on PATH, so the site has no preview"),
]


COMPUTED = "[...document.querySelectorAll('.cell-inline')].every((place) => place.textContent !== '…')"


def value(sql: str) -> float:
    site = built_site()
    return float(query(site.lake, sql, site.snapshot).to_pylist()[0]["value"])


def test_numbers_in_the_text_are_those_of_the_lake(browser: Browser, url: str) -> None:
    scored = "SELECT value FROM metrics WHERE model_run_id = 'made_up-{}-42' AND capture = 'known vehicles' {}"
    f1 = value(scored.format("fusion", "AND metric = 'f1'"))
    fpr = value(scored.format("fusion", "AND metric = 'fpr'"))
    frames = value("SELECT frames AS value FROM datasets")
    with browser.open_site(url + "paper/") as visit:
        visit.page.wait_for_selector("#fig-captures svg")
        visit.page.wait_for_function(COMPUTED)
        text = visit.page.locator("main").inner_text()
        assert f"the fused students reach an F1 of {f1:.3f} with a false positive rate of {fpr:.4f}" in text
        assert "The rows of this snapshot state no protocol" in text
        assert "This snapshot has no baseline to compare with." in text
        assert "undefined" not in text
        assert f"{frames:,.0f} frames" in text
        assert "This snapshot is a demonstration" in text
        assert "with one seed" in text
        assert "…" not in [span.strip() for span in visit.page.locator(".cell-inline").all_inner_texts()]
        visit.check()


def test_the_preview_calls_itself_one(browser: Browser, url: str) -> None:
    with browser.open_site(url + "paper/") as visit:
        note = visit.page.locator("aside.preview").inner_text()
        assert note.startswith("A preview, not Quarto’s rendering.")
        assert "Quarto would add" in note


def test_the_figure_follows_its_control(browser: Browser, url: str) -> None:
    with browser.open_site(url + "paper/") as visit:
        visit.page.wait_for_selector("#fig-captures svg[aria-label^='F1']")
        visit.page.get_by_label("Metric").select_option(label="AUROC")
        visit.page.wait_for_selector("#fig-captures svg[aria-label^='AUROC']")
        assert visit.page.locator("#fig-captures figcaption").inner_text().startswith("Figure 1: ")
        assert visit.page.locator("a[href='#fig-captures']").inner_text() == "Figure\u00a01"
        visit.check()


def test_citations_and_formula_are_rendered_without_a_library(browser: Browser, url: str) -> None:
    with browser.open_site(url + "paper/") as visit:
        assert visit.page.locator("math").count() == 1
        entries = (PAPER / "references.bib").read_text().count("\n@") + 1
        assert visit.page.locator("#refs .csl-entry").count() == entries
        assert "@" not in visit.page.locator("main").inner_text()
