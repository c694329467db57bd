"""What a run took of its machine is in the lake, from its first moment to its last."""

import time
from pathlib import Path

from lake.journal import Journal
from lake.read import query
from lake.schema import RUNS
from pipeline.resources import sampled
from tests.lake.rows import run_row


def test_samples_are_logged_at_the_start_meanwhile_and_at_the_end(tmp_path: Path) -> None:
    held = None
    with Journal(tmp_path / "lake", "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        with sampled(journal, every_s=0.02):
            held = bytearray(64 * 2**20)
            until = time.monotonic() + 0.3
            while time.monotonic() < until:
                held[0] = (held[0] + 1) % 256
    rows = query(tmp_path / "lake", "SELECT * FROM resources ORDER BY sampled_at").to_pylist()
    assert len(rows) >= 3
    assert {row["device"] for row in rows} == {"host"}
    assert rows[-1]["memory_peak_bytes"] - rows[0]["memory_bytes"] >= 64 * 2**20
    assert all(0 < row["memory_bytes"] <= row["memory_total_bytes"] for row in rows)
    assert max(row["utilisation"] for row in rows[1:]) > 0.05, "a loop without a pause is busy"


def test_a_stage_that_fails_has_its_last_sample_all_the_same(tmp_path: Path) -> None:
    with Journal(tmp_path / "lake", "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        try:
            with sampled(journal, every_s=60):
                raise RuntimeError("as stages do")
        except RuntimeError:
            pass
    assert query(tmp_path / "lake", "SELECT count(*) AS n FROM resources").to_pylist() == [{"n": 2}]
