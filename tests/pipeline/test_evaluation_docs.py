"""docs/evaluation.md says what the code does."""

import re
from pathlib import Path

import pytest

from lake.intervals import FEWEST, poisson_interval
from lake.schema import AMOUNTS, PROPORTIONS, PROTOCOLS
from pipeline import alarms, calibration, episodes


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return " ".join((repository / "docs" / "evaluation.md").read_text().split())


def test_every_metric_of_the_schema_stands_on_the_page(page: str) -> None:
    named = set(re.findall(r"`([\w…-]+)`", page))
    shortened = {
        "detection_delay_s_p90": "_p90",
        "false_alarms_per_hour_low": "_low",
        "false_alarms_per_hour_high": "_high",
    }
    asked = {shortened.get(name, name) for name in (*PROPORTIONS, *AMOUNTS, "mcc") if "_outside_episodes" not in name}
    assert asked <= named
    assert {"fpr_outside_episodes", "…_outside_episodes", *PROTOCOLS[2:3]} <= named


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_a_row(page: str, protocol: str) -> None:
    assert f"| `{protocol}` |" in page


def test_its_constants_are_the_codes(page: str) -> None:
    for words in (
        f"gaps under {episodes.GAP_S:g} s",
        f"less than {alarms.MERGED_S:g} s apart",
        f"the {alarms.AFTERMATH_S:g} s behind it",
        f"{calibration.BINS} bins",
        f"the upper end is {poisson_interval(0)[1]:.1f} / hours",
    ):
        assert words in page
    assert FEWEST == 5
    assert "from five seeds on" in page
