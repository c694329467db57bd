"""Renders the paper: with Quarto where it is on PATH, else as a preview that calls itself one."""

import shutil
import subprocess
from pathlib import Path

from loaders.errors import SiteError
from loaders.node import REPOSITORY, run_script

PAPER = REPOSITORY / "paper"
RENDERER = "paper/preview/render.js"


def quarto() -> Path | None:
    found = shutil.which("quarto")
    return Path(found) if found else None


def render_paper(node: Path, vendor: Path, out: Path) -> str:
    """Check the paper's cells, then render it beside `vendor` into `out`; "quarto" or "preview".

    Args:
        vendor: the bundle the paper imports; its folder becomes the scratch copy of the paper.

    Raises:
        SiteError: a cell is faulty, or neither Quarto nor pandoc can be had.
    """
    program = quarto()
    pandoc = _pandoc(program)
    run_script(node, RENDERER, ["--check", "--source", str(PAPER), *pandoc])
    scratch = vendor.parent
    for name in ("index.qmd", "references.bib", "_quarto.yml"):
        shutil.copyfile(PAPER / name, scratch / name)
    if program is None:
        run_script(node, RENDERER, ["--source", str(scratch), "--out", str(out), *pandoc])
        shutil.copytree(vendor, out / "vendor", ignore=shutil.ignore_patterns("*.html"))
        return "preview"
    _render_with(program, scratch)
    shutil.copytree(scratch / "_site", out)
    return "quarto"


def _render_with(program: Path, scratch: Path) -> None:
    done = subprocess.run([program, "render", "."], cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (scratch / "_site" / "index.html").exists():
        raise SiteError(
            f"{program} could not render paper/index.qmd (status {done.returncode}). Mend the paper, or take "
            f"Quarto off PATH to get the preview.\n{done.stderr.strip()[-2000:]}"
        )


def _pandoc(program: Path | None) -> list[str]:
    """How the renderer calls pandoc, as its arguments."""
    if program is not None:
        return ["--pandoc", str(program), "--pandoc", "pandoc"]
    try:
        import pypandoc
    except ImportError:
        found = shutil.which("pandoc")
    else:
        found = pypandoc.get_pandoc_path()
    if not found:
        raise SiteError(
            "the paper needs Quarto on PATH, or pandoc for its preview. ./run site installs pandoc with the "
            "environment; by hand it is: pip install pypandoc_binary"
        )
    return ["--pandoc", str(found)]
