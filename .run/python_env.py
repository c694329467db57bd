"""`.venv`: what requirements.lock and the torch pin say, once, whole, made by one process."""

import hashlib
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

from errors import RunError
from processes import STATE, alone, child, say
from tasks import ROOT

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
READY = STATE / "ready"  # holds the digest of what `.venv` was made from
UNFINISHED = STATE / "unfinished"  # there while a set-up is under way, and after one that was cut off


def set_up_python() -> None:
    """Make `.venv`, or find it made. One that was cut off or is out of date is made afresh."""
    torch = torch_pin()
    # the place counts: a virtual environment does not survive being moved
    facts = repr((torch, sys.version_info[:2], str(ROOT))).encode()
    wanted = hashlib.sha256(facts + LOCK.read_bytes()).hexdigest()
    if is_ready(wanted):
        return
    if not importlib.util.find_spec("ensurepip"):
        raise RunError(
            f"{sys.executable} cannot make a virtual environment: its ensurepip module is missing.\n"
            "Install it (Debian: apt install python3-venv) and start again."
        )
    with alone("setting up .venv") as lock:
        if not is_ready(wanted):
            make(torch, lock)
            READY.write_text(wanted)
            UNFINISHED.unlink()
            say(".venv is ready")


def torch_pin() -> list[str]:
    """torch, as pip is asked for it: pinned for the resolver in pyproject.toml, and kept out of the lock."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = pyproject.get("tool", {}).get("uv", {}).get("dependency-metadata", [])
    return [f"{pin['name']}=={pin['version']}" for pin in pins]


def is_ready(wanted: str) -> bool:
    made = READY.exists() and READY.read_text() == wanted
    return made and not UNFINISHED.exists() and PYTHON.exists()


def make(torch: list[str], lock: int) -> None:
    afresh = UNFINISHED.exists() or READY.exists() or not usable()
    UNFINISHED.touch()
    if afresh:
        say("making .venv (once, and again when requirements.lock changes)")
        clear()
        build([sys.executable, "-m", "venv", str(VENV)], lock)
    say("installing what requirements.lock pins")
    pip = [str(PYTHON), "-m", "pip", "--no-input", "--disable-pip-version-check"]
    install = [*pip, "install", "--progress-bar=off", "--no-compile"]  # Python compiles what it comes to import
    build([*install, "--no-deps", "--require-hashes", "-r", str(LOCK)], lock)
    if torch:  # by pip's own settings, which decide between a CPU and a CUDA build
        say(f"installing {' '.join(torch)}")
        build([*install, *torch], lock)
        build([*pip, "check"], lock)
    packages = VENV / "lib" / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"
    (packages / "kd-gat.pth").write_text(f"{ROOT}\n")  # the project itself, editable


def usable() -> bool:
    """Whether a person made a `.venv` of this Python, with pip: that one is added to, not thrown away."""
    probe = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", probe], stderr=subprocess.DEVNULL, check=False).returncode == 0


def clear() -> None:
    for entry in VENV.iterdir():
        if entry.is_symlink() or entry.is_file():
            entry.unlink()
        elif entry != STATE:  # the lock that we hold lies there
            shutil.rmtree(entry)


def build(command: list[str], lock: int) -> None:
    """One step of the set-up; its larger downloads become progress lines."""
    said: list[str] = []
    with child(command, lock, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            said = [*said[-9:], line.rstrip()]
            if long := re.match(r"\s*(Downloading [\w.]+-[\d.]+)-.*( \(\d\d+\.\d MB\)| \(.* GB\))", line):
                say(long[1] + long[2])
    if process.returncode:
        raise RunError(
            f"setting up .venv failed: `{shlex.join(command[1:])}` ended with {process.returncode} and said:\n"
            + "".join(f"  {line}\n" for line in said)
            + "Once that is put right start again: the set-up begins afresh."
        )
