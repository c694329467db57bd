"""Imported results stand beside the leaderboard, plainly marked, and in no number of this pipeline."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.read import query
from tests.browser import Browser, needs_chromium
from tests.loaders.rich_lake import rich_lake
from tests.site_fixture import needs_node, served_site

pytestmark = [needs_node, needs_chromium]
PAGE = "dashboard/leaderboard/"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_lake(tmp_path_factory.mktemp("earlier") / "lake")


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served_site(root) as url:
        yield url


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_imported_rows_are_marked_and_carry_their_defects(
    browser: Browser, address: str, root: Path, width: int, dark: bool
) -> None:
    with browser.open_site(address + PAGE, width=width, dark=dark) as visit:
        visit.page.wait_for_selector("#earlier table")
        assert "Not results of this pipeline." in visit.page.locator("#earlier [role=note]").inner_text()
        rows = visit.table("#earlier")
        assert [row[0] for row in rows] == ["GAT student imported"] * 2
        assert [row[1] for row in rows] == ["1, 2"] * 2
        sql = "SELECT value FROM metrics WHERE run_id = 'legacy-evaluate' AND metric = 'f1' ORDER BY capture"
        assert [row[4] for row in rows] == [f"{row['value']:.3f}" for row in query(root, sql).to_pylist()]
        said = visit.page.locator("#earlier li").all_inner_texts()
        assert said == ["validation-leak: the same window can train and validate.", "last-weights: not the best ones."]
        assert "an earlier tracker" in visit.page.locator("#earlier caption").inner_text()
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        visit.check()


def test_no_table_of_results_has_an_imported_value(browser: Browser, address: str) -> None:
    """An imported F1 is above .99, which none of this pipeline's made-up values is above by three digits."""
    with browser.open_site(f"{address}{PAGE}?protocol=not stated") as visit:
        visit.page.wait_for_selector("#earlier table")
        own = [float(row[1].split()[0]) for row in visit.table("#results") if row[1][0].isdigit()]
        earlier = [float(row[4]) for row in visit.table("#earlier")]
        assert not {*own} & {*earlier}
        assert min(earlier) >= 0.99
        assert "imported" not in visit.page.locator("#results").inner_text()


def test_without_imported_rows_there_is_no_such_section(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#results table")
        visit.page.wait_for_load_state("networkidle")
        assert visit.page.locator("#earlier-section").is_hidden()
        visit.check()
