"""The site of a made-up lake, built once for all tests of a session."""

import atexit
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from lake.snapshot import Snapshot
from loaders.errors import SiteError
from loaders.node import check_node
from loaders.site import build_site
from tests.lake_fixture import made_up_lake


@dataclass(frozen=True)
class BuiltSite:
    """A lake, its snapshot and the site made from it."""

    lake: Path
    snapshot: Snapshot
    out: Path


def _no_node() -> str | None:
    try:
        check_node()
    except SiteError as error:
        return str(error)
    return None


needs_node = pytest.mark.skipif(_no_node() is not None, reason=f"the pages cannot be built here: {_no_node()}")


@cache
def built_site() -> BuiltSite:
    """One seed, marked as a demo, as `./run demo` has it."""
    folder = Path(mkdtemp(prefix="kd-gat-site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    snapshot = made_up_lake(folder / "lake")
    build_site(folder / "lake", snapshot, folder / "site")
    return BuiltSite(folder / "lake", snapshot, folder / "site")
