"""The lint of the paper's cells: what would not run, or would fetch from elsewhere, is refused by name."""

import re
import subprocess
from pathlib import Path

import pypandoc
import pytest

from loaders.node import REPOSITORY, check_node
from loaders.paper import PAPER
from tests.site_fixture import needs_node

pytestmark = needs_node
IMPORT = 'import {md, Plot} from "./vendor/kdgat.js"'


def check(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (folder / "index.qmd").write_text(text)
    arguments = ["--check", "--source", str(folder), "--pandoc", pypandoc.get_pandoc_path()]
    return subprocess.run(
        [check_node(), REPOSITORY / "paper" / "preview" / "render.js", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def block(*lines: str) -> str:
    return "\n".join(["```{ojs}", *lines, "```", ""])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (block(IMPORT, "x = )"), "a cell does not parse"),
        (block(IMPORT, "x = d3.max([1, 2])"), "uses d3, which no cell defines. Import it from ./vendor/kdgat.js"),
        (block(IMPORT, "x = FileAttachment('a.csv')"), "uses FileAttachment, which no cell defines"),
        (block(IMPORT, 'import {x} from "@observablehq/plot"'), "imports from @observablehq/plot. Import only from"),
        (block(IMPORT, 'import {x} from "./other.js"'), "imports from ./other.js. Import only from"),
        (block(IMPORT, "x = 1", "x = 2"), "two cells define x"),
        (block(IMPORT, "mutable x = 1"), "mutable x is not known to the preview"),
        (block('import {Plot} from "./vendor/kdgat.js"'), "no cell imports md"),
        (block(IMPORT) + "See @fig-none.", "@fig-none refers to no figure"),
        (block(IMPORT) + "It is `{ojs} y = 2` long.", "must be one expression without a name"),
        (block(IMPORT) + "It is `{ojs} lost` long.", "uses lost, which no cell defines"),
    ],
)
def test_a_faulty_cell_is_refused(tmp_path: Path, text: str, words: str) -> None:
    done = check(tmp_path, text)
    assert done.returncode == 1
    assert words in done.stderr
    assert "    at " not in done.stderr


def test_sound_cells_pass(tmp_path: Path) -> None:
    loop = "z = { let sum = 0; for (const value of [y]) sum += value; return sum; }"
    cells = block(IMPORT, "viewof x = Plot.plot({})", "y = x + 1", loop)
    done = check(tmp_path, cells + "It is `{ojs} Math.round(z)` long.")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_paper_itself_passes(tmp_path: Path) -> None:
    done = check(tmp_path, (PAPER / "index.qmd").read_text())
    assert (done.returncode, done.stderr) == (0, "")


def test_no_number_of_the_paper_is_typed_by_hand() -> None:
    text = (PAPER / "index.qmd").read_text()
    _, _, body = text.split("---\n", 2)
    prose = re.sub(r"```.*?```|`[^`]*`|\[@[^\]]*\]|@[\w-]+|\$\$.*?\$\$|\]\([^)]*\)", " ", body, flags=re.DOTALL)
    words = [word for word in re.findall(r"\S*\d\S*", prose) if word.strip(",.;:()[]") not in ("F1", "GATv2")]
    assert words == []


def test_every_citation_has_an_entry_and_every_entry_is_cited() -> None:
    entries = set(re.findall(r"^@\w+\{(\w+),", (PAPER / "references.bib").read_text(), flags=re.MULTILINE))
    cited = set(re.findall(r"@([a-z]+\d{4}\w*)", (PAPER / "index.qmd").read_text()))
    assert cited == entries
