"""Protocols, seeds and baselines on the leaderboard page, against the lake itself."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lake.intervals import summarise
from lake.read import query
from tests.browser import Browser, Visit, needs_chromium
from tests.lake_fixture import START, add_evaluation, add_run, made_up_lake
from tests.site_fixture import needs_node, served_site

pytestmark = [needs_node, needs_chromium]

PAGE = "dashboard/leaderboard/"
SEEDS = (1, 2, 3, 4, 5)
SETTINGS = {"name": "made_up", "seeds": list(SEEDS), "window": {"size": 100, "stride": 100}}
PROTOCOLS = (("zero-shot", None), ("calibrated", 10.0))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds of every model and a rule-based baseline without seeds, under two protocols."""
    root = tmp_path_factory.mktemp("statistics") / "lake"
    made_up_lake(root, seeds=SEEDS)
    add_run(root, "rules", "gat_student", None, SETTINGS, "habit", "baseline")
    for seed in SEEDS:
        models = [f"made_up-{name}-{seed}" for name in ("gat_teacher", "gat_student", "fusion")]
        models += ["rules"] if seed == 5 else []
        later = START + timedelta(hours=2)
        add_evaluation(root, f"later-{seed}", seed, SETTINGS, started_at=later, protocols=PROTOCOLS, models=models)
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served_site(root) as url:
        yield url


def opened(visit: Visit) -> None:
    visit.page.wait_for_selector("#results table")
    visit.page.wait_for_selector(".loading", state="detached")


def values(root: Path, model: str, capture: str, metric: str, protocol: str) -> list[float]:
    sql = f"""
        SELECT value FROM metrics JOIN runs ON runs.run_id = metrics.model_run_id
        WHERE model_run_id LIKE 'made_up-{model}-%' AND capture = '{capture}' AND metric = '{metric}'
          AND protocol = '{protocol}' ORDER BY seed
    """
    return [row["value"] for row in query(root, sql).to_pylist()]


def row_of(visit: Visit, name: str) -> list[str]:
    return next(row for row in visit.table("#results") if row[0] == name)


@pytest.mark.parametrize(("shown", "protocol"), [("calibrated, 10 s", "calibrated"), ("zero-shot", "zero-shot")])
def test_a_protocol_is_chosen_and_seeds_show_mean_and_interval(
    browser: Browser, address: str, root: Path, shown: str, protocol: str
) -> None:
    with browser.open_site(f"{address}{PAGE}?protocol={shown}&capture=test/known-dos") as visit:
        opened(visit)
        assert f"protocol {shown}" in visit.page.locator("#results caption").inner_text()
        one = summarise(values(root, "fusion", "test/known-dos", "auroc", protocol))
        assert one.n == 5
        assert row_of(visit, "Fusion")[6].split("\n") == [f"{one.mean:.3f}", f"[{one.low:.3f}, {one.high:.3f}]"]
        assert row_of(visit, "Fusion")[-2] == "5"
        visit.check()


def test_a_baseline_without_seeds_is_one_row_without_an_interval(browser: Browser, address: str) -> None:
    with browser.open_site(f"{address}{PAGE}?protocol=zero-shot") as visit:
        opened(visit)
        row = row_of(visit, "Habit rules baseline")
        assert "[" not in " ".join(row)
        assert row[-2] == "–"


def test_teachers_are_set_apart_as_references(browser: Browser, address: str) -> None:
    with browser.open_site(f"{address}{PAGE}?protocol=zero-shot") as visit:
        opened(visit)
        assert visit.page.locator("#results tr.reference th").all_inner_texts() == ["GAT teacher"]
        assert "Teachers are references, not competitors." in visit.page.locator("#results caption").inner_text()


