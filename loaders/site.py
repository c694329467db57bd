"""Builds the whole site beside the former one and puts it in its place once it is complete."""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from lake.snapshot import Snapshot
from loaders.build import build_data, parts_since
from loaders.errors import SiteError
from loaders.headers import site_headers, write_headers
from loaders.node import REPOSITORY, check_node, run_script
from loaders.paper import render_paper

SITE = REPOSITORY / "site"


def build_site(root: Path, snapshot: Snapshot, out: Path) -> None:
    """Data, pages, paper and headers of one snapshot; `out` is as before unless all of it succeeded.

    Raises:
        LakeError: the snapshot cannot be read.
        SiteError: no Node, nothing evaluated, a folder that is no site, or a build step failed.
    """
    node = check_node()
    _check_out(out)
    begun = time.monotonic()
    with _staging(out) as staging:
        site, vendor = staging / "site", staging / "paper" / "vendor"
        if missing := parts_since(root, snapshot):
            _say(
                begun,
                f"note: the lake has {missing} parts that snapshot {snapshot.snapshot_id[:12]} does not; "
                "./run lake snapshot freezes them too",
            )
        manifest = build_data(root, snapshot, site / "data")
        _say(begun, f"{len(manifest.files)} data files from snapshot {snapshot.snapshot_id[:12]}")
        run_script(node, "dashboard/build.js", [
            "--manifest", str(site / "data" / "manifest.json"), "--out", str(site), "--vendor", str(vendor),
        ])  # fmt: skip
        _say(begun, "pages")
        renderer = render_paper(node, vendor, site / "paper")
        _say(begun, "paper" if renderer == "quarto" else "paper, as a preview: Quarto is not on PATH")
        write_headers(site / "_headers", site_headers(renderer == "quarto"))
        _take_place(site, out, staging / "former")


def _say(begun: float, text: str) -> None:
    print(f"site: {time.monotonic() - begun:5.1f} s  {text}", file=sys.stderr)


def _check_out(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / "data" / "manifest.json").exists():
        raise SiteError(
            f"{out} is not a site: it has no data/manifest.json, and a build would replace what is in it. "
            "Name another folder with --out, or empty this one."
        )


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A scratch folder on the same disk as `out`; one build at a time, and leftovers of killed ones go."""
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}.building-"
    with _locked(out.parent):
        for left in out.parent.glob(f"{prefix}*"):
            shutil.rmtree(left)
        staging = Path(mkdtemp(prefix=prefix, dir=out.parent))
        try:
            yield staging
        finally:
            shutil.rmtree(staging)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone in `folder`; the lock is on the folder itself, so nothing is left behind."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"site: waiting for another build in {folder}", file=sys.stderr)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _take_place(site: Path, out: Path, former: Path) -> None:
    """Swap by two renames; should the second fail, the former site comes back."""
    site.chmod(0o755)
    if out.exists():
        out.rename(former)
    try:
        site.rename(out)
    except OSError:
        if former.exists():
            former.rename(out)
        raise
