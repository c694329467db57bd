"""The whole walk on real recordings, by the commands a user types: CSV -> runs -> snapshot -> site -> browser."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.release.raw_frames import load_release
from tests.browser import Browser, needs_chromium, served, started_browser

TINY = Path(__file__).parent / "data" / "tiny.toml"
CAPTURE = Path(__file__).parents[1] / "data/sample/test_01_known_vehicle_known_attack/DoS-3.csv.gz"
STAGES = (
    ["prepare", "vgae_teacher", "gat_teacher", "vgae_student", "gat_student", "fusion"]
    + ["baseline"] * 2
    + ["evaluate"]
)
BASELINES = {"habit": "habit rules", "period_rules": "period rules"}  # of the config, as the site calls them
PAGES = ["", "dashboard/", "dashboard/leaderboard/", "dashboard/curves/", "dashboard/sql/", "paper/"]


@dataclass(frozen=True)
class Walk:
    """A finished walk: its folder, and what each command printed."""

    root: Path
    env: dict[str, str]
    trained: list[dict[str, Any]]
    snapshot_id: str

    @property
    def site(self) -> Path:
        return self.root / "site"

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], env=self.env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sql(self, query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.command("lake", "sql", query, "--format", "json"))
        return rows


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    root = tmp_path_factory.mktemp("walk")
    env = {**os.environ, "KDGAT_LAKE": str(root / "lake"), "KDGAT_RUNS": str(root / "runs")}
    start = Walk(root, env, [], "")
    trained = json.loads(start.command("pipeline", "train", str(TINY), "--format", "json"))
    snapshot = json.loads(start.command("lake", "snapshot", "--format", "json"))
    start.command("loaders", "site", "--lake", str(root / "lake"), "--out", str(root / "site"))
    return Walk(root, env, trained, snapshot["snapshot_id"])


@pytest.fixture(scope="module")
def address(walk: Walk) -> Iterator[str]:
    with served(walk.site) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as running:
        yield running


def test_every_stage_is_complete_and_a_second_train_changes_nothing(walk: Walk) -> None:
    assert [run["stage"] for run in walk.trained] == STAGES
    assert {row["status"] for row in walk.sql("SELECT status FROM runs")} == {"complete"}
    before = walk.sql("SELECT * FROM run_events ORDER BY ALL")
    assert json.loads(walk.command("pipeline", "train", str(TINY), "--format", "json")) == walk.trained
    assert walk.sql("SELECT * FROM run_events ORDER BY ALL") == before


def test_the_lake_is_sound_and_the_snapshot_stays_the_same(walk: Walk) -> None:
    assert json.loads(walk.command("lake", "verify", "--format", "json")) == {"faults": []}
    again = json.loads(walk.command("lake", "snapshot", "--format", "json"))
    assert again["snapshot_id"] == walk.snapshot_id


def test_every_metric_row_walks_back_to_config_data_and_commit(walk: Walk) -> None:
    chain = walk.sql("""
        SELECT count(*) AS metrics, count(m.model_run_id) AS models, count(r.config_json) AS configs,
               count(p.data_digest) AS data, bool_and(r.data_digest = p.data_digest) AS same_data,
               bool_and(d.data_digest = p.data_digest) AS same_dataset
        FROM metrics m
        JOIN runs r ON r.run_id = m.model_run_id
        JOIN lineage l ON l.run_id = r.run_id AND l.relation = 'prepared_from'
        JOIN runs p ON p.run_id = l.parent_run_id
        JOIN datasets d ON d.run_id = p.run_id
    """)
    total = walk.sql("SELECT count(*) AS n FROM metrics")[0]["n"]
    assert total > 0
    expected = dict.fromkeys(("metrics", "models", "configs", "data"), total)
    assert chain == [{**expected, "same_data": True, "same_dataset": True}]


def test_the_students_lineage_names_teachers_and_fusion_names_students(walk: Walk) -> None:
    by_stage = {run["stage"]: run["run_id"] for run in walk.trained}
    found = walk.sql("SELECT run_id, relation, parent_run_id FROM lineage WHERE relation <> 'prepared_from'")
    edges = {(row["run_id"], row["relation"], row["parent_run_id"]) for row in found}
    expected = {
        (by_stage["vgae_student"], "distilled_from", by_stage["vgae_teacher"]),
        (by_stage["gat_student"], "distilled_from", by_stage["gat_teacher"]),
        (by_stage["fusion"], "fused_from", by_stage["vgae_student"]),
        (by_stage["fusion"], "fused_from", by_stage["gat_student"]),
    }
    judged = [run["run_id"] for run in walk.trained if run["stage"] not in ("prepare", "evaluate")]
    expected |= {(by_stage["evaluate"], "evaluated", run_id) for run_id in judged}
    assert edges == expected


def test_a_recording_is_scored_alike_by_the_run_and_by_its_release(walk: Walk) -> None:
    """`./run score` and `./run release` of the fusion run, on one of the recordings that it was evaluated on."""
    (fusion,) = (run["run_id"] for run in walk.trained if run["stage"] == "fusion")
    walk.command("pipeline", "score", fusion, str(CAPTURE), "--out", str(walk.root / "scores.parquet"))
    scores = pl.read_parquet(walk.root / "scores.parquet")
    assert scores["protocol"].unique().to_list() == ["known vehicle"]
    evaluated = walk.sql(f"""
        SELECT n FROM metrics WHERE model_run_id = '{fusion}' AND metric = 'f1' AND protocol = 'known vehicle'
        AND capture LIKE '%DoS-3'
    """)
    assert evaluated == [{"n": len(scores)}]
    walk.command("pipeline", "release", fusion, "--out", str(walk.root / "release"))
    released = load_release(walk.root / "release").score(CAPTURE)
    assert released["alarm"].equals(scores["alarm"])
    assert (released["score"] - scores["score"]).abs().max() < 1e-5
    metrics = json.loads((walk.root / "release" / "metrics.json").read_text())
    assert metrics["snapshot_id"] == walk.snapshot_id


@needs_chromium
@pytest.mark.parametrize("page", PAGES)
def test_no_page_leaves_its_origin_or_logs_an_error(page: str, address: str, browser: Browser) -> None:
    with browser.open_site(address + page) as visit:
        visit.check()
        assert visit.page.locator("main").inner_text().strip()
        assert "not results" in visit.page.locator("body").inner_text(), "a demo's page must say that it is one"


@needs_chromium
def test_the_leaderboards_rows_are_the_lakes(walk: Walk, address: str, browser: Browser) -> None:
    expected = walk.sql("""
        SELECT upper(r.model) AS model, r.role,
               max(m.value) FILTER (metric = 'f1') AS f1, max(m.value) FILTER (metric = 'fpr') AS fpr,
               any_value(m.n) AS n, any_value(m.n_attack) AS n_attack
        FROM metrics m JOIN runs r ON r.run_id = m.model_run_id
        WHERE m.split = 'test' AND m.capture = 'known vehicles' AND m.protocol = 'known vehicle' GROUP BY ALL
    """)
    with browser.open_site(address + "dashboard/leaderboard/") as visit:
        table = visit.page.locator("#results table")
        table.locator("tbody tr").first.wait_for()
        caption = table.locator("caption").inner_text()
        heads = [re.match(r"\w+", head.inner_text())[0] for head in table.locator("thead th").all()]  # less the arrow
        rows = [
            dict(zip(heads, [cell.inner_text() for cell in row.locator("th, td").all()], strict=True))
            for row in table.locator("tbody tr").all()
        ]
        visit.check()
    shown = {(row["Model"].lower(), row["F1"], row["FPR"]) for row in rows}
    assert shown == {
        (
            "fusion"
            if row["model"] == "FUSION"
            else f"{BASELINES.get(row['model'].lower(), row['model'])} {row['role']}".lower(),
            f"{row['f1']:.3f}",
            f"{row['fpr']:.4f}",
        )
        for row in expected
    }
    ((n, n_attack),) = {(row["n"], row["n_attack"]) for row in expected}
    assert f"{n:,} windows, {n_attack:,} of them attack" in caption, "all rows are over the same windows"
    for row in rows:
        draws_nothing = row["Model"].endswith("baseline")
        assert row["Seeds"] == ("–" if draws_nothing else "1")


@needs_chromium
def test_the_sql_page_answers_as_duckdb_does(walk: Walk, address: str, browser: Browser) -> None:
    query = "SELECT split, capture, windows, attack_windows FROM splits ORDER BY ALL"
    expected = [[str(value) for value in row.values()] for row in walk.sql(query)]
    with browser.open_site(address + "dashboard/sql/") as visit:
        visit.page.locator("#query").fill(query)
        visit.page.locator("#ask button[type=submit]").click()
        visit.page.locator("#answer table").wait_for(timeout=60_000)
        rows = [
            [cell.inner_text() for cell in row.locator("th, td").all()]
            for row in visit.page.locator("#answer tbody tr").all()
        ]
        visit.check()
    assert rows == expected