def test_alarms_over_time_have_units_counts_and_poisson_intervals(browser: Browser, address: str, root: Path) -> None:
    query_string = "?protocol=zero-shot&capture=test/known-dos&metrics=alarms"
    with browser.open_site(f"{address}{PAGE}{query_string}") as visit:
        opened(visit)
        heads = visit.page.locator("#results thead th").all_inner_texts()
        assert [head.split("\n")[0] for head in heads[2:4]] == ["Delay, median ms↓", "Delay, 90 % ms↓"]
        row = row_of(visit, "Fusion")
        mean = {
            name: summarise(values(root, "fusion", "test/known-dos", name, "zero-shot")).mean
            for name in ("detection_delay_s_median", *(f"false_alarms_per_hour{end}" for end in ("", "_low", "_high")))
        }
        assert row[2].split()[0] == f"{mean['detection_delay_s_median'] * 1000:.0f}"
        rate, low, high = (mean[f"false_alarms_per_hour{end}"] for end in ("", "_low", "_high"))
        assert row[5].split("\n") == [f"{rate:.1f}", f"[{low:.1f}, {high:.1f}]"]
        visit.page.wait_for_selector("#figure svg")
        visit.page.locator("#figure select").select_option(label="False alarms")
        assert "False alarms" in str(visit.page.locator("#figure svg[width]").first.get_attribute("aria-label"))
        visit.check()


def test_differences_from_the_baseline_are_called_nothing_without_evidence(browser: Browser, address: str) -> None:
    with browser.open_site(address + PAGE) as visit:
        opened(visit)
        rows = visit.table("#comparisons")
        assert {row[0] for row in rows} == {"GAT student", "Fusion"}
        assert {row[1] for row in rows} == {"not shown"}, "two or three captures cannot show a difference"
        caption = visit.page.locator("#comparisons caption")
        assert "model less Habit rules, over 2 captures" in caption.inner_text()
        visit.page.locator("form[data-name=compared] select").select_option(label="FPR")
        assert "over 3 captures" in caption.inner_text()


def test_comparisons_follow_the_pages_protocol_until_told_otherwise(browser: Browser, address: str) -> None:
    with browser.open_site(address + PAGE) as visit:
        opened(visit)
        page, own = (visit.page.locator(f"form[data-name={name}] select") for name in ("protocol", "against"))
        caption = visit.page.locator("#comparisons caption")
        for label in ("P3 · zero-shot", "P2 · calibrated, 10 s"):
            page.select_option(label=label)
            assert f", {label}, experiment made_up" in caption.inner_text()
        own.select_option(label="P3 · zero-shot")
        visit.page.locator("form[data-name=capture] select").select_option(label="test/known-dos")
        assert ", P3 · zero-shot, experiment made_up" in caption.inner_text()
        assert "protocol calibrated, 10 s" in visit.page.locator("#results caption").inner_text()


def test_walk_back_stays_with_the_protocol(browser: Browser, address: str, root: Path) -> None:
    with browser.open_site(f"{address}{PAGE}?protocol=zero-shot&model=Fusion&capture=test/known-dos") as visit:
        opened(visit)
        visit.page.click("text=walk back")
        visit.page.wait_for_selector("#answer table")
        found = [float(row[1]) for row in visit.table("#answer") if row[0] == "f1"]
        assert found == pytest.approx(values(root, "fusion", "test/known-dos", "f1", "zero-shot"), abs=1e-3)


def test_rows_without_a_protocol_are_a_choice_of_their_own(browser: Browser, address: str) -> None:
    with browser.open_site(address + PAGE) as visit:
        opened(visit)
        options = visit.page.locator("form[data-name=protocol] option").all_inner_texts()
        assert options == ["P2 · calibrated, 10 s", "P3 · zero-shot", "not stated"]
        visit.page.locator("form[data-name=protocol] select").select_option(label="not stated")
        assert {row[0] for row in visit.table("#results")} >= {"VGAE teacher", "VGAE student"}
        assert "Fusion" in {row[0] for row in visit.table("#results")}, "no later evaluation measured it like that"
        visit.page.locator("form[data-name=split] select").select_option(label="validation")
        assert {row[0] for row in visit.table("#results")} >= {"VGAE teacher", "GAT student", "Fusion"}
