"""Habits on disk, and whose bus a recording is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.can_log import CanLog
from pipeline.errors import StageError
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch
from pipeline.habits import fit_by_vehicle, load_habits, recognise_vehicle, save_habits
from tests.pipeline.buses import CONFIG, Stream, bus, every, learnt
from tests.pipeline.captures import BENIGN, FLOOD, recorded, stretch
from tests.pipeline.test_habit import equal

CAR_A = {0x100 + n: 0.01 * (1 + n % 4) for n in range(30)}
CAR_B = {0x100 + 3 * n: 0.013 * (1 + n % 5) for n in range(30)}


def drive(periods: dict[int, float], seconds: float, seed: int = 0) -> CanLog:
    """IDs at their periods from any phase, with a little jitter."""
    random = np.random.default_rng(seed)
    streams = []
    for number, period in periods.items():
        times = np.array(every(period, seconds, random.uniform(0, period)))
        streams.append(Stream(number, sorted(times + random.uniform(0, 0.1 * period, len(times)))))
    return bus(*streams)


@pytest.fixture(scope="module")
def habits() -> dict[str, Habit]:
    return {"Car A": learnt(drive(CAR_A, 40)), "Car B": learnt(drive(CAR_B, 40))}


def test_habits_come_back_as_they_were_saved(tmp_path: Path, habits: dict[str, Habit]) -> None:
    words = [count % 16 for count in range(4000)]
    once, seldom = Stream(2**29 - 1, [1.0], dlc=0), Stream(7, [1.0, 2.0, 33.0], dlc=64)
    odd = bus(Stream(0x10, every(0.01, 40), words), once, seldom)
    every_kind = {**habits, "Odd / Ünïcode": learnt(odd), "Untrusted": learnt(odd, is_trusted=False)}
    assert every_kind["Odd / Ünïcode"].counters.size.max() == 16
    save_habits(tmp_path / "habits.npz", every_kind)
    found = load_habits(tmp_path / "habits.npz")
    assert found.keys() == every_kind.keys()
    assert all(equal(found[name], habit) for name, habit in every_kind.items())


def test_equal_habits_are_equal_bytes(tmp_path: Path, habits: dict[str, Habit]) -> None:
    """Runs are known by the digests of their files."""
    save_habits(tmp_path / "one.npz", habits)
    save_habits(tmp_path / "other.npz", dict(reversed(habits.items())))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


@pytest.mark.parametrize("damage", ["cut", "a bit", "gone", "text", "other arrays"])
def test_a_file_that_holds_no_habits_is_said(tmp_path: Path, habits: dict[str, Habit], damage: str) -> None:
    path = tmp_path / "habits.npz"
    save_habits(path, habits)
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-40])
        case "a bit":
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        case "gone":
            path.unlink()
        case "text":
            path.write_text("habits")
        case _:
            np.savez(path, a=np.zeros(3))
    with pytest.raises(StageError, match=r"holds no habits of vehicles .* Restore it"):
        load_habits(path)


def test_each_vehicle_learns_from_its_own_stretches() -> None:
    a, b, more = drive(CAR_A, 5), drive(CAR_B, 5), drive({0x7FF: 0.1}, 5)
    found = fit_by_vehicle([(name, Stretch(log, 0, len(log))) for name, log in (("A", a), ("B", b), ("A", more))], 100,
                           CONFIG)  # fmt: skip
    assert set(found["A"].arbitration_id) == {*CAR_A, 0x7FF}
    assert set(found["B"].arbitration_id) == set(CAR_B)


@pytest.mark.parametrize(("periods", "name"), [(CAR_A, "Car A"), (CAR_B, "Car B")])
def test_another_drive_of_a_known_vehicle_is_recognised(
    habits: dict[str, Habit], periods: dict[int, float], name: str
) -> None:
    found = recognise_vehicle(habits, drive(periods, 10, seed=9))
    assert (found.vehicle, found.nearest) == (name, name)
    assert found.likeness > 0.95


def test_ids_that_are_absent_do_not_make_a_stranger(habits: dict[str, Habit]) -> None:
    """As with the engine off: nine in ten IDs may be missing."""
    few = dict(list(CAR_A.items())[:4])
    assert recognise_vehicle(habits, drive(few, 10, seed=9)).vehicle == "Car A"


def test_strange_ids_make_a_stranger(habits: dict[str, Habit]) -> None:
    """Cars of one maker share IDs: three strange ones among thirty are another car."""
    assert recognise_vehicle(habits, drive({**CAR_A, 0x500: 0.01}, 10)).vehicle == "Car A", "one is forgiven"
    found = recognise_vehicle(habits, drive({**CAR_A, 0x500: 0.01, 0x501: 0.02, 0x502: 0.02}, 10))
    assert (found.vehicle, found.nearest) == (None, "Car A")
    assert found.likeness > 0.9


def test_known_ids_at_other_periods_make_a_stranger(habits: dict[str, Habit]) -> None:
    slower = {number: 1.5 * period for number, period in CAR_A.items()}
    assert recognise_vehicle(habits, drive(slower, 15)).vehicle is None


@pytest.mark.parametrize("attack", ["flood", "fuzzing", "spoofing"])
def test_an_attack_under_way_hides_no_vehicle(habits: dict[str, Habit], attack: str) -> None:
    random = np.random.default_rng(3)
    calm = drive(CAR_A, 10, seed=9)
    injected = {
        "flood": [Stream(0x000, every(0.0005, 10, 2.0))],
        "fuzzing": [Stream(int(number), [time]) for number, time in
                    zip(random.integers(0, 0x7FF, 5000), random.uniform(2, 10, 5000), strict=True)],
        "spoofing": [Stream(0x104, (np.array(every(0.01, 10, 2.0)) + 0.001).tolist())],
    }[attack]  # fmt: skip
    benign = [Stream(number, calm.timestamp_s[calm.arbitration_id == number].tolist()) for number in CAR_A]
    assert recognise_vehicle(habits, bus(*benign, *injected)).vehicle == "Car A"


def test_labels_are_not_looked_at(habits: dict[str, Habit]) -> None:
    log = drive(CAR_A, 10, seed=9)
    turned = replace(log, is_attack=~log.is_attack)
    assert recognise_vehicle(habits, log) == recognise_vehicle(habits, turned)


@pytest.mark.parametrize("seconds", [0.001, 0.05])
def test_a_bus_that_shows_no_period_is_nobodys(habits: dict[str, Habit], seconds: float) -> None:
    """A few frames fit every vehicle: nothing on them is strange, and nothing is expected."""
    found = recognise_vehicle(habits, drive({0x7A1: 0.0004, 0x7A2: 0.03}, seconds))
    assert found.vehicle is None


def test_a_clock_that_jumps_back_hides_no_vehicle(habits: dict[str, Habit]) -> None:
    log = drive(CAR_A, 10, seed=9)
    times = np.where(np.arange(len(log)) < len(log) // 2, log.timestamp_s + 500.0, log.timestamp_s)
    assert recognise_vehicle(habits, replace(log, timestamp_s=times)).vehicle == "Car A"


def test_without_habits_nobody_is_recognised() -> None:
    found = recognise_vehicle({}, drive(CAR_A, 2))
    assert (found.vehicle, found.nearest, found.likeness) == (None, None, 0.0)


def test_a_recorded_car_is_told_from_another() -> None:
    own = learnt(stretch(recorded(BENIGN), 0, 60_000))
    other = recorded("test_04_unknown_vehicle_unknown_attack/systematic-4")
    assert recognise_vehicle({"own": own}, stretch(recorded(FLOOD), 0, 12_000)).vehicle == "own"
    assert recognise_vehicle({"own": own}, stretch(other, 0, 12_000)).vehicle is None
