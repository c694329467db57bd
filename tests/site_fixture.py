"""The site of a made-up lake, built once for all tests of a session, and a browser to look at it."""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from lake.snapshot import Snapshot, take_snapshot
from loaders.errors import SiteError
from loaders.node import check_node
from loaders.site import build_site
from tests.browser import Browser, served, started_browser
from tests.lake_fixture import made_up_lake


@dataclass(frozen=True)
class BuiltSite:
    """A lake, its snapshot and the site made from it."""

    lake: Path
    snapshot: Snapshot
    out: Path


@contextmanager
def served_site(lake: Path) -> Iterator[str]:
    """The site of this lake, built beside it; gives its address."""
    out = lake.parent / "site"
    build_site(lake, take_snapshot(lake), out)
    with served(out) as address:
        yield address


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; it is closed behind each file, since Playwright holds the thread's event loop while it runs."""
    with started_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the made-up lake's site."""
    with served(built_site().out) as url:
        yield url
