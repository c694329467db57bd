"""Finds Node and runs the project's scripts with it."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from loaders.errors import SiteError

REPOSITORY = Path(__file__).resolve().parent.parent
OLDEST = 20


def check_node() -> Path:
    """The Node on PATH, once it is known to be new enough and the site's packages are there.

    Raises:
        SiteError: no Node, one older than `OLDEST`, or no node_modules.
    """
    found = shutil.which("node")
    if found is None:
        raise SiteError(
            f"the site's pages are built with Node {OLDEST} or newer, and there is no node on PATH. Install it "
            "(Debian: apt install nodejs npm; or use pixi, which brings it) and run ./run site again. "
            "Training, the lake and its SQL work without it."
        )
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = said.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST:
        raise SiteError(
            f"{found} is Node {said or 'of an unknown version'}; the site's pages need {OLDEST} or newer. "
            "Put a newer one first on PATH and run ./run site again."
        )
    if not (REPOSITORY / "node_modules" / "vite" / "package.json").exists():
        raise SiteError(
            "the packages that build the pages are not installed (node_modules is missing or not whole). "
            "./run site installs them from package-lock.json; by hand it is: npm ci"
        )
    return Path(found)


def run_script(node: Path, script: str, arguments: Sequence[str]) -> None:
    """Run one of the project's scripts; what it prints goes to stderr.

    Raises:
        SiteError: it ended with another status than 0; its own words stand in the message.
    """
    command = [str(node), str(REPOSITORY / script), *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    said = "\n".join(text for text in (done.stdout.strip(), done.stderr.strip()) if text)
    if done.returncode != 0:
        raise SiteError(f"{script} failed (status {done.returncode}); the former site is as it was.\n{said}")
    if said:
        print(said, file=sys.stderr)
