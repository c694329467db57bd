import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import loaders.node
from loaders.errors import SiteError
from loaders.node import REPOSITORY, check_node, run_script
from loaders.site import build_site
from tests.lake_fixture import made_up_lake
from tests.site_fixture import built_site, needs_node


def command(lake: Path, out: Path, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    """`./run site`, with another PATH where one is given."""
    arguments = [sys.executable, "-m", "loaders", "site", "--lake", str(lake), "--out", str(out)]
    return subprocess.run(
        arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={**os.environ, **({} if path is None else {"PATH": path})},
    )  # fmt: skip


def fake_node(folder: Path, script: str) -> str:
    """A PATH with nothing but a stand-in for node."""
    node = folder / "bin" / "node"
    node.parent.mkdir()
    node.write_text(f"#!/bin/sh\n{script}\n")
    node.chmod(node.stat().st_mode | stat.S_IXUSR)
    return str(node.parent)


def former_site(tmp_path: Path) -> Path:
    """A site as an earlier build left it, and the leftovers of a build that was killed."""
    out = tmp_path / "site"
    (out / "data").mkdir(parents=True)
    (out / "data" / "manifest.json").write_text("former")
    (tmp_path / ".site.building-killed").mkdir()
    return out


def check_refused(done: "subprocess.CompletedProcess[str]", out: Path, *words: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert (out / "data" / "manifest.json").read_text() == "former"
    assert [path.name for path in out.iterdir()] == ["data"]


def test_without_node_nothing_is_touched(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake")
    (tmp_path / "bin").mkdir()
    done = command(tmp_path / "lake", out := former_site(tmp_path), str(tmp_path / "bin"))
    check_refused(done, out, "no node on PATH", "apt install nodejs", "./run site again")


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo v18.19.0", "is Node v18.19.0"), ("exit 1", "is Node of an unknown version")],
)
def test_an_old_node_is_refused(tmp_path: Path, script: str, words: str) -> None:
    made_up_lake(tmp_path / "lake")
    done = command(tmp_path / "lake", out := former_site(tmp_path), fake_node(tmp_path, script))
    check_refused(done, out, words, "20 or newer", "./run site again")


@needs_node
def test_missing_packages_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders.node, "REPOSITORY", tmp_path)
    with pytest.raises(SiteError, match=r"node_modules is missing.*\./run site.*npm ci"):
        check_node()


@needs_node
def test_a_script_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = check_node()
    monkeypatch.setattr(loaders.node, "REPOSITORY", tmp_path)
    (tmp_path / "faulty.mjs").write_text("console.error('what went wrong'); process.exit(3);")
    with pytest.raises(SiteError, match=r"faulty.mjs failed \(status 3\)[\s\S]*what went wrong"):
        run_script(node, "faulty.mjs", [])


@needs_node
def test_a_build_that_fails_leaves_the_former_site(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", ended=False)
    done = command(tmp_path / "lake", out := former_site(tmp_path))
    check_refused(done, out, "no complete evaluation", "./run train sample")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "site"]


@needs_node
def test_a_build_replaces_the_former_site_whole(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    out = former_site(tmp_path)
    (out / "stale.html").write_text("of the former site")
    build_site(tmp_path / "lake", snapshot, out)
    assert sorted(path.name for path in out.iterdir()) == [
        "404.html", "_headers", "assets", "dashboard", "data", "guard.js", "icon.svg", "index.html", "paper",
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "site"]


@needs_node
def test_a_folder_that_is_no_site_is_left_alone(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(SiteError, match=r"home is not a site.*--out"):
        build_site(tmp_path / "lake", snapshot, tmp_path / "home")
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("arguments", [["--snapshot", "f00d"], []])
def test_a_lake_without_that_snapshot_is_an_error(tmp_path: Path, arguments: list[str]) -> None:
    made_up_lake(tmp_path / "lake")
    if not arguments:
        next((tmp_path / "lake" / "snapshots").glob("*.json")).unlink()
    done = subprocess.run(
        [sys.executable, "-m", "loaders", "site", "--lake", str(tmp_path / "lake"), *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "snapshot" in done.stderr
    assert "Traceback" not in done.stderr


@needs_node
def test_every_file_fits_a_static_host() -> None:
    files = [path for path in built_site().out.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) <= 25 * 1024 * 1024
    assert [path.name for path in files if path.name.startswith("duckdb-eh.wasm")]


@needs_node
def test_no_page_names_an_address_of_its_own_or_another_host() -> None:
    for page in built_site().out.rglob("*.html"):
        text = page.read_text()
        links = [part.split('"')[0] for name in ('src="', 'href="') for part in text.split(name)[1:]]
        assert [link for link in links if link.startswith("/")] == [], page
        outside = [link for link in links if link.startswith("http")]
        assert all(link.startswith("https://doi.org/") for link in outside), page
