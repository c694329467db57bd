"""Finds Chromium for the browser tests, and installs it where this is root on Debian; never stops the run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DEBIAN = Path("/etc/debian_version")
WITHOUT = "the tests that drive a browser will be skipped, by name, in pytest's last lines"


def find_browser(path: str | None = None) -> str | None:
    """The first Chromium on PATH."""
    return next((found for name in NAMES if (found := shutil.which(name, path=path))), None)


def report(path: str | None, may_install: bool, install: Callable[[], bool]) -> str:
    """One line on the browser the tests will use; `install` is called where it may be and none was found."""
    if found := find_browser(path):
        return f"browser: {found}"
    if not may_install:
        return f"browser: none of {', '.join(NAMES)} on PATH, and only root on Debian can install one; {WITHOUT}"
    if install() and (found := find_browser(path)):
        return f"browser: {found}, just installed"
    return f"browser: apt-get could not install chromium (its words are above); {WITHOUT}"


def apt_install() -> bool:
    quiet: Mapping[str, str] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"])
    return all(
        subprocess.run(["apt-get", *step], env=quiet, stdout=sys.stderr, check=False).returncode == 0 for step in steps
    )


if __name__ == "__main__":
    print(report(None, os.geteuid() == 0 and DEBIAN.exists(), apt_install), file=sys.stderr)
