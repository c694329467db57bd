"""pixi.toml, pyproject.toml, the locks and CI say one thing, and none of them names a place to download from."""

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

REPOSITORY = Path(__file__).resolve().parent.parent
PIXI: dict[str, Any] = tomllib.loads((REPOSITORY / "pixi.toml").read_text())
PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
TASKS: dict[str, dict[str, Any]] = PIXI["tasks"]
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
REQUIREMENTS = [
    Requirement(text) for texts in (PYPROJECT["project"]["dependencies"], *EXTRAS.values()) for text in texts
]
PROGRAMS = {"python", "ruff", "mypy", "npm", "uv", "rm"}  # what a task may start; each is in the environment
# the task name is the verb: `./run train` is `python -m pipeline train`
VERBS = ["train", "submit", "data", "release", "lake", "registry", "migrate", "analytics", "site", "serve"]


def locked_versions() -> dict[str, str]:
    text = (REPOSITORY / "requirements.lock").read_text()
    return {canonical(name): version for name, version in re.findall(r"^([\w.-]+)==([^ ;]+)", text, re.M)}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ---- pixi.toml


def test_no_dependency_is_listed_twice() -> None:
    names = [canonical(requirement.name) for requirement in REQUIREMENTS]
    assert len(names) == len(set(names))
    features = [feature.get("dependencies", {}) for feature in PIXI["feature"].values()]
    in_pixi = {canonical(name) for table in (PIXI["dependencies"], *features) for name in table}
    assert not in_pixi & set(names)
    assert set(PIXI["pypi-dependencies"]) == {PYPROJECT["project"]["name"]}
    assert set(PIXI["pypi-dependencies"]["kd-gat"]["extras"]) == set(EXTRAS)


def test_python_is_the_same_range_everywhere() -> None:
    wanted = PYPROJECT["project"]["requires-python"]
    assert PIXI["dependencies"]["python"] == wanted
    run = runpy.run_path(str(REPOSITORY / "run"))
    allowed = [(3, minor) for minor in range(30) if f"3.{minor}" in SpecifierSet(wanted)]
    assert (run["OLDEST"], run["NEWEST"]) == (allowed[0], allowed[-1])


def test_torch_is_the_same_range_everywhere() -> None:
    (wanted,) = [requirement.specifier for requirement in REQUIREMENTS if requirement.name == "torch"]
    for feature, package in (("cpu", "pytorch-cpu"), ("gpu", "pytorch-gpu")):
        assert SpecifierSet(PIXI["feature"][feature]["dependencies"][package]) == wanted
    (pin,) = PYPROJECT["tool"]["uv"]["dependency-metadata"]
    assert pin["name"] == "torch"
    assert pin["version"] in wanted


def test_node_is_the_same_range_everywhere() -> None:
    package = json.loads((REPOSITORY / "package.json").read_text())
    assert package["engines"]["node"] == PIXI["dependencies"]["nodejs"]


def test_environments_are_made_of_features_and_platforms_that_exist() -> None:
    platforms = {entry if isinstance(entry, str) else entry["name"] for entry in PIXI["workspace"]["platforms"]}
    for features in PIXI["environments"].values():
        assert set(features) <= set(PIXI["feature"])
    for feature in PIXI["feature"].values():
        assert set(feature.get("platforms", [])) <= platforms


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_something_run_can_do(name: str) -> None:
    task = TASKS[name]
    assert set(task) <= {"cmd", "depends-on", "env", "inputs", "outputs", "cwd", "description"}
    assert set(task.get("depends-on", [])) <= set(TASKS)
    assert name.startswith("_") or task["description"], "a listed task has its line"
    assert "{{" not in task["cmd"], "pixi would fill this in, ./run would not"


