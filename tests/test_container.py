"""The Apptainer recipe as text: its sections, its shell, and that what it names exists. It is not built here."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

SECTIONS = {"arguments", "labels", "files", "post", "environment", "runscript", "test", "help"}
SCRIPTS = ("post", "environment", "runscript", "test")
MADE_BY_A_PERSON = {"pixi.lock"}  # container/README.md says how


def read_sections(text: str) -> dict[str, str]:
    """Header under "", then each section's text."""
    head, *rest = re.split(r"^%(\w+).*\n", text, flags=re.MULTILINE)
    return {"": head, **dict(zip(rest[::2], rest[1::2], strict=True))}


@pytest.fixture(scope="module")
def sections(repository: Path) -> dict[str, str]:
    return read_sections((repository / "container" / "kd-gat.def").read_text())


def test_header_and_sections_are_known(sections: dict[str, str]) -> None:
    header = dict(re.findall(r"^(\w+): *(.+)$", sections[""], flags=re.MULTILINE))
    assert set(header) == {"Bootstrap", "From"}
    assert ":" in header["From"], "the base image is named with its version"
    assert set(sections) - {""} == SECTIONS


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_shell(sections: dict[str, str], name: str) -> None:
    text = re.sub(r"\{\{ \w+ \}\}", "value", sections[name])
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_python_in_the_test_section_is_python(sections: dict[str, str]) -> None:
    (code,) = re.findall(r"python -c \\\n\s+'(.*?)'", sections["test"], flags=re.DOTALL)
    compile(code, "%test", "exec")


def test_every_copied_file_exists(sections: dict[str, str], repository: Path) -> None:
    lines = [line for line in sections["files"].splitlines() if line.strip() and "{{" not in line]
    named = {line.split()[0] for line in lines}
    missing = {name for name in named if not (repository / name).exists()}
    assert missing <= MADE_BY_A_PERSON
    packages = {path.parent.name for path in repository.glob("*/__init__.py")} - {"tests"}
    assert packages <= named, "a package is not in the image"


def test_every_argument_has_a_default(sections: dict[str, str], repository: Path) -> None:
    text = (repository / "container" / "kd-gat.def").read_text()
    defaults = dict(re.findall(r"^\s+(\w+)=(.+)$", sections["arguments"], flags=re.MULTILINE))
    assert set(re.findall(r"\{\{ (\w+) \}\}", text)) == set(defaults)


def test_the_environment_is_one_of_pixi_toml(sections: dict[str, str], repository: Path) -> None:
    (name,) = re.findall(r"ENVIRONMENT=(\w+)", sections["arguments"])
    assert name in tomllib.loads((repository / "pixi.toml").read_text())["environments"]


def test_pixi_is_checked_before_it_is_run(sections: dict[str, str]) -> None:
    post = sections["post"]
    assert post.index("sha256sum --check") < post.index("pixi --version") < post.index("pixi install --locked")


def test_a_broken_recipe_would_be_seen() -> None:
    sections = read_sections("Bootstrap: docker\n\n%post\n    if true; then\n%tset\n    true\n")
    assert set(sections) - {""} - SECTIONS == {"tset"}
    done = subprocess.run(["bash", "-n"], input=sections["post"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
