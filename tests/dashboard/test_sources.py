"""What the pages are made of: each data file has a reader, each page stands in the navigation."""

import json
import re
from pathlib import Path

from lake.schema import TABLES
from loaders.build import LOADERS
from loaders.node import REPOSITORY

DASHBOARD = REPOSITORY / "dashboard"


def sources() -> str:
    return "\n".join(path.read_text() for path in DASHBOARD.rglob("*.js"))


def test_each_data_file_has_a_reader() -> None:
    """Tables of the lake are read on the SQL page, which lists whatever the manifest names; so are its examples'."""
    read = set(re.findall(r'readTable\("(\w+)"\)', sources()))
    listed = set(re.findall(r'"(\w+)"', str(re.findall(r"\[([^\]]*)\]\.map\(readTable\)", sources()))))
    examples = (DASHBOARD / "pages/dashboard/sql/examples.js").read_text()
    asked = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", examples))
    assert read | listed <= set(LOADERS)
    assert set(LOADERS) - set(TABLES) <= read | listed | asked


def test_each_page_is_built_and_stands_in_the_navigation() -> None:
    pages = {path.relative_to(DASHBOARD / "pages").with_suffix("").as_posix() for path in DASHBOARD.rglob("*.html")
             if path.is_relative_to(DASHBOARD / "pages")}  # fmt: skip
    built = set(re.findall(r'"([\w/]*index)"', (DASHBOARD / "build.js").read_text()))
    linked = {
        f"{target}index" for target in re.findall(r'\["([\w/]+)", "', (DASHBOARD / "build/layout.js").read_text())
    }
    assert pages == built
    assert linked - {"paper/index"} == pages - {"index"}


def test_no_source_file_has_outgrown_one_idea() -> None:
    sizes = {path: len(path.read_text().splitlines()) for folder in (DASHBOARD, REPOSITORY / "loaders")
             for path in folder.rglob("*") if path.suffix in (".js", ".py")}  # fmt: skip
    assert {path: size for path, size in sizes.items() if size > 200} == {}


def test_the_lock_names_no_address_and_pins_the_manifest() -> None:
    lock = json.loads(Path(REPOSITORY / "package-lock.json").read_text())
    package = json.loads(Path(REPOSITORY / "package.json").read_text())
    packages = lock["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []
    for name, version in package["devDependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version
