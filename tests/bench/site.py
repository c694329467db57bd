"""The site of the newest snapshot: build time, time and bytes to the first table, time to the first SQL answer."""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from lake.errors import LakeError
from lake.settings import lake_root
from lake.snapshot import Snapshot, latest_snapshot
from loaders.node import REPOSITORY
from loaders.site import build_site
from tests.browser import Browser, chromium, served, started_browser
from tests.lake_fixture import made_up_lake

_VISITS = 5
# Bytes on the wire before the table stood: the page itself, and each file asked for by then.
_FIRST_TABLE = """() => {
  const [table] = performance.getEntriesByName("first-table");
  const before = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter((entry) => entry.startTime < table.startTime);
  return {
    ms: table.startTime,
    bytes: before.reduce((sum, entry) => sum + entry.transferSize, 0),
    webassembly: before.filter((entry) => entry.name.includes("wasm")).length,
  };
}"""
_FIRST_ANSWER = """async () => {
  const begun = performance.now();
  document.querySelector("#ask").requestSubmit();
  while (!document.querySelector("#answer table")) await new Promise((resolve) => requestAnimationFrame(resolve));
  return performance.now() - begun;
}"""


def main() -> dict[str, Any]:
    """Figures of the lake at KDGAT_LAKE, or of a made-up one where it has no snapshot."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake, snapshot, source = _lake(folder / "lake")
        shutil.rmtree(REPOSITORY / "node_modules" / ".cache" / "kd-gat", ignore_errors=True)
        builds = [_seconds(lake, snapshot, folder / "site") for _ in range(3)]
        figures = {
            "lake": source,
            "snapshot": snapshot.snapshot_id[:12],
            "build_first_s": builds[0],
            "build_again_s": median(builds[1:]),
        }
        if chromium() is None:
            print("bench site: no Chromium on PATH, so no page was opened", file=sys.stderr)
            return figures
        with served(folder / "site") as url, started_browser() as browser:
            return {**figures, **_first_table(browser, url), **_first_answer(browser, url)}


def _lake(made_up: Path) -> tuple[Path, Snapshot, str]:
    try:
        return lake_root(), latest_snapshot(lake_root()), "KDGAT_LAKE"
    except LakeError as error:
        print(f"bench site: {error} Measuring a made-up lake.", file=sys.stderr)
        return made_up, made_up_lake(made_up), "made up"


def _seconds(lake: Path, snapshot: Snapshot, out: Path) -> float:
    begun = time.perf_counter()
    build_site(lake, snapshot, out)
    return round(time.perf_counter() - begun, 2)


def _first_table(browser: Browser, url: str) -> dict[str, Any]:
    """Each visit has a profile of its own, so nothing is in a cache."""
    seen = []
    for _ in range(_VISITS):
        with browser.open_site(url + "dashboard/leaderboard/") as visit:
            visit.page.wait_for_selector("#results table")
            seen.append(visit.page.evaluate(_FIRST_TABLE))
    return {
        "first_table_ms": round(median(one["ms"] for one in seen)),
        "first_table_worst_ms": round(max(one["ms"] for one in seen)),
        "first_table_bytes": max(one["bytes"] for one in seen),
        "first_table_webassembly": max(one["webassembly"] for one in seen),
    }


def _first_answer(browser: Browser, url: str) -> dict[str, Any]:
    """From pressing Run to the rows, engine and all."""
    seen = []
    for _ in range(_VISITS):
        with browser.open_site(url + "dashboard/sql/") as visit:
            seen.append(visit.page.evaluate(_FIRST_ANSWER))
    return {"first_sql_answer_ms": round(median(seen)), "first_sql_answer_worst_ms": round(max(seen))}
