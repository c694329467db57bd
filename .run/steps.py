"""One task: run beside us for another that needs it, or become it when it is the one asked for."""

import hashlib
import os
import shlex
import shutil

from errors import RunError
from processes import STATE, alone, child, say
from tasks import ROOT, Task


def run_step(name: str, task: Task) -> None:
    """Run a task that another needs, unless its inputs and outputs are as it left them."""
    if "outputs" not in task:
        if "cmd" in task:
            finish(name, task, None)
        return
    done = STATE / f"{name}.done"
    with alone(f"running {name}") as lock:
        if done.exists() and done.read_text() == digest(task):
            return
        done.unlink(missing_ok=True)
        finish(name, task, lock)
        for pattern in task["outputs"]:
            if not any(ROOT.glob(pattern)):
                raise RunError(f"{name} ended well but left no {pattern}, which pixi.toml calls its output.")
        done.write_text(digest(task))


def become(name: str, task: Task, arguments: list[str]) -> int:
    """Turn into the task that was asked for, so that exit code, output and signals are its own."""
    if "outputs" in task and not arguments:
        run_step(name, task)
    elif "cmd" in task:
        os.chdir(ROOT / task.get("cwd", "."))
        command = shell(task, arguments)
        os.execve(command[0], command, environment(task))
    return 0


def finish(name: str, task: Task, lock: int | None) -> None:
    say(f"{name}: {task['cmd']}")
    place = ROOT / task.get("cwd", ".")
    with child(shell(task, []), lock, cwd=place, env=environment(task)) as process:
        pass
    if process.returncode:
        code = process.returncode if process.returncode > 0 else 128 - process.returncode
        raise RunError(f"{name} ended with {code}; what needs it was not started.", code)


def shell(task: Task, arguments: list[str]) -> list[str]:
    """The task's text with the arguments, quoted, behind its last command, as pixi has it."""
    text = " ".join([task["cmd"], *map(shlex.quote, arguments)])
    # a single program takes the shell's place, so that nothing stands between it and a signal
    program = shutil.which(shlex.split(text)[0], path=environment(task)["PATH"])
    return ["/bin/sh", "-c", f"exec {text}" if program and not operators(task["cmd"]) else text]


def operators(text: str) -> list[str]:
    """What a shell would read as more than one plain command: `&&`, `|`, `;` and their like outside quotes."""
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    return [word for word in words if set(word) <= set("();<>|&")]


def environment(task: Task) -> dict[str, str]:
    venv = ROOT / ".venv"
    path = os.pathsep.join([str(venv / "bin"), os.environ.get("PATH", os.defpath)])
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(venv), **task.get("env", {})}


def digest(task: Task) -> str:
    """What a task was given and what it left: its text, and the content of its inputs and outputs."""
    total = hashlib.sha256(task["cmd"].encode())
    for pattern in [*task.get("inputs", []), *task["outputs"]]:
        total.update(pattern.encode())
        for path in sorted(path for path in ROOT.glob(pattern) if path.is_file()):
            total.update(f"{path.relative_to(ROOT)} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
