"""A reader that asks a lake again and again, and says what went wrong and how often it asked.

python -m tests.torture.poller LAKE      until its stdin is closed
"""

import json
import select
import sys
from pathlib import Path

from lake.read import open_lake

_COUNTS = "SELECT run_id, count(DISTINCT epoch) FROM epoch_events GROUP BY ALL"


def main(root: Path) -> int:
    """Rows that were seen once must be seen for ever."""
    asked, faults = 0, []
    seen: dict[str, int] = {}
    while not select.select([sys.stdin], [], [], 0)[0]:
        asked += 1
        try:
            with open_lake(root, tables=["epochs"]) as lake:
                now = dict(lake.execute(_COUNTS).fetchall())
        except Exception as error:
            faults.append(repr(error)[:500])
            continue
        faults += [
            f"{run_id} had {n} epochs, then {now.get(run_id)}" for run_id, n in seen.items() if now.get(run_id, 0) < n
        ]
        seen = now
    print(json.dumps({"asked": asked, "faults": faults[:5], "reader_errors": len(faults)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
