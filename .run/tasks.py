"""The tasks of pixi.toml: what each is, which come first, and whether this machine can run them."""

import re
import shutil
import subprocess
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from errors import RunError

ROOT = Path(__file__).resolve().parent.parent
NODE_TASK = "node-modules"  # a task that leans on this one needs Node
# The part of pixi's task format that ./run does as well; pixi.toml keeps to it.
KNOWN_KEYS = {"cmd", "depends-on", "env", "inputs", "outputs", "cwd", "description"}

Task = dict[str, Any]
Tasks = dict[str, Task]


def read_tasks(manifest: dict[str, Any]) -> Tasks:
    """The tasks of the manifest; pixi's short form, a bare text, becomes a task of that `cmd`."""
    return {name: {"cmd": task} if isinstance(task, str) else task for name, task in manifest["tasks"].items()}


def overview(tasks: Tasks) -> str:
    """Every task with its line. A name that begins with _ is a piece of another task."""
    shown = {name: tasks[name].get("description", "") for name in shown_names(tasks)}
    width = max(map(len, shown))
    lines = [f"  {name:<{width}}  {text}" for name, text in shown.items()]
    return "\n".join(["./run TASK [ARGS]    ./run TASK --help    (tasks of pixi.toml)", *lines])


def shown_names(tasks: Tasks) -> list[str]:
    return [name for name in tasks if not name.startswith("_")]


def needed_order(tasks: Tasks, name: str, above: tuple[str, ...] = ()) -> list[str]:
    """`name` and all that it needs, each once, needed ones first."""
    if name in above:
        raise RunError(f"pixi.toml: tasks need each other in a ring: {' → '.join([*above, name])}.")
    chain: list[str] = []
    for needed in tasks.get(name, {}).get("depends-on", []):
        chain += [step for step in needed_order(tasks, needed, (*above, name)) if step not in chain]
    return [*chain, name]


def check_chain(tasks: Tasks, asked: str, chain: list[str]) -> None:
    """Each task of the chain exists and keeps to the part of pixi's format that ./run knows."""
    for name in chain:
        if name not in tasks:
            near = get_close_matches(name, shown_names(tasks), n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Tasks: {', '.join(shown_names(tasks))}."
            of = "" if name == asked else f", which {asked} needs"
            raise RunError(f"there is no task {name}{of}. {hint}", code=2)
        if unknown := ", ".join(sorted(set(tasks[name]) - KNOWN_KEYS)):
            raise RunError(
                f"pixi.toml: task {name} uses {unknown}, which ./run cannot do without pixi.\n"
                f"Say it with {', '.join(sorted(KNOWN_KEYS))}, or install pixi."
            )


def check_node(tasks: Tasks, name: str, wanted: str) -> None:
    """Node and npm are here and new enough; else say who wants them and what works without."""
    oldest = int(re.findall(r"\d+", wanted)[0])
    found = node_fault(oldest)
    if not found:
        return
    without = [other for other in shown_names(tasks) if NODE_TASK not in needed_order(tasks, other)]
    raise RunError(
        f"{name} needs Node {oldest} or newer with npm, which build the site's pages, and {found}.\n"
        "Install them (Debian: apt install nodejs npm), or install pixi, which brings its own.\n"
        f"These tasks work without: {', '.join(without)}."
    )


def node_fault(oldest: int) -> str:
    """What is wrong with this machine's Node, or nothing."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return f"{'npm' if node else 'node'} is not on PATH"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)\.", said)
    if major and int(major[1]) >= oldest:
        return ""
    return f"{node} is {said or 'silent about its version'}"
