"""What changed between two snapshots: whose rows, in which tables; and of runs and metrics, what about them."""

from dataclasses import dataclass
from pathlib import Path

from lake.owners import owners_of, places_in
from lake.read import open_lake
from lake.schema_figures import FIGURE_TABLES
from lake.snapshot import Snapshot


@dataclass(frozen=True)
class Change:
    """An owner's rows of a table in two snapshots; a side without rows has 0."""

    table: str
    owner: str
    rows_before: int
    rows_after: int

    @property
    def kind(self) -> str:
        return "added" if not self.rows_before else "removed" if not self.rows_after else "changed"


@dataclass(frozen=True)
class MetricChange:
    """A metric's value in two snapshots; None where it is not there or not applicable."""

    model_run_id: str
    split: str
    capture: str
    protocol: str | None
    metric: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Difference:
    """Everything that two snapshots do not agree in; nothing where they have the same id."""

    before: str
    after: str
    changes: tuple[Change, ...]
    metrics: tuple[MetricChange, ...]

    @property
    def runs(self) -> list[Change]:
        return [one for one in self.changes if one.table == "runs"]

    @property
    def figures(self) -> list[Change]:
        names = {table.name for table in FIGURE_TABLES}
        return [one for one in self.changes if one.table in names]


def diff_snapshots(root: Path, before: Snapshot, after: Snapshot) -> Difference:
    """Compare two snapshots of a lake by the digests of their owners' rows, then the metrics of those that differ.

    Raises:
        LakeError: a file of either is gone.
    """
    old, new = (owners_of(one, places_in(root, one)) for one in (before, after))
    changes = tuple(
        Change(*key, old[key].rows if key in old else 0, new[key].rows if key in new else 0)
        for key in sorted(old.keys() | new.keys())
        if key not in old or key not in new or old[key].digest != new[key].digest
    )
    evaluations = sorted(one.owner for one in changes if one.table == "metrics")
    return Difference(
        before.snapshot_id, after.snapshot_id, changes, _metrics(root, before, after, evaluations)
    )  # fmt: skip


_KEY = "model_run_id, split, capture, protocol, calibration_s, metric"


def _metrics(root: Path, before: Snapshot, after: Snapshot, evaluations: list[str]) -> tuple[MetricChange, ...]:
    """Of a model that was evaluated several times, the value of each evaluation that changed is compared."""
    if not evaluations:
        return ()
    values = []
    for snapshot in (before, after):
        with open_lake(root, snapshot, ["metrics"]) as lake:
            rows = lake.execute(
                f"SELECT run_id, {_KEY}, value FROM metrics WHERE list_contains($runs, run_id)", {"runs": evaluations}
            ).fetchall()
        values.append({row[:-1]: row[-1] for row in rows})
    old, new = values
    return tuple(
        MetricChange(key[1], key[2], key[3], key[4], key[6], old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys(), key=str)
        if (key in old) != (key in new) or old[key] != new[key]
    )
