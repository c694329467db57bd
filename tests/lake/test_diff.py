"""What two snapshots do not agree in, by table and run, and by metric."""

from pathlib import Path

from lake.append import append
from lake.diff import diff_snapshots
from lake.schema import EPOCHS, METRICS, RUNS
from lake.schema_figures import EMBEDDINGS
from lake.snapshot import take_snapshot
from tests.lake.rows import NOON, epoch_row, metric_row, run_row


def test_runs_metrics_and_figures_data_that_changed_are_named(small_lake: Path, tmp_path: Path) -> None:
    append(small_lake, METRICS, "run-a", "metrics", [metric_row(value=0.25), metric_row(metric="fpr", value=0.5)])
    before = take_snapshot(small_lake)
    append(small_lake, RUNS, "run-a", "ended", [run_row(status="complete", finished_at=NOON)])
    append(small_lake, METRICS, "run-b", "metrics", [metric_row(value=0.75)])
    point = {"model": "vgae", "window_index": 0, "projection": "umap", "x": 0.5, "y": 0.5}
    append(small_lake, EMBEDDINGS, "run-b", "points", [point])
    after = take_snapshot(small_lake)
    found = diff_snapshots(small_lake, before, after)
    assert [(one.table, one.owner, one.kind) for one in found.changes] == [
        ("embeddings", "run-b", "added"), ("metrics", "run-b", "added"), ("runs", "run-a", "changed"),
    ]  # fmt: skip
    assert [one.owner for one in found.figures] == ["run-b"]
    assert [one.owner for one in found.runs] == ["run-a"]
    ((metric),) = found.metrics
    assert (metric.metric, metric.before, metric.after) == ("f1", None, 0.75)
    back = diff_snapshots(small_lake, after, before)
    assert [one.kind for one in back.changes] == ["removed", "removed", "changed"]


def test_a_snapshot_and_itself_and_one_of_the_same_rows_do_not_differ(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    take_snapshot(small_lake)
    assert diff_snapshots(small_lake, snapshot, snapshot).changes == ()
