"""What a run takes of its machine, sampled beside it: cores, memory, and of an accelerator its memory and load."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lake.journal import Journal
from lake.schema import RESOURCES

EVERY_S = 30.0
_KIB = 1024


@contextmanager
def sampled(journal: Journal, every_s: float = EVERY_S) -> Iterator[None]:
    """Log a sample at the start of the block, every `every_s` seconds, and at its end."""
    stop = threading.Event()
    sampler = _Sampler(journal)

    def sample_until_stopped() -> None:
        while not stop.wait(every_s):
            sampler.sample()

    sampler.sample()
    thread = threading.Thread(target=sample_until_stopped, name="resources", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sampler.sample()


class _Sampler:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.busy_s, self.clock_s = _busy_s(), time.monotonic()

    def sample(self) -> None:
        about = {"attempt": self.journal.attempt, "sampled_at": datetime.now(UTC)}
        self.journal.log({RESOURCES: [{**about, **row} for row in (self._host(), *_accelerators())]})

    def _host(self) -> dict[str, Any]:
        busy_s, clock_s = _busy_s(), time.monotonic()
        passed_s = clock_s - self.clock_s
        cores = (busy_s - self.busy_s) / passed_s if passed_s > 0 else None
        self.busy_s, self.clock_s = busy_s, clock_s
        resident, peak = _memory()
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return {
            "device": "host", "utilisation": cores, "memory_bytes": resident, "memory_peak_bytes": peak,
            "memory_total_bytes": total,
        }  # fmt: skip


def _busy_s() -> float:
    """Seconds of processor time that this process and its children took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _memory() -> tuple[int, int | None]:
    """Resident memory of this process, now and at its peak, in bytes."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
        return tuple(int(lines[name].split()[0]) * _KIB for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]
    except (OSError, KeyError):  # no Linux: the peak stands for both
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else _KIB)
        return peak, peak


def _accelerators() -> Iterator[dict[str, Any]]:
    """The accelerators that torch has begun to use; torch is not imported for this."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return
    for index in range(torch.cuda.device_count()):
        try:
            share = torch.cuda.utilization(index) / 100
        except Exception:  # the driver's library is missing, or does not tell
            share = None
        yield {
            "device": f"cuda:{index}", "utilisation": share,
            "memory_bytes": torch.cuda.memory_allocated(index),
            "memory_peak_bytes": torch.cuda.max_memory_allocated(index),
            "memory_total_bytes": torch.cuda.get_device_properties(index).total_memory,
        }  # fmt: skip
