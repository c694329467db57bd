"""A short form of each torture: seconds, not minutes; and that a broken promise would be seen."""

import json
import os
import random
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import lake.gc
from tests.torture.__main__ import TORTURES, main, run
from tests.torture.bit_rot import small_lake, unnoticed
from tests.torture.crash_states import OPERATIONS, crash
from tests.torture.full_disk import may_mount
from tests.torture.memory import measured
from tests.torture.schedules import _played, make_base, pair
from tests.torture.writers import write_together
from tests.torture.zygote import VALUES, value_of


def broken(figures: list[Any]) -> list[Any]:
    return [figure for figure in figures if figure.held is False]


def test_killed_writers_lose_nothing() -> None:
    assert value_of(1, 0) == len(VALUES) / 2**40, "as the storm's query has it"
    assert broken(run("kill-storm", rounds=2, seed=1)) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_crash_anywhere_leaves_old_or_new(name: str) -> None:
    found = crash(name, states=12)
    assert found["wrong"] == []
    assert found["states"] >= 6


@pytest.mark.parametrize(
    "names", [("write", "tend"), ("compact", "snapshot"), ("recover", "compact"), ("gc", "append")]
)
def test_two_at_a_time_in_some_orders(names: tuple[str, str], tmp_path: Path) -> None:
    found = pair(tmp_path, *names, most=6, seed=1)
    assert found["faults"] == []
    assert found["looks"] > 12


def test_a_pair_with_few_schedules_is_walked_to_the_end(tmp_path: Path) -> None:
    found = pair(tmp_path, "append", "recover", most=100, seed=1)
    assert found == {"schedules": 7, "looks": found["looks"], "faults": [], "is_all": True}


def test_a_collector_that_frees_what_a_reader_holds_would_be_seen(tmp_path: Path) -> None:
    acknowledged = make_base(tmp_path / "lake")
    needed = lake.gc._needed
    reader_opens_then_the_other_works = [0, 0, *[1] * 50]  # its first step is to read the journal
    with patch.object(lake.gc, "_needed", lambda root, before: needed(root, 2.0**40)):
        _, faults = _played(
            tmp_path / "lake", ("read", "tend"), acknowledged, reader_opens_then_the_other_works, random.Random(1)
        )
    assert "No files found" in faults[0] or "IOException" in faults[0]


def test_flipped_bits_and_cut_files_are_found() -> None:
    assert broken(run("bit-rot", rounds=6, seed=1)) == []


def test_damage_without_a_word_would_be_seen(tmp_path: Path) -> None:
    paths = small_lake(tmp_path / "lake")
    whole = paths["journal"].read_bytes()
    with patch("tests.torture.bit_rot.verify", lambda root: []):
        part = paths["part"].read_bytes()
        assert unnoticed(tmp_path / "lake", paths["part"], "part", iter([part[:-1]])) == 1
        lines = whole.splitlines(keepends=True)
        other = b"".join([lines[0], *lines[2:]])  # a record in the middle is gone
        assert unnoticed(tmp_path / "lake", paths["journal"], "journal", iter([other, whole[:-9]])) == 1


def test_writers_at_once_are_all_read(tmp_path: Path) -> None:
    found = write_together(tmp_path / "lake", writers=4, rows=50)
    assert (found["rows"], found["doubled"], found["faults"]) == (200, 0, [])


@pytest.fixture
def mountable(tmp_path: Path) -> None:
    """Only what mounting itself says skips a test: an error of the lake on a full disk never does."""
    if os.geteuid() != 0 or not may_mount(tmp_path):
        pytest.skip("a small disk cannot be mounted here: that takes root and the right to mount")


@pytest.mark.usefixtures("mountable")
def test_a_full_disk_loses_nothing() -> None:
    assert broken(run("full-disk", rounds=1, seed=1)) == []


def test_publishers_of_one_remote() -> None:
    assert broken(run("remote", rounds=20, seed=1)) == []


def test_memory_is_that_of_a_process_of_its_own() -> None:
    figures = run("memory", rounds=20, seed=1)
    assert broken(figures) == []
    assert all(40 < figure.figure < 1024 for figure in figures if "MiB" in figure.what)
    held = b"." * 2**28
    assert 5 < measured("-c", "pass")["peak_mib"] < len(held) // 2**20, "not what this process holds"
    assert measured("-c", f"held = b'.' * {len(held)}; raise SystemExit(3)").items() >= {"exit_code": 3}.items()
    assert measured("-c", f"held = b'.' * {len(held)}")["peak_mib"] > len(held) // 2**20


@pytest.mark.usefixtures("mountable")
def test_names_and_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["storm"]) == 1
    assert f"Tortures: {', '.join(TORTURES)}." in capsys.readouterr().err
    with patch("tests.torture.full_disk.refused", lambda *_: "left something behind"):
        assert main(["full-disk", "--rounds", "1", "--seed", "3", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["seed"] == 3
    assert [figure["figure"] for figure in told["figures"] if figure["held"] is False] == ["left something behind"] * 3
