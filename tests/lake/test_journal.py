"""What a journal takes and keeps, and how it becomes parts."""

import errno
import os
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from lake.check import verify
from lake.errors import LakeError
from lake.journal import Journal
from lake.journal_lines import Lines
from lake.journals import list_journals
from lake.read import open_lake, query
from lake.recover import recover
from lake.schema import EPOCHS, METRICS, PREDICTIONS, RUNS
from lake.snapshot import take_snapshot
from tests.lake.left_journals import counted
from tests.lake.rows import epoch_row, metric_row, run_row


def test_rows_are_read_at_once_and_become_one_part_a_table_when_it_is_sealed(root: Path) -> None:
    journal = Journal(root, "run-a", attempt=2)
    journal.log({RUNS: [run_row(attempt=2)]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    read = "SELECT run_id, attempt, epoch, split, metric, value FROM epochs"
    before = query(root, read).to_pylist()
    assert before == [
        {"run_id": "run-a", "attempt": 2, "epoch": 0, "split": "train", "metric": "loss", "value": 0.5}
    ]  # fmt: skip
    assert len(journal.seal()) == 2
    assert query(root, read).to_pylist() == before
    assert list((root / "journals").iterdir()) == []
    assert verify(root) == []


def test_rows_of_several_tables_are_kept_together_and_read_as_they_were_given(root: Path) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()], METRICS: [metric_row(value=1 / 3), metric_row(metric="fpr", value=None)]})
        told = "SELECT started_at, value FROM runs, metrics ORDER BY value NULLS LAST"
        live = query(root, told).to_pylist()
    assert live[0]["started_at"] == run_row()["started_at"]
    assert [row["value"] for row in live] == [1 / 3, None]
    assert query(root, told).to_pylist() == live


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda journal: journal.log_epoch(0, "train", {"loss": float("nan")}), "loss: value is nan; only finite"),
        (lambda journal: journal.log_epoch(0, "training", {"loss": 1.0}), "split is 'training', not one of"),
        (lambda journal: journal.log_epoch(-1, "train", {"loss": 1.0}), "epoch is -1, below 0"),
        (lambda journal: journal.log_epoch(0, "train", {"f1": 1.2}), r"f1 is 1.2, outside \[0, 1\]"),
        (lambda journal: journal.log_epoch(0, "train", {"loss": "low"}), "loss: value is 'low', no number"),
        (lambda journal: journal.log({EPOCHS: [epoch_row(), epoch_row()]}), "repeats the key"),
        (lambda journal: journal.log_epoch(2**63, "train", {"loss": 1.0}), "epoch is 9223372036854775808, beyond 64"),
        (lambda journal: journal.log_epoch(0, "train", {"loss": 10**400}), "loss: value is 10+, beyond what 64 bits"),
        (lambda journal: journal.log_epoch(0, "train", {"a\ud800": 1.0}), "metric is .*, which UTF-8 cannot write"),
        (lambda journal: journal.log({RUNS: [run_row(attempt=2, seed=2**63)]}), "seed is 9223372036854775808, beyond"),
        (
            lambda journal: journal.log({RUNS: [run_row(attempt=2, reason="\ud800")]}),
            "reason is .*, which UTF-8 cannot",
        ),
        (lambda journal: journal.log({METRICS: [metric_row(value=-0.5)]}), r"f1 is -0.5, outside \[0, 1\]"),
    ],
)
def test_a_row_outside_the_contract_is_refused_when_it_is_logged(
    root: Path, spoil: Callable[[Journal], Any], words: str
) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        with pytest.raises(LakeError, match=words):
            spoil(journal)
    assert counted(root)["n"] == 0


def test_a_process_born_of_another_has_a_journal_of_its_own(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    born = os.fork()
    if born == 0:
        journal.log_epoch(1, "train", {"loss": 0.5})
        os._exit(0)
    os.waitpid(born, 0)
    journal.log_epoch(2, "train", {"loss": 0.5})
    assert counted(root) == {"n": 3, "epochs": 3}
    journal.seal()
    recover(root)
    assert counted(root) == {"n": 3, "epochs": 3}
    assert list_journals(root) == []


def test_a_process_that_was_forked_ends_without_touching_the_journal(root: Path) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        journal.log_epoch(0, "train", {"loss": 0.5})
        child_id = os.fork()
        if child_id == 0:
            journal.__exit__()
            os._exit(0)
        os.waitpid(child_id, 0)
        for epoch in range(1, 8):
            assert journal.log_epoch(epoch, "train", {"loss": 0.5})
    assert counted(root) == {"n": 8, "epochs": 8}


@pytest.mark.parametrize(
    "value", [2**60 + 1, np.int64(2**60), np.float32(0.5), np.longdouble(0.25), Fraction(1, 3), np.float64(0.5)]
)
def test_every_number_is_kept_as_a_float(root: Path, value: Any) -> None:
    epoch: Any = np.int64(0)
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row(best_value=value)]})
        journal.log_epoch(epoch, "train", {"wall_ns": value})
        assert query(root, "SELECT value FROM epochs").to_pylist() == [{"value": float(value)}]
    assert query(root, "SELECT value FROM epochs").to_pylist() == [{"value": float(value)}]
    assert query(root, "SELECT best_value FROM runs").to_pylist() == [{"best_value": float(value)}]


