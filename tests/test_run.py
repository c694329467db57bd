"""`./run` once its environment is there: which tasks run, with what, and how they end."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scratch_checkout import REPOSITORY, Checkout, Index


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One checkout, set up once, for all tests of this file that only run tasks in it."""
    index = Index()
    checkout = Checkout(tmp_path_factory.mktemp("made") / "a check out", index)
    first = checkout.run("say")
    assert first.returncode == 0, first.stderr
    index.close()
    return checkout


@pytest.fixture
def checkout(made: Checkout) -> Checkout:
    """The same, without what an earlier test left."""
    for name in ("order.txt", "copies.txt", "made/copy.txt", ".venv/run/copy.done"):
        (made.root / name).unlink(missing_ok=True)
    for stand_in in ("node", "npm", "pixi"):
        (made.bin / stand_in).unlink(missing_ok=True)
    (made.root / "given.txt").write_text("given")
    made.manifest()
    return made


def test_arguments_arrive_as_they_were_given(checkout: Checkout) -> None:
    odd = ["a b", "it's", "$HOME", "*", '"', "", "--set", "x=[1, 2]"]
    assert checkout.said(*odd) == odd


def test_arguments_go_to_the_last_command(checkout: Checkout) -> None:
    assert checkout.run("both", "a b").stdout == "first\nsecond a b\n"


def test_a_task_has_its_folder_its_variables_and_the_environment(checkout: Checkout) -> None:
    done = checkout.run("where", cwd=Path("/"))
    folder = checkout.root / "sub folder"
    assert done.stdout == f"{folder} blue {checkout.root / '.venv'} tiny\n", done.stderr


def test_a_task_alone_prints_nothing_of_ours(checkout: Checkout) -> None:
    assert checkout.run("say").stderr == ""


def test_needed_tasks_run_first_and_once(checkout: Checkout) -> None:
    done = checkout.run("three")
    assert checkout.lines("order.txt") == ["one", "two", "three"]
    assert "one: echo one" in done.stderr


def test_help_runs_nothing_that_is_needed(checkout: Checkout) -> None:
    assert checkout.run("three", "--help").returncode == 0
    assert "one" not in checkout.lines("order.txt")


def test_a_task_is_skipped_until_its_input_or_output_changes(checkout: Checkout) -> None:
    for _ in range(2):
        assert checkout.run("uses-copy").stdout == "given"
    assert len(checkout.lines("copies.txt")) == 1
    (checkout.root / "given.txt").write_text("other")
    assert checkout.run("uses-copy").stdout == "other"
    (checkout.root / "made" / "copy.txt").write_text("spoilt")
    assert checkout.run("uses-copy").stdout == "other"
    (checkout.root / "made" / "copy.txt").unlink()
    assert checkout.run("copy").returncode == 0
    assert len(checkout.lines("copies.txt")) == 4


def test_a_task_that_leaves_no_output_is_a_failure(checkout: Checkout) -> None:
    done = checkout.run("empty-handed")
    assert done.returncode == 1
    assert "left no never.txt" in done.stderr


def test_the_exit_code_is_the_tasks(checkout: Checkout) -> None:
    assert checkout.run("fail").returncode == 7


def test_a_failed_need_stops_the_chain_with_its_code(checkout: Checkout) -> None:
    done = checkout.run("after-fail")
    assert (done.returncode, done.stdout) == (7, "")
    assert "fail ended with 7" in done.stderr


def test_an_unknown_task_names_the_nearest(checkout: Checkout) -> None:
    done = checkout.run("uses-cpoy")
    assert done.returncode == 2
    assert "Did you mean uses-copy?" in done.stderr


def test_an_unlike_task_lists_all(checkout: Checkout) -> None:
    done = checkout.run("zzzzzz")
    assert done.returncode == 2
    assert "Tasks: say, where" in done.stderr


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ('[tasks.odd]\ndepends-on = ["back"]\n[tasks.back]\ndepends-on = ["odd"]', "odd → back → odd"),
        ('[tasks.odd]\ndepends-on = ["sya"]', "there is no task sya, which odd needs. Did you mean say?"),
        ('[tasks.odd]\ncmd = "echo {{ hue }}"\nargs = ["hue"]', "uses args, which ./run cannot do"),
    ],
)
def test_a_manifest_that_run_cannot_follow_is_refused(checkout: Checkout, task: str, words: str) -> None:
    checkout.manifest(task)
    done = checkout.run("odd")
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_task_all_are_listed(checkout: Checkout) -> None:
    done = checkout.run()
    assert done.returncode == 0
    assert "say           print the arguments as JSON" in done.stdout
    assert "_piece" not in done.stdout


