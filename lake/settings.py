"""Where the lake lies: `KDGAT_LAKE`, or `data/lake` in the checkout."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def lake_root() -> Path:
    return Path(os.environ.get("KDGAT_LAKE") or REPOSITORY / "data" / "lake").expanduser()
