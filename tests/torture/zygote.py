"""Writers that are killed: a process that imports little forks them, so that many start in no time.

    python -m tests.torture.zygote LAKE NAME WRITERS WINDOW_S SEED SEALING

Each writer logs epochs of a run of its own until it is killed, at a moment drawn from the window. Prints how many
epochs were acknowledged to each, as JSON.
"""

import json
import mmap
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from lake.journal import Journal
from lake.schema import RUNS

VALUES = ("loss", "auroc", "f1")
_SEAL_EVERY = 25  # epochs, of the writers that seal


def value_of(epoch: int, place: int) -> float:
    """What the metric with that place has at that epoch; a reader can tell a torn row by it."""
    return (epoch * len(VALUES) + place) / 2**40


def run_row() -> dict[str, object]:
    return {
        "attempt": 1, "status": "running", "experiment": "torture", "stage": "prepare", "dataset": "none",
        "is_demo": True, "config_json": "{}", "config_digest": "0" * 64, "versions_json": "{}", "device": "cpu",
        "started_at": datetime.now(UTC),
    }  # fmt: skip


def write(root: Path, run_id: str, seals: bool, acknowledged: mmap.mmap, place: int) -> None:
    """Log epochs for ever; the number acknowledged is in shared memory the moment it is."""
    journal = Journal(root, run_id, durable="disk" if place % 2 else "process", say=lambda line: None)
    journal.log({RUNS: [run_row()]})
    for epoch in count():
        journal.log_epoch(epoch, "train", {name: value_of(epoch, at) for at, name in enumerate(VALUES)})
        struct.pack_into("<q", acknowledged, 8 * place, epoch + 1)
        if seals and epoch % _SEAL_EVERY == _SEAL_EVERY - 1:
            journal.seal()
            journal = Journal(root, run_id, say=lambda line: None)


@contextmanager
def forked(writers: int, body: object, shared: mmap.mmap) -> Iterator[list[int]]:
    """Child processes, each running `body(place, shared)`."""
    children = []
    for place in range(writers):
        child = os.fork()
        if child == 0:
            try:
                body(place, shared)  # type: ignore[operator]
            finally:
                os._exit(1)
        children.append(child)
    yield children


def main(arguments: list[str]) -> int:
    root, name, writers, window_s, seed, sealing = arguments
    chance = random.Random(int(seed))
    shared = mmap.mmap(-1, 8 * int(writers))

    def body(place: int, acknowledged: mmap.mmap) -> None:
        write(Path(root), f"{name}-{place:03d}", bool(int(sealing)) and place % 2 == 0, acknowledged, place)

    with forked(int(writers), body, shared) as children:
        moments = sorted((chance.uniform(0, float(window_s)), child) for child in children)
        begun = time.monotonic()
        for moment, child in moments:
            time.sleep(max(0.0, begun + moment - time.monotonic()))
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
    told = struct.unpack(f"<{writers}q", shared[:])
    print(json.dumps({f"{name}-{place:03d}": epochs for place, epochs in enumerate(told)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
