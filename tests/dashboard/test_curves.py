"""Training curves: what is drawn, what the controls change."""

import pytest

from lake.read import query
from tests.browser import Browser, needs_chromium
from tests.site_fixture import built_site, needs_node

pytestmark = [needs_node, needs_chromium]
PAGE = "dashboard/curves/"


def test_a_panel_a_model_with_its_kept_epoch(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#curves svg")
        captions = visit.page.locator("#curves figcaption").all_inner_texts()
        assert [caption.split(" on ")[0] for caption in captions] == [
            "VGAE teacher", "VGAE student", "GAT teacher", "GAT student", "Fusion",
        ]  # fmt: skip
        assert all("1 seed (42)" in caption for caption in captions)
        described = visit.page.locator("#curves svg").first.get_attribute("aria-description") or ""
        assert "at the kept epoch 3 (seed 42)" in described


def test_numbers_beside_the_curves_equal_the_lake(browser: Browser, url: str) -> None:
    site = built_site()
    sql = "SELECT value FROM epochs WHERE run_id = 'made_up-gat_teacher-42' AND metric = 'auroc' AND {} ORDER BY split"
    kept, last = (
        [row["value"] for row in query(site.lake, sql.format(where), site.snapshot).to_pylist()]
        for where in ("epoch = 3", "epoch = 5")
    )
    with browser.open_site(url + PAGE + "?metric=auroc") as visit:
        visit.page.wait_for_selector("#numbers table")
        row = next(row for row in visit.table("#numbers") if row[0] == "GAT teacher")
        shown = [float(cell) for cell in row[5:]]
        assert shown == pytest.approx([*kept, *last], rel=1e-3)


def test_controls_choose_metric_models_and_scale(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#curves svg")
        visit.page.locator("form[data-name=metric] select").select_option(label="AUROC")
        visit.page.get_by_label("GAT teacher", exact=True).uncheck()
        visit.page.locator("form[data-name=scale] select").select_option(label="logarithmic")
        visit.page.wait_for_selector("#curves svg[aria-label='VGAE teacher: AUROC by epoch']")
        assert visit.page.locator("#curves figure").count() == 4
        for name in ("VGAE teacher", "VGAE student", "GAT student", "Fusion"):
            visit.page.get_by_label(name, exact=True).uncheck()
        assert "choose another metric or model" in visit.page.locator("#curves").inner_text()
        visit.check()
