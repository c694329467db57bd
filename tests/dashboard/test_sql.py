"""The SQL page gives the rows that DuckDB gives on the lake."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from lake.read import query
from loaders.build import LOADERS
from loaders.node import REPOSITORY
from tests.browser import Browser, Visit, needs_chromium
from tests.site_fixture import built_site, needs_node

pytestmark = [needs_node, needs_chromium]
PAGE = "dashboard/sql/"
EXAMPLES = REPOSITORY / "dashboard" / "pages" / "dashboard" / "sql" / "examples.js"


def ask(visit: Visit, sql: str) -> list[list[str]]:
    visit.page.fill("#query", sql)
    visit.page.press("#query", "Control+Enter")
    visit.page.wait_for_selector("#stop", state="hidden")
    return visit.table("#answer") if visit.page.locator("#answer table").count() else []


def test_rows_equal_the_same_query_on_the_lake(browser: Browser, url: str) -> None:
    site = built_site()
    queries = (
        "SELECT stage, status, seed FROM runs ORDER BY run_id",
        "SELECT metric, count(*) AS n, round(avg(value), 4) AS mean FROM metrics GROUP BY metric ORDER BY metric",
        "SELECT capture, frames, attack_frames::DOUBLE / frames > 0.2 AS many FROM captures ORDER BY capture",
        "SELECT sum(windows) AS windows FROM splits",
    )
    with browser.open_site(url + PAGE) as visit:
        for sql in queries:
            rows = query(site.lake, sql, site.snapshot).to_pylist()
            assert ask(visit, sql) == [[as_shown(value) for value in row.values()] for row in rows]
            assert visit.page.locator("#status").inner_text().startswith(f"{len(rows)} row")
        visit.check()


def as_shown(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def test_the_engine_loads_with_the_first_query_only(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE, wait="networkidle") as visit:
        assert not [request for request in visit.requests if "wasm" in request or "worker" in request]
        ask(visit, "SELECT 1 AS one")
        assert [request for request in visit.requests if "duckdb-eh.wasm" in request]
        assert not [request for request in visit.requests if ".parquet" in request]
        ask(visit, "SELECT count(*) FROM runs")
        assert [request.split("/")[-1].split("?")[0] for request in visit.requests if ".parquet" in request] == [
            "runs.parquet"
        ]


def test_examples_give_rows(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        buttons = visit.page.locator("#examples button")
        assert buttons.count() >= 3
        for index in range(buttons.count()):
            buttons.nth(index).click()
            visit.page.wait_for_selector("#stop", state="hidden")
            assert visit.table("#answer"), buttons.nth(index).inner_text()
        visit.check()


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM nowhere", "nowhere does not exist"),
        ("SELEC 1", "syntax error"),
        ("SELECT f2 FROM leaderboard", "f2"),
        ("SELECT * FROM read_parquet('https://example.org/x.parquet')", "read_parquet"),
        ("INSTALL httpfs; LOAD httpfs", ""),
    ],
)
def test_a_query_that_fails_is_explained_and_the_next_one_runs(
    browser: Browser, url: str, sql: str, words: str
) -> None:
    with browser.open_site(url + PAGE) as visit:
        assert ask(visit, sql) == []
        assert words in visit.page.locator("#answer [role=alert]").inner_text()
        assert ask(visit, "SELECT 40 + 2 AS answer") == [["42"]]
        assert visit.outside == []


def test_values_of_every_kind_are_shown(browser: Browser, url: str) -> None:
    sql = """SELECT 1.5::DECIMAL(4, 2) AS d, 9007199254740993 AS big, DATE '2026-03-01' AS day, [1, 2] AS list,
        NULL AS nothing, true AS yes, started_at AS at, 'é <b>' AS text FROM runs ORDER BY run_id DESC LIMIT 1"""
    with browser.open_site(url + PAGE) as visit:
        row = ask(visit, sql)[0]
        assert row == [
            "1.5", "9007199254740993", "2026-03-01", "[1,2]", "null", "true", "2026-03-01 12:00:00.000Z", "é <b>",
        ]  # fmt: skip


def test_a_long_answer_says_how_much_is_shown(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        assert len(ask(visit, "SELECT * FROM range(10000)")) == 500
        assert visit.page.locator("#status").inner_text().startswith("10,000 rows; the first 500 are shown")


def test_stop_ends_a_query_that_takes_too_long(browser: Browser, url: str) -> None:
    endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    with browser.open_site(url + PAGE) as visit:
        ask(visit, "SELECT 1")
        visit.page.fill("#query", endless)
        visit.page.click("button[type=submit]")
        visit.page.click("#stop")
        assert visit.page.locator("#status").inner_text().startswith("Stopped.")
        assert ask(visit, "SELECT 7 AS seven") == [["7"]]
        visit.check()


def test_tables_are_listed_with_their_columns(browser: Browser, url: str) -> None:
    with browser.open_site(url + PAGE) as visit:
        visit.page.wait_for_selector("#tables details")
        names = visit.page.locator("#tables summary code").all_inner_texts()
        assert sorted(names) == sorted(LOADERS)
        columns = visit.page.locator("#tables details:has(summary:has-text('lineage')) dt code")
        assert columns.evaluate_all("c => c.map(x => x.textContent)") == ["run_id", "relation", "parent_run_id"]


def test_a_linked_query_runs_by_itself(browser: Browser, url: str) -> None:
    with browser.open_site(f"{url}{PAGE}#q={quote('SELECT 2 AS two')}") as visit:
        visit.page.wait_for_selector("#answer table")
        assert visit.table("#answer") == [["2"]]


def test_one_place_starts_the_engine() -> None:
    sources = [path for path in (REPOSITORY / "dashboard").rglob("*.js") if "duckdb-wasm" in path.read_text()]
    names = sorted(path.relative_to(REPOSITORY / "dashboard").as_posix() for path in sources)
    assert names == ["build/engine.js", "duckdb.js"]


def test_examples_name_tables_that_exist() -> None:
    named = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", Path(EXAMPLES).read_text()))
    assert named <= set(LOADERS)