@pytest.mark.parametrize("name", TASKS)
def test_a_tasks_command_names_what_exists(name: str) -> None:
    for command in TASKS[name]["cmd"].split("&&"):
        program, *words = shlex.split(command)
        assert program in PROGRAMS
        if program == "python" and words[0] == "-m" and words[1] != "pytest":
            package = REPOSITORY / words[1].replace(".", "/")
            assert (package / "__main__.py").exists() or package.with_suffix(".py").exists(), words[1]
        elif program == "python" and words[0] != "-m":
            assert (REPOSITORY / words[0]).exists(), words[0]


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_has_its_help(verb: str) -> None:
    words = shlex.split(TASKS[verb]["cmd"])
    command = [sys.executable, *words[1:], "--help"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_demo_takes_the_whole_walk_in_order() -> None:
    sys.path.insert(0, str(REPOSITORY / ".run"))
    try:
        from tasks import needed_order  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    commands = [TASKS[name]["cmd"] for name in needed_order(TASKS, "demo")]
    assert [command.removeprefix("python -m ") for command in commands] == [
        TASKS["node-modules"]["cmd"],
        "pipeline train sample",
        "lake snapshot",
        "loaders site",
        "loaders serve",
    ]


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted(str(p) for p in (REPOSITORY / "docs").rglob("*.md"))]
)
def test_every_command_a_page_names_is_a_task(page: str) -> None:
    named = set(re.findall(r"\./run ([a-z][\w-]*)", (REPOSITORY / page).read_text()))
    assert named <= set(TASKS)


# ---- the locks


def test_every_locked_package_has_its_digests() -> None:
    text = (REPOSITORY / "requirements.lock").read_text()
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.M)[1:]
    assert len(entries) > 50
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"^--|://|@ ", text, re.M), "an option or an address; which index, is the installer's"


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    locked = locked_versions()
    assert "torch" not in locked, "which build of torch, is the installer's choice"
    assert not [name for name in locked if name.startswith(("nvidia", "cuda", "triton"))]
    for requirement in REQUIREMENTS:
        if requirement.name != "torch":
            version = locked[canonical(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), (
                f"{requirement} is locked as {version}: ./run lock"
            )


def test_the_javascript_lock_holds_digests_and_no_address() -> None:
    lock = json.loads((REPOSITORY / "package-lock.json").read_text())
    root = lock["packages"].pop("")
    package = json.loads((REPOSITORY / "package.json").read_text())
    for kind in ("dependencies", "devDependencies"):
        assert root.get(kind) == package.get(kind)
    assert len(lock["packages"]) > 20
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert [name for name, entry in lock["packages"].items() if not entry.get("integrity")] == []


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "conda.anaconda" + ".org"]
    place = re.compile(r"(?<![\w.<])/(work|root|home)/\w|/opt/" + "(wheels|pypi)|" + "|".join(map(re.escape, hosts)))
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: which files are tracked is not known")
    found: list[str] = []
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content[:8192]:
            lines = content.decode(errors="replace").splitlines()
            found += [f"{name}:{n}: {line[:80]}" for n, line in enumerate(lines, 1) if place.search(line)]
    assert not found, "\n".join(found)


# ---- CI


@pytest.mark.parametrize("path", sorted((REPOSITORY / ".github" / "workflows").glob("*.yml")), ids=lambda p: p.name)
def test_a_workflow_pins_its_actions_by_commit(path: Path) -> None:
    used = re.findall(r"uses: *(.+)", path.read_text())
    assert used
    assert [use for use in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # \S+", use)] == []


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    workflow = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text()
    script = (REPOSITORY / ".ci" / "run").read_text()
    for command in ("./run check", "./run test"):
        assert f"- run: {command}\n" in workflow
        assert f"\n{command}" in script


@pytest.mark.parametrize("name", ["run", ".ci/run"])
def test_a_script_can_be_started(name: str) -> None:
    assert os.access(REPOSITORY / name, os.X_OK)


def test_pre_commit_fetches_nothing() -> None:
    repos = re.findall(r"- repo: (\S+)", (REPOSITORY / ".pre-commit-config.yaml").read_text())
    assert set(repos) == {"local"}
