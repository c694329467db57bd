"""A part is there whole or not at all."""

import hashlib
import os
import signal
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake.append import append, append_arrow
from lake.check import verify
from lake.errors import LakeError
from lake.parts import list_parts
from lake.read import open_lake, query
from lake.schema import EPOCHS, RUNS
from tests.conftest import Python
from tests.lake.conftest import child, read_only
from tests.lake.rows import epoch_row, run_row

# Writes one part after another until it is killed; says so once it is under way.
WRITER = """
import sys
from pathlib import Path
from lake.append import append, append_arrow
from lake.schema import EPOCHS, RUNS
from tests.lake.rows import epoch_row, run_row
root, run_id = Path(sys.argv[1]), sys.argv[2]
append(root, RUNS, run_id, "001-running", [run_row()])
print("started", flush=True)
for part in range(int(sys.argv[3])):
    rows = [epoch_row(epoch=part, metric=f"m{n}", value=float(part)) for n in range(200)]
    append(root, EPOCHS, run_id, f"epoch-{part:05d}", rows)
print("done", flush=True)
"""


def files_below(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_part_holds_the_rows_given_and_is_found_by_the_reader(tmp_path: Path) -> None:
    append(tmp_path / "lake", RUNS, "run-a", "001-running", [run_row()])
    path = append(tmp_path / "lake", EPOCHS, "run-a", "epoch-00000", [epoch_row(value=0.25)])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    assert path == tmp_path / "lake" / "epochs" / "run-a" / f"epoch-00000.{digest}.parquet"
    assert query(tmp_path / "lake", "SELECT run_id, value FROM epochs").to_pylist() == [
        {"run_id": "run-a", "value": 0.25}
    ]


def test_a_part_is_never_written_over(small_lake: Path) -> None:
    before = files_below(small_lake)
    with pytest.raises(
        LakeError, match=r"epoch-00001\.\w+\.parquet is there with other rows, and a part is never written"
    ):
        append(small_lake, EPOCHS, "run-a", "epoch-00001", [epoch_row(epoch=1, value=7.0)])
    append(small_lake, EPOCHS, "run-a", "epoch-00001", [epoch_row(epoch=1)])
    assert files_below(small_lake) == before


def test_many_rows_at_once_are_checked_sorted_and_kept_as_one_by_one(tmp_path: Path) -> None:
    rows = [epoch_row(epoch=n, metric=name, value=n / 7) for n in (3, 1, 2) for name in ("loss", "auroc")]
    columns = pa.Table.from_pylist(rows)
    one = append(tmp_path / "a", EPOCHS, "run-a", "p", rows)
    many = append_arrow(tmp_path / "b", EPOCHS, "run-a", "p", columns)
    assert one.read_bytes() == many.read_bytes()


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (append(tmp_path / name, EPOCHS, "r", "p", [epoch_row()]) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_a_refused_row_leaves_no_file_and_no_lake(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="Nothing was written"):
        append(tmp_path / "lake", EPOCHS, "run-a", "p", [epoch_row(), epoch_row(epoch=1, value=float("nan"))])
    assert files_below(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "../up", "/etc", "", ".hidden", "a b", "a\n", "-rf", "ü", "a" * 300]
)
def test_a_name_that_could_leave_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    for run_id, part in ((name, "part"), ("run", name)):
        with pytest.raises(LakeError, match="cannot name a"):
            append(tmp_path / "lake", EPOCHS, run_id, part, [epoch_row()])
    assert files_below(tmp_path) == []


def test_a_writer_that_is_killed_leaves_whole_parts_only(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    for turn in range(4):
        with child(WRITER, str(root), f"run-{turn}", "100000") as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "started\n"
            # at another moment each time: after `turn` more parts have appeared
            while len(list((root / "epochs" / f"run-{turn}").glob("[!.]*.parquet"))) <= turn:
                assert writer.poll() is None
                time.sleep(0.01)
            writer.send_signal(signal.SIGKILL)
            assert writer.wait() == -signal.SIGKILL
    parts = [root / part.path for part in list_parts(root)["epochs"]]
    assert len(parts) >= 4
    assert all(pq.read_table(path).num_rows == 200 for path in parts)
    assert verify(root) == []
    with open_lake(root) as connection:
        statuses = connection.execute("SELECT DISTINCT status FROM runs").fetchall()
    assert statuses == [("running",)]


def test_a_kill_between_the_last_byte_and_the_rename_shows_nothing(tmp_path: Path) -> None:
    cut = "import os, lake.files\nlake.files.os.replace = lambda *_: os.kill(os.getpid(), 9)\n"
    root = tmp_path / "lake"
    append(root, RUNS, "run-a", "001-running", [run_row()])
    before = files_below(root)
    with child(cut + WRITER, str(root), "run-b", "1") as writer:
        assert writer.wait() == -signal.SIGKILL
    left = set(files_below(root)) - set(before)
    assert left, "the child should have died with its bytes written"
    assert all(Path(name).name.startswith(".") and name.endswith(".tmp") for name in left)
    assert query(root, "SELECT run_id FROM runs").to_pylist() == [{"run_id": "run-a"}]
    assert verify(root) == []


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    writers = [child(WRITER, str(root), f"run-{n}", "5") for n in range(3)]
    for writer in writers:
        out, err = writer.communicate()
        assert (out, writer.returncode) == ("started\ndone\n", 0), err
    counts = query(root, "SELECT run_id, count(*) AS n FROM epochs GROUP BY ALL ORDER BY 1").to_pylist()
    assert counts == [{"run_id": f"run-{n}", "n": 1000} for n in range(3)]
    assert verify(root) == []


def test_two_processes_that_found_a_lake_at_once_both_get_it(tmp_path: Path) -> None:
    """The second looks for the marker before the first has written it, and into the folder after."""
    root = tmp_path / "lake"
    late = f"""
import lake.root
from pathlib import Path
write = Path.exists
def exists(path):
    found = write(path)
    if path.name == lake.root.MARKER and not found:
        Path.exists = write
        append(Path({str(root)!r}), RUNS, "the-first", "001-running", [run_row()])
    return found
Path.exists = exists
"""
    head, tail = WRITER.split("root, run_id", 1)
    with child(head + late + "root, run_id" + tail, str(root), "the-second", "1") as writer:
        _, err = writer.communicate()
    assert writer.returncode == 0, err
    assert {row["run_id"] for row in query(root, "SELECT run_id FROM runs").to_pylist()} == {"the-first", "the-second"}


def test_a_full_disk_is_said_and_leaves_nothing(small_disk: Path) -> None:
    root = small_disk / "lake"
    append(root, RUNS, "run-a", "001-running", [run_row()])
    first = append(root, EPOCHS, "run-a", "epoch-00000", [epoch_row()])
    before, kept = files_below(small_disk), first.read_bytes()
    many = [epoch_row(epoch=n, metric=os.urandom(64).hex(), value=n / 7) for n in range(20_000)]
    for part in ("epoch-00000", "epoch-00001"):
        with pytest.raises(LakeError) as full:
            append(root, EPOCHS, "run-a", part, many)
        assert "was not written: the disk or your quota is full" in str(full.value)
        assert "free some space and run the same command again" in str(full.value)
    assert files_below(small_disk) == before
    assert first.read_bytes() == kept
    append(root, EPOCHS, "run-a", "epoch-00001", [epoch_row(epoch=1)])
    assert verify(root) == []


def test_a_folder_closed_to_writers_is_said(small_lake: Path, without_override: Python) -> None:
    code = """
from pathlib import Path
import sys
from lake.append import append, append_arrow
from lake.errors import LakeError
from lake.schema import EPOCHS
from tests.lake.rows import epoch_row
try:
    append(Path(sys.argv[1]), EPOCHS, sys.argv[2], "p", [epoch_row()])
except LakeError as error:
    print(error)
"""
    before = files_below(small_lake)
    with read_only(small_lake):
        for root, run_id in ((small_lake, "run-a"), (small_lake, "run-new"), (small_lake / "another", "run-a")):
            done = without_override("-c", code, str(root), run_id)
            assert "was not written: permission denied. Make the folder writable" in done.stdout, done.stderr
    assert files_below(small_lake) == before
    assert verify(small_lake) == []


def test_a_folder_that_cannot_be_listed_takes_no_part(small_lake: Path, without_override: Python) -> None:
    """One of that name with other rows could be in it."""
    code = """
from pathlib import Path
import sys
from lake.append import append
from lake.schema import EPOCHS
from tests.lake.rows import epoch_row
append(Path(sys.argv[1]), EPOCHS, "run-a", "epoch-00001", [epoch_row(epoch=1, value=0.75)])
"""
    before = files_below(small_lake)
    (small_lake / "epochs" / "run-a").chmod(0o300)
    done = without_override("-c", code, str(small_lake))
    (small_lake / "epochs" / "run-a").chmod(0o755)
    assert "run-a cannot be listed (Permission denied)" in done.stderr
    assert files_below(small_lake) == before


def test_the_same_rows_written_by_another_release_are_the_same_rows(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a journal that was recovered before and after an update: its bytes differ, and nothing else."""
    rows = [epoch_row(epoch=epoch, value=epoch / 7) for epoch in (9, 8, 7)]
    first = append(small_lake, EPOCHS, "run-a", "later", rows)
    write = pq.write_table
    monkeypatch.setattr(pq, "write_table", lambda *given, **options: write(*given, **options, use_dictionary=False))
    assert append(small_lake, EPOCHS, "run-a", "later", rows) == first
    assert append(small_lake, EPOCHS, "run-a", "another", [epoch_row(epoch=20)]).exists()
    with pytest.raises(LakeError, match="is there with other rows"):
        append(small_lake, EPOCHS, "run-a", "later", rows[:2])
    assert verify(small_lake) == []
