"""`./run demo --no-serve` from a fresh clone with nothing installed, and again: wall time and peak memory."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
_SETTINGS = ("KDGAT_LAKE", "KDGAT_RUNS", "KDGAT_DATA", "VIRTUAL_ENV", "PYTHONPATH")


def main() -> dict[str, Any]:
    """What is committed is measured: the clone has no uncommitted change.

    Package caches of the machine are used where it has some, as they would be for its user.
    """
    with tempfile.TemporaryDirectory(prefix="kdgat-demo-") as folder:
        clone = Path(folder) / "kd-gat"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        turns = {name: _measure(clone) for name in ("first", "again")}
        return {**turns, "bar": {"first_s": 720, "again_s": 30, "peak_memory_mib": 4096}}


def _measure(clone: Path) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        done = subprocess.Popen(
            ["./run", "demo", "--no-serve"], cwd=clone, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        peak = _PeakMemory(done.pid)
        peak.start()
        code = done.wait()
        seconds = time.perf_counter() - started
        peak.stop()
        log.seek(0)
        if code:
            print(log.read()[-4000:], file=sys.stderr)
    return {"exit_code": code, "seconds": round(seconds, 1), "peak_memory_mib": round(peak.bytes / 2**20)}


class _PeakMemory(threading.Thread):
    """The largest memory that a process and all it started held at one moment, each shared page counted in part."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self.session, self.bytes = session, 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.5):
            self.bytes = max(self.bytes, sum(map(_proportional_bytes, _members(self.session))))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _members(session: int) -> list[int]:
    """Processes of the session; field 6 of stat, behind a name that may hold blanks."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[3]) == session:
            members.append(int(stat.parent.name))
    return members


def _proportional_bytes(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
