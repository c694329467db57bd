"""Variants: left out until asked for, then named; and what a reader is shown first."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lake.read import query
from tests.browser import Browser, Visit, needs_chromium
from tests.lake_fixture import START, add_evaluation, add_run, made_up_lake
from tests.site_fixture import needs_node, served_site

pytestmark = [needs_node, needs_chromium]

SEEDS = (1, 2, 3, 4, 5)
SETTINGS = {"name": "made_up", "seeds": list(SEEDS), "window": {"size": 100, "stride": 100}}
PROTOCOLS = (("known vehicle", None), ("calibrated", 5.0), ("calibrated", 10.0), ("zero-shot", None))
COMPUTED = "[...document.querySelectorAll('.cell-inline')].every((place) => place.textContent !== '…')"
BASELINES = ("habit", "period_rules", "gbdt", "always")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds, four baselines, and two variants, one of which is a fusion of teachers; four protocols."""
    root = tmp_path_factory.mktemp("variants") / "lake"
    made_up_lake(root, seeds=SEEDS, is_demo=False)
    runs = [(f"mlp-{seed}", "fusion", "student", seed, "no_mlp") for seed in SEEDS]
    runs += [("of-teachers", "fusion", "teacher", 1, "teachers")]
    for run_id, model, role, seed, variant in runs:
        add_run(root, run_id, "fusion", seed, SETTINGS, model, role, is_demo=False, variant=variant)
    for model in BASELINES:
        add_run(root, model, "baseline", None, SETTINGS, model, "baseline", is_demo=False)
    for seed in SEEDS:
        models = [f"made_up-{stage}-{seed}" for stage in ("gat_teacher", "gat_student", "vgae_student", "fusion")]
        models += [f"mlp-{seed}"] + ([*BASELINES, "of-teachers"] if seed == 1 else [])
        later = START + timedelta(hours=2)
        add_evaluation(root, f"later-{seed}", seed, SETTINGS, is_demo=False, started_at=later, protocols=PROTOCOLS,
                       models=models)  # fmt: skip
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served_site(root) as url:
        yield url


def names(visit: Visit, place: str) -> list[str]:
    return [row[0].replace("\n", " ") for row in visit.table(place)]


def test_the_leaderboard_shows_variants_when_asked(browser: Browser, address: str) -> None:
    with browser.open_site(address + "dashboard/leaderboard/?protocol=zero-shot") as visit:
        visit.page.wait_for_selector("#comparisons table")
        own = names(visit, "#results")
        assert not [name for name in (*own, *names(visit, "#comparisons")) if "·" in name]
        assert len(set(own)) == len(own)
        visit.page.locator("form[data-name=variants] select").select_option(label="all")
        every = names(visit, "#results")
        assert {*every} - {*own} == {"Fusion · no mlp", "Fusion teacher · teachers"}
        assert "Fusion · no mlp" in names(visit, "#comparisons")
        assert "Fusion teacher · teachers" in visit.page.locator("#results tr.reference th").all_inner_texts()
        visit.page.locator("form[data-name=model] select").select_option(label="Fusion")
        assert {*names(visit, "#results")} == {"Fusion", "Fusion · no mlp"}
        visit.check()


def test_a_variant_walks_back_to_its_own_runs(browser: Browser, address: str, root: Path) -> None:
    where = "?protocol=zero-shot&variants=all&model=Fusion&capture=test/known-dos"
    sql = """SELECT value FROM metrics WHERE model_run_id LIKE 'mlp-%' AND capture = 'test/known-dos'
        AND metric = 'f1' AND protocol = 'zero-shot' ORDER BY model_run_id"""
    with browser.open_site(address + "dashboard/leaderboard/" + where) as visit:
        visit.page.wait_for_selector("#results table")
        visit.page.locator("#results tr:has(th:has-text('no mlp')) >> text=walk back").click()
        visit.page.wait_for_selector("#answer table")
        found = [float(row[1]) for row in visit.table("#answer") if row[0] == "f1"]
        assert found == pytest.approx([row["value"] for row in query(root, sql).to_pylist()], abs=1e-3)


def test_the_landing_page_has_a_panel_a_protocol_with_the_main_models(
    browser: Browser, address: str, root: Path
) -> None:
    sql = """SELECT model, avg(value) AS f1 FROM metrics JOIN runs ON runs.run_id = model_run_id
        WHERE role = 'baseline' AND model <> 'always' AND capture = 'known vehicles' AND metric = 'f1'
          AND protocol = 'known vehicle' GROUP BY model ORDER BY f1 DESC LIMIT 2"""
    strongest = [row["model"] for row in query(root, sql).to_pylist()]
    shown = {"habit": "Habit rules", "period_rules": "Period rules", "gbdt": "Boosted trees"}
    with browser.open_site(address) as visit:
        visit.page.wait_for_selector("#headline table")
        titles = visit.page.locator("#headline caption strong").all_inner_texts()
        numbered = ("P1 · known vehicle", "P2 · calibrated, 10 s", "P3 · zero-shot")
        assert titles == [title for title in numbered for _ in ("known vehicles", "unknown vehicles")]
        assert names(visit, "#headline") == [
            "Fusion", "GAT student", "VGAE student", *(shown[model] for model in strongest)
        ]  # fmt: skip
        assert visit.page.locator("#headline .dot").count() > 0
        assert "teachers, 2 variants" in visit.page.locator("#headline").inner_text()
        visit.page.click("#headline >> text=all models and metrics >> nth=4")
        visit.page.wait_for_selector("#results table")
        caption = visit.page.locator("#results caption").inner_text()
        assert "vehicles that training never saw; protocol zero-shot" in caption
        visit.check()


def test_a_landing_panel_has_the_leaderboards_numbers(browser: Browser, address: str, root: Path) -> None:
    sql = """SELECT avg(value) AS value FROM metrics WHERE model_run_id LIKE 'made_up-fusion-%'
        AND capture = 'known vehicles' AND metric = '{}' AND protocol = 'known vehicle'"""
    f1, fpr = (query(root, sql.format(name)).to_pylist()[0]["value"] for name in ("f1", "fpr"))
    with browser.open_site(address) as visit:
        visit.page.wait_for_selector("#headline table")
        assert visit.table("#headline")[0] == ["Fusion", f"{f1:.3f}", f"{fpr:.4f}"]


def test_a_table_says_how_many_columns_lie_out_of_sight(browser: Browser, address: str) -> None:
    with browser.open_site(address + "dashboard/leaderboard/?protocol=zero-shot", width=420) as visit:
        visit.page.wait_for_selector("#results .cut:not([hidden])")
        hint = visit.page.locator("#results .cut")
        assert "scroll sideways" in hint.inner_text()
        visit.page.locator("#results .table-scroll").evaluate("region => region.scrollTo(region.scrollWidth, 0)")
        hint.wait_for(state="hidden")


def test_the_paper_tells_of_the_experiment_and_lists_its_variants_apart(browser: Browser, address: str) -> None:
    with browser.open_site(address + "paper/") as visit:
        visit.page.wait_for_selector("#fig-captures svg")
        visit.page.wait_for_function(COMPUTED)
        text = visit.page.locator("main").inner_text()
        assert "undefined" not in text
        assert "NaN" not in text
        assert text.count("This snapshot holds no result under this protocol.") == 1, "P4 has none"
        assert "Variants of the experiment with a fusion of their own: 1." in text
        tables = visit.page.locator("main table").evaluate_all("t => t.map(x => x.innerText)")
        assert [table for table in tables if "no mlp" in table] == [next(t for t in tables if "Variant" in t)]
        visit.check()
