"""The reader on published recordings: those bundled, and more where a checkout has them beside it."""

import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.can_log import Defects
from pipeline.readers import read_can_log

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "data" / "sample"
MORE = REPOSITORY.parent / "shared" / "data"
READER = "can-train-and-test-csv"

_BUNDLED = re.compile(r"\| (?P<name>t\S+) \| [^|]+ \| (?P<frames>[\d,]+) \| (?P<attacks>[\d,]+) \|")
_ROW = re.compile(r"\| (?P<file>\S+\.csv(?:\.gz)?) \| (?P<rows>[\d,]+) \| (?P<attacks>[\d,]+) \| (?P<ids>\d+) \|")


def documented(folder: str) -> list[tuple[Path, int, int, int]]:
    """File, rows, attack rows and IDs of the README's table under the heading `## folder`."""
    text = (MORE / "README.md").read_text().split(f"\n## {folder}\n", 1)[1].split("\n## ", 1)[0]
    number = lambda digits: int(digits.replace(",", ""))  # noqa: E731
    return [
        (MORE / folder / row["file"], number(row["rows"]), number(row["attacks"]), int(row["ids"]))
        for row in _ROW.finditer(text)
    ]


def need_more(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.relative_to(MORE)}: the larger recordings are not beside this checkout")
    return path


def test_the_bundled_captures_are_what_their_readme_says() -> None:
    table = {row["name"]: row for row in _BUNDLED.finditer((SAMPLE / "README.md").read_text())}
    paths = sorted(SAMPLE.rglob("*.csv.gz"))
    assert [path.relative_to(SAMPLE).as_posix().removesuffix(".csv.gz") for path in paths] == sorted(table)
    for path, name in zip(paths, sorted(table), strict=True):
        log = read_can_log(path, READER)
        counts = [int(table[name][column].replace(",", "")) for column in ("frames", "attacks")]
        assert [len(log), int(log.is_attack.sum())] == counts
        assert log.dlc.max() <= 8
        assert np.isfinite(log.timestamp_s).all()
        assert not log.payload[np.arange(8) >= log.dlc[:, None]].any(), "zeros behind a payload"
        assert log.defects.empty_payloads == (30 if "systematic-4" in name else 0)
        if "targeted_payload_fuzzing-2" in name:
            assert log.defects.backward_steps == 56


@pytest.mark.parametrize(("folder", "n_files"), [("can-train-and-test", 20), ("hcrl_sa", 11)])
def test_every_documented_row_is_read(folder: str, n_files: int) -> None:
    need_more(MORE / folder)
    table = documented(folder)
    assert len(table) == n_files
    differing = []
    for path, rows, attacks, ids in table:
        log = read_can_log(path, READER)
        found = (len(log), int(log.is_attack.sum()), len(np.unique(log.arbitration_id)))
        if found != (rows, attacks, ids):
            differing.append((path.name, found, (rows, attacks, ids)))
    assert differing == []


def test_fuzzing_3_has_its_malformed_row_and_its_empty_payloads() -> None:
    log = read_can_log(need_more(MORE / "can-train-and-test/set_03/train_02_with_attacks/fuzzing-3.csv.gz"), READER)
    assert log.defects == Defects(empty_payloads=237, backward_steps=log.defects.backward_steps, repaired_rows=1)
    assert log.is_attack[log.dlc == 0].all()
    assert (log.dlc[17], log.is_attack[17]) == (8, True), "16 digits, then the TAB that was trimmed"


@pytest.mark.parametrize(
    ("name", "steps", "empty"),
    [
        ("set_03/test_03_known_vehicle_unknown_attack/speed-accessory-1.csv.gz", 55, 0),
        ("set_01/test_04_unknown_vehicle_unknown_attack/systematic-4.csv.gz", None, 30),
    ],
)
def test_quirks_are_counted_as_published(name: str, steps: int | None, empty: int) -> None:
    log = read_can_log(need_more(MORE / "can-train-and-test" / name), READER)
    assert log.defects.empty_payloads == empty
    assert log.defects.repaired_rows == 0
    if steps is not None:
        assert log.defects.backward_steps == steps


@pytest.mark.parametrize(
    "name",
    [
        "set_01/train_02_with_attacks/targeted_payload_fuzzing-2",
        "set_02/train_02_with_attacks/untargeted_payload_fuzzing-1",
        "set_04/train_02_with_attacks/valid_systematic-3",
        "set_04/test_06_masquerade/masquerade-untimed-4",
    ],
)
def test_steps_back_in_time_are_kept_and_small(name: str) -> None:
    log = read_can_log(need_more(MORE / "can-train-and-test" / f"{name}.csv.gz"), READER)
    steps = np.diff(log.timestamp_s)
    assert log.defects.backward_steps == (steps < 0).sum() > 0
    assert steps.min() > -0.3e-3
