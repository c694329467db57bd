"""A page whose data does not arrive, or is not what the manifest names, says so where the data would be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake.files import sha256_of
from tests.browser import Browser, needs_chromium, served
from tests.site_fixture import built_site, needs_node

pytestmark = [needs_node, needs_chromium]
OTHER = "0" * 64


def manifest_of(site: Path) -> dict[str, object]:
    return dict(json.loads((site / "data" / "manifest.json").read_text()))


def rewrite(site: Path, manifest: dict[str, object]) -> None:
    (site / "data" / "manifest.json").write_text(json.dumps(manifest))


def missing(site: Path) -> None:
    (site / "data" / "leaderboard.parquet").unlink()


def truncated(site: Path) -> None:
    path = site / "data" / "leaderboard.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def altered(site: Path) -> None:
    path = site / "data" / "leaderboard.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 0xFF
    path.write_bytes(content)


def relabelled(site: Path) -> None:
    """A sound file of another snapshot, with a manifest that names its very digest."""
    path = site / "data" / "leaderboard.parquet"
    table: pa.Table = pq.read_table(path).replace_schema_metadata({"kdgat.snapshot": OTHER})
    pq.write_table(table, path, compression="zstd")
    manifest = manifest_of(site)
    manifest["files"]["leaderboard"] |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}  # type: ignore[index]
    rewrite(site, manifest)


def not_parquet(site: Path) -> None:
    path = site / "data" / "leaderboard.parquet"
    path.write_bytes(b"x" * path.stat().st_size)


def other_manifest(site: Path) -> None:
    manifest = manifest_of(site)
    manifest["snapshot"]["id"] = OTHER  # type: ignore[index]
    rewrite(site, manifest)


def no_manifest(site: Path) -> None:
    (site / "data" / "manifest.json").unlink()


def foreign_manifest(site: Path) -> None:
    rewrite(site, {"format": "something else"})


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy to spoil, without the SQL engine's megabytes."""
    engine = shutil.ignore_patterns("duckdb-eh.wasm*", "parquet_wasm*")
    shutil.copytree(built_site().out, tmp_path / "site", ignore=engine)
    return tmp_path / "site"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing, "the server said 404"),
        (truncated, "the manifest says"),
        (altered, "was altered: its digest is not the manifest's"),
        (relabelled, "is of snapshot 000000000000"),
        (not_parquet, "is not a Parquet file"),
        (other_manifest, "but the data beside it is of 000000000000"),
        (no_manifest, "manifest.json could not be fetched: the server said 404"),
        (foreign_manifest, "is not this site's manifest"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_not_shown(
    browser: Browser, site: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(site)
    with served(site) as url, browser.open_site(url + "dashboard/leaderboard/") as visit:
        visit.page.wait_for_selector("#results [role=alert]")
        said = visit.page.locator("#results").inner_text()
        assert words in said
        assert "./run site" in said
        assert visit.page.locator("#results table").count() == 0


@pytest.mark.parametrize(
    ("page", "places"),
    [("", ["headline"]), ("dashboard/", ["counts", "runs", "data", "provenance"]), ("dashboard/curves/", ["curves"])],
)
def test_no_page_stays_blank_without_data(browser: Browser, site: Path, page: str, places: list[str]) -> None:
    no_manifest(site)
    with served(site) as url, browser.open_site(url + page) as visit:
        for place in places:
            visit.page.wait_for_selector(f"#{place} [role=alert]")
        assert visit.page.locator(".loading").count() == 0


def test_the_sql_page_says_that_its_engine_is_missing(browser: Browser, site: Path) -> None:
    with served(site) as url, browser.open_site(url + "dashboard/sql/") as visit:
        visit.page.click("button[type=submit]")
        visit.page.wait_for_selector("#answer [role=alert]")
        assert "engine could not be fetched: the server said 404" in visit.page.locator("#answer").inner_text()
        assert visit.page.locator("#status").inner_text() == "The engine stopped."


def test_the_paper_says_what_could_not_be_computed(browser: Browser, site: Path) -> None:
    missing(site)
    with served(site) as url, browser.open_site(url + "paper/") as visit:
        visit.page.wait_for_selector("#fig-captures .failure")
        assert "leaderboard.parquet could not be fetched" in visit.page.locator("#fig-captures").inner_text()


def test_a_script_that_does_not_arrive_is_reported(browser: Browser, site: Path) -> None:
    for script in (site / "assets").glob("data-*.js"):
        script.unlink()
    with served(site) as url, browser.open_site(url + "dashboard/leaderboard/") as visit:
        visit.page.wait_for_selector("#failures [role=alert]")
        assert "did not load" in visit.page.locator("#failures").inner_text()


def test_the_checks_of_a_visit_notice_what_they_look_for(browser: Browser, tmp_path: Path) -> None:
    """Without this, a visit that records nothing would pass every page."""
    (tmp_path / "index.html").write_text("<!doctype html><p class=failure>no</p><script src=bad.js></script>")
    (tmp_path / "bad.js").write_text(
        "console.error('bad'); fetch('http://127.0.0.1:9/outside').catch(() => {});"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}));"
    )
    (tmp_path / "_headers").write_text("/*\n  Content-Security-Policy: script-src 'self'\n")
    with served(tmp_path) as url, browser.open_site(url, wait="networkidle") as visit:
        assert visit.outside == ["http://127.0.0.1:9/outside"]
        assert any("bad" in error for error in visit.errors)
        assert any("script-src" in violation for violation in visit.violations)
        assert visit.failures == ["no"]
