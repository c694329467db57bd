"""The leaderboard's rows against the lake itself, and what a reader can do with them."""

import pytest

from lake.read import query
from tests.browser import Browser, Visit, needs_chromium
from tests.site_fixture import built_site, needs_node

pytestmark = [needs_node, needs_chromium]

PAGE = "dashboard/leaderboard/"
NAMES = {"vgae": "VGAE", "gat": "GAT", "fusion": "Fusion"}
COLUMNS = ("f1", "precision", "recall", "fpr", "mcc", "auroc", "accuracy")
# Straight from the lake's views, without the loader.
DIRECT = """
    SELECT runs.model, runs.role, metrics.capture, metrics.metric, metrics.value, metrics.n, metrics.n_attack
    FROM metrics JOIN runs ON runs.run_id = metrics.model_run_id
    WHERE metrics.split = 'test' AND metrics.metric <> 'threshold'
"""


def expected(captures: str) -> set[tuple[str, ...]]:
    """The table as the page should show it, computed from the lake."""
    site = built_site()
    rows = query(site.lake, f"{DIRECT} AND {captures}", site.snapshot).to_pylist()
    shown = set()
    for model, role, capture in {(row["model"], row["role"], row["capture"]) for row in rows}:
        mine = [row for row in rows if (row["model"], row["role"], row["capture"]) == (model, role, capture)]
        values = {row["metric"]: row["value"] for row in mine}
        cells = ["–" if values[name] is None else f"{values[name]:.{4 if name == 'fpr' else 3}f}" for name in COLUMNS]
        name = NAMES[model] if model == "fusion" else f"{NAMES[model]} {role}"
        about = [] if capture == "known vehicles" else [capture]
        counts = [] if capture == "known vehicles" else [str(mine[0]["n"]), str(mine[0]["n_attack"])]  # in the caption
        shown.add((name, *about, *cells, *counts, "1"))
    return shown


def cells(visit: Visit) -> list[list[str]]:
    return [row[:-1] for row in visit.table("#results")]  # the last cell is a link


def choose(visit: Visit, name: str, text: str) -> None:
    visit.page.locator(f"form[data-name={name}] select").select_option(label=text)


def test_rows_equal_a_query_on_the_lake(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#results table")
        assert {tuple(row) for row in cells(visit)} == expected("capture = 'known vehicles'")


def test_rows_of_single_captures_equal_a_query_on_the_lake(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#results table")
        choose(visit, "capture", "each on its own")
        shown = cells(visit)
        assert {(row[0], row[1], *row[4:]) for row in shown} == expected("vehicle <> 'all'")
        known = {row[1]: row[3] for row in shown}
        assert known == {"test/known-dos": "known", "test/known-fuzzing": "known", "test/unknown-benign": "unknown"}


@pytest.mark.parametrize(("column", "index", "first"), [("FPR", 4, "ascending"), ("F1", 1, "descending")])
def test_a_header_sorts_and_sorts_back(browser: Browser, url: str, column: str, index: int, first: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        header = visit.page.locator(f"#results th:has(button:text-matches('^{column}'))")
        button = header.locator("button")
        visit.page.locator("#results th button").first.click()  # away from what the page begins with
        for direction in (first, {"ascending": "descending", "descending": "ascending"}[first]):
            button.focus()
            visit.page.keyboard.press("Enter")
            assert header.get_attribute("aria-sort") == direction
            values = [float(row[index]) for row in cells(visit)]
            assert values == sorted(values, reverse=direction == "descending")
        assert visit.page.locator("#results th[aria-sort=ascending], #results th[aria-sort=descending]").count() == 1


def test_values_that_are_not_applicable_sort_last_both_ways(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE + "?capture=each") as visit:
        visit.page.wait_for_selector("#results table")
        for _ in range(2):
            assert [row[4] for row in cells(visit)][-5:] == ["–"] * 5
            visit.page.locator("#results th:has-text('F1') button").click()


def test_the_caption_says_what_the_numbers_are_about(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        caption = visit.page.locator("#results caption").inner_text()
        about = ("Dataset made_up", "test split", "captures of vehicles that training saw", "one seed (42)")
        for words in (*about, "600 windows, 120 of them attack", "may be chance"):
            assert words in caption
        choose(visit, "split", "validation")
        assert "validation split, all captures together" in visit.page.locator("#results caption").inner_text()
        choose(visit, "capture", "test/known-dos")
        assert "No evaluation fits this choice" in visit.page.locator("#results").inner_text()


def test_the_address_keeps_the_choice(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#results table")
        choose(visit, "capture", "test/known-dos")
        choose(visit, "model", "GAT student")
        before = cells(visit)
        visit.page.reload()
        visit.page.wait_for_selector("#results table")
        assert cells(visit) == before
        assert len(before) == 1


def test_the_first_table_needs_no_webassembly_and_no_plotting(browser: Browser, url: str) -> None:
    before = """() => {
      const [table] = performance.getEntriesByName("first-table");
      return performance.getEntriesByType("resource").filter((entry) => entry.startTime < table.startTime)
        .map((entry) => entry.name.split("/").at(-1));
    }"""
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#figure svg")
        asked = visit.page.evaluate(before)
        assert [name for name in asked if name.startswith("leaderboard.parquet")]
        assert not [name for name in asked if name.startswith(("frame-", "figure-"))]
        assert not [name for name in visit.requests if "wasm" in name or "duckdb" in name]


def test_walk_back_leads_to_the_runs_behind_a_row(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE + "?model=GAT student") as visit:
        visit.page.wait_for_selector("#results table")
        visit.page.click("text=walk back")
        visit.page.wait_for_selector("#answer table")
        rows = visit.table("#answer")
        assert {row[5] for row in rows} == {"made_up-gat_student-42"}
        assert {row[6] for row in rows} == {"made_up-evaluate-42"}
        values = {row[0]: row[1] for row in rows}
        shown = next(row for row in expected("capture = 'known vehicles'") if row[0] == "GAT student")
        assert f"{float(values['f1']):.3f}" == shown[1]
        visit.check()
