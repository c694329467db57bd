"""The browser step of `./run test` names what it found and never stops the run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.install_browser import find_browser, report


def never() -> bool:
    raise AssertionError("nothing may be installed here")


def put_browser(folder: Path, name: str = "chromium") -> bool:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return True


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_a_browser_on_path_is_named_and_nothing_installed(tmp_path: Path, name: str) -> None:
    put_browser(tmp_path, name)
    assert report(str(tmp_path), True, never) == f"browser: {tmp_path / name}"


def test_an_absent_browser_is_reported_where_none_may_be_installed(tmp_path: Path) -> None:
    said = report(str(tmp_path), False, never)
    assert "none of chromium, " in said
    assert "will be skipped" in said


def test_root_on_debian_gets_one_installed(tmp_path: Path) -> None:
    said = report(str(tmp_path), True, lambda: put_browser(tmp_path))
    assert said == f"browser: {tmp_path / 'chromium'}, just installed"


@pytest.mark.parametrize("ended_well", [True, False])
def test_an_install_that_brings_no_browser_is_reported(tmp_path: Path, ended_well: bool) -> None:
    said = report(str(tmp_path), True, lambda: ended_well)
    assert "could not install" in said
    assert find_browser(str(tmp_path)) is None


def test_the_step_ends_well_and_says_one_line(repository: Path, tmp_path: Path) -> None:
    put_browser(tmp_path)
    done = subprocess.run(
        [sys.executable, str(repository / "tests" / "install_browser.py")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == f"browser: {tmp_path / 'chromium'}\n"
