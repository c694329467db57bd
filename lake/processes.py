"""Whether a process of this machine is still the one that it was."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Between a process's start and the first row of a run in it lies an import or more; the kernel's clock ticks apart.
_TICKS_DIFFER = timedelta(seconds=2)


def is_there(process_id: int) -> bool:
    """Whether some process has this number."""
    try:
        os.kill(process_id, 0)  # sends nothing, only looks
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody's, so it is there
    return True


def is_gone(process_id: int, moment: datetime) -> bool:
    """Whether the process that had this number at that moment has ended; its number may be another's by now.

    Both times are of clocks: where one of them was set in between, a living process seems to have begun too late.
    """
    if not is_there(process_id):
        return True
    began = _began(process_id)
    return began is not None and began > moment + _TICKS_DIFFER


def _began(process_id: int) -> datetime | None:
    """When the process began; None where the system does not tell."""
    try:
        behind_name = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        ticks = int(behind_name[19])  # field 22 of stat, of which the first two are cut off
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    except (OSError, StopIteration, IndexError, ValueError):
        return None
    return datetime.fromtimestamp(int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK"), UTC)
