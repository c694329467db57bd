"""Each number is given once, to a file that is whole."""

import os
import signal
import time
from pathlib import Path

import pytest

from lake.errors import LakeError
from lake.numbered import last_number, numbered_path, numbers, put_next, put_numbered
from tests.conftest import Python
from tests.lake.conftest import child, read_only

# Takes numbers until it is killed, or the count is reached; each file holds its writer's name 2,000 times.
TAKER = """
import sys
from pathlib import Path
from lake.numbered import put_next
folder, name, most = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("started", flush=True)
sys.stdin.readline()
for _ in range(most):
    print(put_next(folder, lambda number: f"{number} {name} ".encode() * 2000), flush=True)
"""


def test_a_number_is_given_to_the_first_alone(tmp_path: Path) -> None:
    assert put_numbered(tmp_path / "events", 1, b"first")
    assert not put_numbered(tmp_path / "events", 1, b"second")
    assert numbered_path(tmp_path / "events", 1).read_bytes() == b"first"
    assert os.listdir(tmp_path / "events") == ["000001.json"]


def test_the_next_free_number_is_found_and_told_to_who_makes_the_data(tmp_path: Path) -> None:
    assert [put_next(tmp_path, lambda number: str(number).encode()) for _ in range(3)] == [1, 2, 3]
    assert numbered_path(tmp_path, 3).read_bytes() == b"3"


def test_a_number_taken_since_the_listing_is_passed_over(tmp_path: Path) -> None:
    def late(number: int) -> bytes:
        if number == 1:
            put_numbered(tmp_path, 1, b"another's")
        return str(number).encode()

    assert put_next(tmp_path, late) == 2
    assert numbered_path(tmp_path, 1).read_bytes() == b"another's"


def test_listing_ignores_what_carries_no_number(tmp_path: Path) -> None:
    for name in ("000002.json", "000010.json", "1234567.json", ".000003.json.ab.tmp", "7.json", "000004.txt", "x.json"):
        (tmp_path / name).touch()
    assert numbers(tmp_path) == [2, 10, 1234567]
    assert last_number(tmp_path) == 1234567
    assert numbers(tmp_path, ".txt") == [4]
    assert numbers(tmp_path / "absent") == []


def test_processes_at_once_get_every_number_once(tmp_path: Path) -> None:
    takers = [child(TAKER, str(tmp_path / "n"), f"taker-{each}", "25", stdin=-1) for each in range(4)]
    for taker in takers:
        assert taker.stdout.readline() == "started\n"
    for taker in takers:
        taker.stdin.write("\n")
        taker.stdin.flush()
    taken = [[int(line) for line in taker.communicate(timeout=60)[0].split()] for taker in takers]
    assert sorted(number for each in taken for number in each) == list(range(1, 101))
    for each, numbers_of_it in enumerate(taken):
        for number in numbers_of_it:
            assert numbered_path(tmp_path / "n", number).read_text() == f"{number} taker-{each} " * 2000


def test_a_kill_leaves_whole_files_and_blocks_nobody(tmp_path: Path) -> None:
    for each in range(6):
        with child(TAKER, str(tmp_path / "n"), f"taker-{each}", "100000", stdin=-1) as taker:
            assert taker.stdout.readline() == "started\n"
            taker.stdin.write("\n")
            taker.stdin.flush()
            taker.stdout.readline()
            time.sleep(0.003 * each)
            taker.send_signal(signal.SIGKILL)
    given = numbers(tmp_path / "n")
    assert given == list(range(1, len(given) + 1))
    for number in given:
        words = numbered_path(tmp_path / "n", number).read_text().split()
        assert len(words) == 4000
        assert set(words[::2]) == {str(number)}
    assert put_next(tmp_path / "n", lambda number: b"") == len(given) + 1


def test_a_link_whose_answer_was_lost_counts_as_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def link_twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)  # what an NFS client does: the second request is the one it hears of

    monkeypatch.setattr(os, "link", link_twice)
    assert put_numbered(tmp_path, 1, b"ours")
    assert numbered_path(tmp_path, 1).read_bytes() == b"ours"


def test_a_full_disk_takes_no_number(small_disk: Path) -> None:
    with pytest.raises(LakeError, match=r"000001\.json was not written: the disk or your quota is full"):
        put_numbered(small_disk / "n", 1, bytes(2**20))
    assert os.listdir(small_disk / "n") == []
    assert put_numbered(small_disk / "n", 1, b"small")


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, without_override: Python) -> None:
    put_numbered(tmp_path / "n", 1, b"")
    code = "import pathlib, sys, lake.numbered as n; n.put_next(pathlib.Path(sys.argv[1]), bytes)"
    with read_only(tmp_path / "n"):
        done = without_override("-c", code, str(tmp_path / "n"))
    assert "000002.json was not written: permission denied" in done.stderr