# ---- Node


def test_without_node_the_error_says_what_works(checkout: Checkout) -> None:
    done = checkout.run("site")
    assert done.returncode == 1
    assert "site needs Node 20 or newer" in done.stderr
    assert "node is not on PATH" in done.stderr
    without = done.stderr.split("work without: ")[1]
    assert "say" in without
    assert "site" not in without


def test_an_old_node_is_named_with_its_version(checkout: Checkout) -> None:
    checkout.script("node", "echo v16.20.2")
    checkout.script("npm", "exit 1")
    assert "node is v16.20.2" in checkout.run("site").stderr


def test_node_without_npm_is_not_enough(checkout: Checkout) -> None:
    checkout.script("node", "echo v22.1.0")
    assert "npm is not on PATH" in checkout.run("site").stderr


def test_a_new_node_is_enough(checkout: Checkout) -> None:
    checkout.script("node", "echo v22.1.0")
    checkout.script("npm", "exit 1")
    assert checkout.run("site").stdout == "node-modules\nsite\n"


def test_help_and_other_tasks_need_no_node(checkout: Checkout) -> None:
    assert checkout.run("site", "--help").stdout.startswith("site")
    assert checkout.said() == []


# ---- signals


def test_ctrl_c_ends_the_task_itself(checkout: Checkout) -> None:
    with checkout.start("wait") as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        assert pid == process.pid, "the task took the place of ./run"
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert process.returncode in (130, -signal.SIGINT)  # a shell calls both 130


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_reaches_the_task_that_is_needed(checkout: Checkout, sent: signal.Signals, code: int) -> None:
    with checkout.start("after-wait") as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        process.send_signal(sent)
        assert process.wait(60) == code
        assert process.stdout.read() == ""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


IN_A_TERMINAL = r"""
import os, pty, sys
pid, terminal = pty.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
while b"\n" not in said.partition(b"time.sleep(300)'")[2].lstrip():  # the task's own line, its pid
    said += os.read(terminal, 1000)
os.write(terminal, b"\x03")
try:
    while more := os.read(terminal, 1000):
        said += more
except OSError:  # how Linux says that the other end has closed
    pass
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_ctrl_c_in_a_terminal_ends_the_chain(checkout: Checkout) -> None:
    words = [sys.executable, str(checkout.root / "run"), "after-wait"]
    driver = [sys.executable, "-c", IN_A_TERMINAL, *words]
    done = subprocess.run(driver, env=checkout.env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 130, done.stdout + done.stderr
    assert "run: interrupted" in done.stdout
    assert "reached" not in done.stdout


# ---- who runs it


def test_with_pixi_on_path_it_hands_over(checkout: Checkout) -> None:
    checkout.script("pixi", 'printf "%s\\n" "$@"; exit 5')  # stands in for pixi: says what it was given
    manifest = str(checkout.root / "pixi.toml")
    done = checkout.run("say", "a b", "--flag")
    assert done.stdout.splitlines() == ["run", "--manifest-path", manifest, "say", "a b", "--flag"]
    assert done.returncode == 5
    helped = ["run", "--manifest-path", manifest, "--skip-deps", "say", "--help"]
    assert checkout.run("say", "--help").stdout.splitlines() == helped
    assert checkout.run().stdout.splitlines() == ["task", "list", "--manifest-path", manifest]


@pytest.mark.parametrize("version", [(3, 6, 9), (3, 10, 13), (3, 14, 0)])
def test_another_python_is_told_what_to_do(checkout: Checkout, version: tuple[int, int, int]) -> None:
    said = f"import runpy, sys; sys.version_info = {version}; runpy.run_path('run', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", said], cwd=checkout.root, env=checkout.env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "needs Python 3.11 to 3.13" in done.stderr
    assert ".".join(map(str, version)) in done.stderr
    assert "apt install" in done.stderr


def test_run_itself_can_be_read_by_python_3_6() -> None:
    ast.parse((REPOSITORY / "run").read_text(), feature_version=(3, 6))
