"""Every operation of the lake, crashed everywhere: what is found afterwards is the old or the new, never another."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from lake.append import append
from lake.compact import compact
from lake.errors import LakeError
from lake.gc import collect
from lake.journal import Journal
from lake.read import open_lake
from lake.recover import recover
from lake.schema import EPOCHS, METRICS, RUNS
from lake.snapshot import FOLDER, load_snapshot, take_snapshot
from lake.tags import put_tag, tags
from tests.lake.rows import NOON, epoch_row, metric_row, run_row
from tests.torture.disk_model import crash_states, put_state
from tests.torture.figure import Figure, Tick, at_least, exactly
from tests.torture.recorder import Recorder

ROUNDS = 1000  # states of each operation
_MANY = 200  # states asked for, from which on every single write may be the last
Seen = tuple[Any, ...]


def _base(root: Path) -> None:
    """A lake with a run in a pack, one in parts, and a snapshot."""
    append(root, RUNS, "run-a", "a001-rows", [run_row()])
    append(root, EPOCHS, "run-a", "a001-rows", [epoch_row(epoch=epoch) for epoch in range(3)])
    take_snapshot(root, now=NOON)
    append(root, RUNS, "run-b", "a001-rows", [run_row()])
    append(root, EPOCHS, "run-b", "a001-rows", [epoch_row(epoch=epoch) for epoch in range(2)])


def _publish(root: Path) -> None:
    """A run as a training keeps it: its first row, its epochs, all of its end at once; then parts."""
    journal = Journal(root, "run-c")
    journal.log({RUNS: [run_row()]})
    for epoch in range(2):
        journal.log_epoch(epoch, "train", {"loss": 0.5, "auroc": 0.25})
    journal.log({METRICS: [metric_row()], RUNS: [run_row(status="complete", finished_at=NOON)]})
    journal.seal()


def _recover(root: Path) -> None:
    recover(root)


def _left_behind(root: Path) -> None:
    """A journal whose process was killed."""
    _base(root)
    journal = Journal(root, "run-c")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    journal.close()


def _packed(root: Path, more: int = 0) -> None:
    _base(root)
    for number in range(more):
        append(root, RUNS, f"run-{number}", "a001-rows", [run_row()])
    compact(root)


def _free(root: Path) -> None:
    collect(root, timedelta(0))


def _tag(root: Path, names: int = 1) -> None:
    (path,) = (root / FOLDER).iterdir()
    for number in range(names):
        put_tag(root, f"paper-v{number:02d}", load_snapshot(root, path.stem))


# By name: the lake before, and the operation.
OPERATIONS: Mapping[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "append": (_base, lambda root: append(root, METRICS, "run-b", "a001-more", [metric_row()])),
    "publish": (_base, _publish),
    "first": (lambda root: None, lambda root: append(root, RUNS, "run-a", "a001-rows", [run_row()])),
    "recover": (_left_behind, _recover),
    "compact": (_base, compact),
    "snapshot": (_base, lambda root: take_snapshot(root, now=NOON)),
    "tag": (_base, _tag),
    "gc": (_packed, _free),
}

# With more to do, where many states are asked for: by themselves these have too few steps for that.
_AT_LENGTH: Mapping[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "tag": (_base, partial(_tag, names=32)),
    "gc": (partial(_packed, more=40), _free),
}


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    """About `rounds` states of each operation."""
    figures = []
    for name in OPERATIONS:
        found = crash(name, states=rounds, seed=seed)
        tick()
        figures.append(at_least("crash-states", f"{name}: states", found["states"], rounds // 2))
        figures.append(exactly("crash-states", f"{name}: neither old nor new", found["wrong"][:3], []))
    return figures


def crash(name: str, states: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Crash one operation in every way, and look at each state before and after recovery.

    Args:
        states: about so many of them, drawn evenly over the operation's steps.
    """
    is_long = states is None or states >= _MANY
    before, operation = (_AT_LENGTH if is_long else OPERATIONS).get(name, OPERATIONS[name])
    with tempfile.TemporaryDirectory(prefix="kdgat-crash-") as place:
        root = Path(place) / "lake"
        root.mkdir()
        before(root)
        shutil.copytree(root, Path(place) / "was")
        recorder = Recorder(root, each_write=is_long)
        with recorder.watching():
            operation(root)
        steps = _allowed(Path(place) / "was", root, name)
        per_step = None if states is None else -(-states // (len(recorder.operations) + 1))
        looked_at, wrong = 0, []
        for begun, state in crash_states(recorder, per_step, seed):
            folder = Path(place) / f"state-{looked_at}"
            put_state(state, folder)
            if fault := _fault(folder, steps, done=begun == len(recorder.operations)):
                wrong.append(f"{name}, after {begun} of {len(recorder.operations)} operations: {fault}")
            shutil.rmtree(folder)
            looked_at += 1
    return {"operation": name, "operations": len(recorder.operations), "states": looked_at, "wrong": wrong}


def _allowed(was: Path, now: Path, name: str) -> list[Seen]:
    """What may be seen: the old, the new, and of what has several steps each of them."""
    if name not in ("publish", "tag"):
        return [_seen(was), _seen(now)]
    steps = [_seen(was)]
    if name == "tag":
        rows, snapshots, given = _seen(now)
        return [(rows, snapshots, given[:count]) for count in range(len(given) + 1)]
    with tempfile.TemporaryDirectory(prefix="kdgat-steps-") as place:
        root = Path(place) / "lake"
        shutil.copytree(was, root)
        journal = Journal(root, "run-c")
        steps.append(_log(root, journal, {RUNS: [run_row()]}))
        for epoch in range(2):
            journal.log_epoch(epoch, "train", {"loss": 0.5, "auroc": 0.25})
            steps.append(_seen(root))
        steps.append(
            _log(root, journal, {METRICS: [metric_row()], RUNS: [run_row(status="complete", finished_at=NOON)]})
        )
        journal.close()
    return steps


def _log(root: Path, journal: Journal, rows: Any) -> Seen:
    journal.log(rows)
    return _seen(root)


def _fault(root: Path, steps: list[Seen], done: bool) -> str | None:
    """What is wrong with a state, or None. An operation that had returned must be seen whole."""
    try:
        seen = _seen(root)
        if seen not in (steps[-1:] if done else steps):
            return f"seen is {seen}"
        if (root / "lake.json").exists():
            recover(root)
            again = _seen(root)
            if again != seen:
                return f"after recovery {again} instead of {seen}"
    except (LakeError, OSError, ValueError) as error:
        return repr(error)
    return None


def _seen(root: Path) -> Seen:
    """All that a reader can tell: rows, snapshots that hold, names."""
    if not (root / "lake.json").exists():
        return ()
    with open_lake(root, tables=["runs", "epochs", "metrics"]) as lake:
        rows = tuple(
            tuple(map(str, lake.execute(f"SELECT {what} FROM {view} ORDER BY ALL").fetchall()))
            for view, what in (("run_events", "run_id, attempt, status"), ("epoch_events", "*"), ("metrics", "*"))
        )
    snapshots = sorted(path.stem for path in (root / FOLDER).glob("[!.]*.json"))
    for snapshot_id in snapshots:
        with open_lake(root, load_snapshot(root, snapshot_id), tables=["epochs"]) as lake:
            lake.execute("SELECT count(*), sum(value) FROM epochs").fetchall()
    seen = (rows, tuple(snapshots), tuple(sorted(tags(root).items())))
    return seen if any(rows) or snapshots else ()  # a lake without anything is as good as none
