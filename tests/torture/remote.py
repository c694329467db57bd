"""The long runs of publishing and syncing: many publishers, many faults, many runs. Each gives a dict of figures.

The server is a process of its own, the faulty line a thread of this one; the test suite takes short forms of these.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lake.remote.address import parse_address
from lake.remote.commits import Signed, history, next_commit, read_head
from lake.remote.contents import Item
from lake.remote.deep import look_deep
from lake.remote.errors import BeatenError, UnsureError
from lake.remote.objects import ObjectStore
from lake.remote.publish import advance
from lake.remote.pull import pull
from lake.remote.push import push
from lake.remote.settings import Access
from lake.remote.store import Store
from lake.remote.transfer import in_parallel, send
from lake.snapshot import take_snapshot
from tests.lake.remote.conftest import add_run
from tests.lake.remote.faults import Decide, FaultyLine, at_random
from tests.lake.remote.s3_server import BUCKET

T = TypeVar("T")
REPOSITORY = Path(__file__).resolve().parents[2]
_SNAPSHOT, _DIGEST = "a" * 64, "b" * 64
_NOBODY = Signed("nobody", "now")


def publishers_on_one_pointer(publishers: int = 32, rounds: int = 1) -> dict[str, Any]:
    """In each round all publishers put a commit after the same one at the same moment."""
    tally: Counter[str] = Counter()
    with bucket_behind_a_line() as (make_store, _):
        stores = [make_store(10.0) for _ in range(publishers)]
        for _ in range(rounds):
            base = read_head(stores[0])
            start = threading.Barrier(publishers)

            def publish(number: int, start: threading.Barrier = start, base: Any = base) -> None:
                commit = next_commit(base, _SNAPSHOT, _DIGEST, Signed(f"publisher {number}", "now"))
                start.wait()
                try:
                    advance(stores[number], base, commit)
                    tally["won"] += 1
                except BeatenError:
                    tally["told"] += 1

            _together(publish, publishers)
        head = read_head(stores[0])
    return {
        "publishers": publishers,
        "rounds": rounds,
        "winners": tally["won"],
        "told": tally["told"],
        "neither": publishers * rounds - tally["won"] - tally["told"],
        "sequence": head.sequence if head else 0,
    }


def commits_under_faults(
    commits: int = 10_000, publishers: int = 4, rate: float = 0.1, seed: int = 1, timeout_s: float = 0.5
) -> dict[str, Any]:
    """Publishers who put commits, pull and put again until there are `commits`, while requests meet faults."""
    started = time.monotonic()
    acknowledged: list[str] = []
    tally: Counter[str] = Counter()
    with bucket_behind_a_line(at_random(rate, seed)) as (make_store, line):

        def publish(number: int) -> None:
            store = make_store(timeout_s)
            while len(acknowledged) < commits:
                base = read_head(store)
                commit = next_commit(base, _SNAPSHOT, _DIGEST, Signed(f"publisher {number}", "now"))
                try:
                    advance(store, base, commit)
                    acknowledged.append(commit.commit_id)
                except BeatenError:
                    tally["told"] += 1
                except UnsureError:
                    tally["not known"] += 1
                    if tally["not known"] > 10 + commits // 100:
                        raise  # the server is gone rather than unlucky

        _together(publish, publishers)
        seconds = time.monotonic() - started
        line.decide = lambda method, path: None
        figures = chain_figures(make_store(10.0), acknowledged)
        requests, faults = len(line.requests), {name: n for name, n in sorted(line.counts.items()) if name != "none"}
    return {
        **figures,
        "publishers": publishers,
        "told": tally["told"],
        "not_known": tally["not known"],
        "rate": rate,
        "seed": seed,
        "requests": requests,
        "faults": faults,
        "seconds": round(seconds, 1),
    }


def push_of_many_runs(runs: int = 1_000, epochs: int = 100) -> dict[str, Any]:
    """Push a lake of runs that were made offline, then the same with one run more; beside it, a pull of all of them.

    The lake is frozen before the clock starts: what is measured is the way to the bucket, and back.
    """
    figures: dict[str, Any] = {"runs": runs, "epochs": epochs}
    with tempfile.TemporaryDirectory() as folder, bucket_behind_a_line() as (make_store, line):
        root, store = Path(folder) / "lake", make_store(30.0)
        for number in range(runs):
            add_run(root, f"run-{number:05}", epochs)
        figures["freeze_s"], _ = _timed(lambda: take_snapshot(root))
        figures["push_s"], pushed = _timed(lambda: push(root, store, _NOBODY))
        figures |= {"objects": pushed.objects_sent, "bytes": pushed.bytes_sent}
        figures["push_again_s"], _ = _timed(lambda: push(root, store, _NOBODY))
        add_run(root, "run-of-today", epochs)
        figures["publish_one_run_s"], one = _timed(lambda: push(root, store, _NOBODY))
        figures |= {"objects_of_one_run": one.objects_sent, "bytes_of_one_run": one.bytes_sent}
        figures["deep_s"], looked = _timed(lambda: look_deep(store))
        figures["pull_s"], pulled = _timed(lambda: pull(Path(folder) / "other", store))
        figures |= {"faults": len(looked.faults), "pulled_runs": len(pulled.new_runs), "requests": len(line.requests)}
    return figures


def push_of_many_parts(parts: int = 6_000) -> dict[str, Any]:
    """The same number of objects as unpacked runs would have: what the 16 lines at a time are worth."""
    with tempfile.TemporaryDirectory() as folder, bucket_behind_a_line() as (make_store, _):
        root, store = Path(folder), make_store(30.0)
        items = [_part(root, number) for number in range(parts)]
        seconds, n_bytes = _timed(
            lambda: in_parallel(items, lambda item: send(store, root, item), lambda n_bytes: None)
        )  # fmt: skip
    return {"objects": parts, "bytes": n_bytes, "seconds": seconds, "objects_per_s": round(parts / seconds)}


def _part(root: Path, number: int) -> Item:
    data = f"{number} ".encode() * 1000
    (root / f"{number}").write_bytes(data)
    return Item(f"{number}", hashlib.sha256(data).hexdigest(), len(data))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    found = work()
    return round(time.perf_counter() - started, 3), found


def chain_figures(store: Store, acknowledged: list[str]) -> dict[str, Any]:
    """The chain of commits beside those that publishers were told are published."""
    head = read_head(store)
    chain = list(history(store, head.commit_id)) if head else []
    ids = [commit_id for commit_id, _ in chain]
    return {
        "commits": len(chain),
        "is_contiguous": [commit.sequence for _, commit in chain] == list(range(len(chain), 0, -1)),
        "lost": len(set(acknowledged) - set(ids)),
        "doubled": len(ids) - len(set(ids)) + len(acknowledged) - len(set(acknowledged)),
        "not_acknowledged": len(set(ids) - set(acknowledged)),
    }


def _together(work: Any, number: int) -> None:
    failures: list[BaseException] = []

    def kept(one: int) -> None:
        try:
            work(one)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=kept, args=(one,)) for one in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@contextmanager
def bucket_behind_a_line(decide: Decide = lambda method, path: None) -> Iterator[tuple[Any, FaultyLine]]:
    """A server with an empty bucket in a process of its own; a function that gives stores, and their line."""
    command = [sys.executable, "-m", "tests.lake.remote.s3_server"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        about = json.loads(server.stdout.readline())
        line = FaultyLine(about["port"], decide)
        access = Access(line.endpoint, "auto", about["access"], about["secret"])
        try:
            yield lambda timeout_s: ObjectStore(parse_address(f"s3://{BUCKET}/lake"), access, timeout_s), line
        finally:
            line.stop()
            server.communicate("")