def test_a_time_that_utc_has_no_year_for_is_refused(root: Path) -> None:
    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))
    with pytest.raises(LakeError, match="outside the years that UTC has"):
        Journal(root, "run-a").log({RUNS: [run_row(started_at=late)]})


def test_zeros_that_came_one_by_one_block_nobody_and_are_said(root: Path) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        for name in ("f1", "recall", "precision", "auroc", "auprc", "accuracy"):
            assert journal.log({METRICS: [metric_row(metric=name, value=0.0)]})
    assert query(root, "SELECT count(*) AS n FROM metrics").to_pylist() == [{"n": 6}]
    take_snapshot(root)
    assert any("all 6 values of run-a are 0" in fault for fault in verify(root, rows=True))


def test_many_rows_at_once_are_no_journals(root: Path) -> None:
    with pytest.raises(LakeError, match="predictions is a table of many rows: give it by add_part"):
        Journal(root, "run-a").log({PREDICTIONS: []})


@pytest.mark.parametrize("name", ["", "..", "a/b", "a~b", "merged", ".a"])
def test_a_run_whose_name_could_leave_its_folder_is_refused(root: Path, name: str) -> None:
    with pytest.raises(LakeError, match="cannot name a run"):
        Journal(root, name)


def test_a_sealed_journal_takes_no_more(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.seal()
    with pytest.raises(LakeError, match="is sealed"):
        journal.log_epoch(0, "train", {"loss": 0.5})


def test_a_key_that_was_logged_before_is_refused_and_the_rest_is_sealed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "lake", "run-a")
    journal.log_epoch(0, "train", {"loss": 0.5})
    with pytest.raises(LakeError, match="'metric': 'loss'} was logged before"):
        journal.log_epoch(0, "train", {"auroc": 0.5, "loss": 0.25})
    with pytest.raises(LakeError, match="was logged before"):
        journal.log({EPOCHS: [epoch_row(split="train")]})
    journal.log_epoch(0, "train", {"auroc": 0.75})
    journal.seal()
    with open_lake(tmp_path / "lake") as lake:
        rows = lake.execute("SELECT metric, value FROM epochs ORDER BY ALL").fetchall()
    assert rows == [("auroc", 0.75), ("loss", 0.5)]


STEPS = [
    (function.__code__, line)
    for function in (Journal._keep, Journal._write, Journal._flush, Lines.append, Lines.behind, Lines.forget)
    for line in sorted({line for _, _, line in function.__code__.co_lines() if line})[1:]
]


@pytest.mark.parametrize("durable", ["disk", "process"])
@pytest.mark.parametrize("at", range(len(STEPS)), ids=lambda at: f"{STEPS[at][0].co_name}-{STEPS[at][1]}")
def test_ctrl_c_between_any_two_statements_of_a_log_call_doubles_and_tears_nothing(
    root: Path, durable: Any, at: int
) -> None:
    code, line = STEPS[at]
    journal = Journal(root, "run-a", durable=durable)
    journal.log({RUNS: [run_row()]})
    stopped = False

    def tracing(frame: FrameType, event: str, _: object) -> Any:
        nonlocal stopped
        if frame.f_code is code and event == "line" and frame.f_lineno == line:
            stopped = True
            sys.settrace(None)
            raise KeyboardInterrupt
        return tracing

    before = sys.gettrace()
    sys.settrace(tracing)
    try:
        journal.log_epoch(0, "train", {"loss": 0.5})
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    for epoch in (1, 2):
        assert journal.log_epoch(epoch, "train", {"loss": 0.5})
    found = query(root, "SELECT epoch FROM epoch_events ORDER BY epoch").to_pylist()
    assert [row["epoch"] for row in found] in ([0, 1, 2], [1, 2] if stopped else [])
    assert len(journal.seal()) == 2
    assert query(root, "SELECT epoch FROM epoch_events ORDER BY epoch").to_pylist() == found
    assert recover(root) == []
    assert verify(root) == []


def test_closing_goes_on_where_it_was_broken_off(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it waits for space."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    journal = Journal(root, "run-a")
    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        disk.setattr("lake.journal.time.sleep", stop)
        journal.log({RUNS: [run_row()]})
        with pytest.raises(KeyboardInterrupt):
            journal.close()
    assert len(journal.seal()) == 1
