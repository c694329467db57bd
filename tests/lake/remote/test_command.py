"""`./run lake push | pull | status`: what is printed where, and how it ends."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lake.__main__ import main
from lake.remote.layout import object_key
from lake.remote.push import push
from lake.snapshot import take_snapshot
from tests.conftest import Python
from tests.lake.conftest import REPOSITORY, read_only
from tests.lake.remote.conftest import ANNA, add_run, store_of
from tests.lake.remote.faults import FaultyLine
from tests.lake.remote.s3_server import BUCKET, S3Server

REMOTE = f"s3://{BUCKET}/lake"


@pytest.fixture
def lake(tmp_path: Path, s3: S3Server, line: FaultyLine, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lake with a run; the keys are in the environment."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.keys["writer"].access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.keys["writer"].secret)
    monkeypatch.setenv("KDGAT_S3_ENDPOINT", line.endpoint)
    monkeypatch.setenv("KDGAT_PUBLISHER", "Ben")
    add_run(tmp_path / "lake", "run-a")
    return str(tmp_path / "lake")


def test_the_whole_way(lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lake", lake, "push", REMOTE, "--message", "first", "--tag", "v1"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"commit 1 of {REMOTE}: snapshot ")
    assert "sending: 3 of 3 objects, 0.0" in err
    assert "MB/s" in err
    assert main(["--lake", lake, "status", REMOTE]) == 0
    assert capsys.readouterr().out.startswith("even; newest is commit 1, by Ben at 20")
    add_run(Path(lake), "run-b")
    assert main(["--lake", lake, "status", REMOTE]) == 0
    assert "\nto push: 1 runs, 3 objects, " in capsys.readouterr().out
    assert main(["--lake", str(tmp_path / "new"), "pull", REMOTE, "--tag", "v1"]) == 0
    assert "1 new runs; 3 objects fetched" in capsys.readouterr().out
    assert main(["--lake", lake, "status", REMOTE, "--deep"]) == 0
    assert "sound: 3 objects of 1 snapshots in 1 commits, each read once" in capsys.readouterr().out


def test_json_is_one_value_on_stdout(lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def asked(*words: str) -> dict[str, object]:
        assert main(["--lake", *words, "--format", "json"]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    pushed = asked(lake, "push", REMOTE)
    assert (pushed["sequence"], pushed["is_new"], pushed["objects_sent"]) == (1, True, 3)
    assert asked(lake, "push", REMOTE)["is_new"] is False
    assert asked(str(tmp_path / "new"), "pull", REMOTE)["new_runs"] == ["run-a"]
    add_run(tmp_path / "new", "run-b")
    found = asked(str(tmp_path / "new"), "status", REMOTE, "--deep")
    assert (found["state"], found["runs"]) == ("ahead", {"only_here": ["run-b"], "only_there": [], "changed": []})
    assert found["deep"]["faults"] == []  # type: ignore[index]


def test_a_fault_is_printed_and_the_status_is_1(
    lake: str, s3: S3Server, line: FaultyLine, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(s3, line)
    push(Path(lake), store, ANNA)
    key = object_key(take_snapshot(Path(lake)).files[0].sha256)
    store.put(key, b"x")
    assert main(["--lake", lake, "status", REMOTE, "--deep"]) == 1
    out = capsys.readouterr().out
    assert f"{key} is short: it has 1 of " in out
    assert (
        f"1 faults in 3 objects of 1 snapshots in 1 commits, each read once. ./run lake push {REMOTE} --repair" in out
    )
    assert main(["--lake", lake, "status", REMOTE, "--deep", "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["deep"]["faults"]) == 1
    assert main(["--lake", lake, "push", REMOTE, "--repair"]) == 0
    assert main(["--lake", lake, "status", REMOTE, "--deep"]) == 0


@pytest.mark.parametrize("verb", ["push", "pull", "status"])
def test_what_a_person_can_put_right_is_a_sentence(
    lake: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    assert main(["--lake", lake, verb, "nowhere"]) == 1
    assert capsys.readouterr().err.startswith("lake: 'nowhere' is no address of a remote. Forms: s3://BUCKET/PREFIX")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert main(["--lake", lake, verb, REMOTE]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"lake: {REMOTE}: http://127.0.0.1:")
    assert "does not know these keys (SignatureDoesNotMatch)" in err
    assert "wrong" not in err


def test_the_one_who_is_late_is_told_and_may_rebase(
    lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--lake", lake, "push", REMOTE]) == 0
    other = str(tmp_path / "other")
    add_run(Path(other), "run-b")
    assert main(["--lake", other, "push", REMOTE]) == 1
    assert "has moved on; its newest is commit 1, by Ben at 20" in capsys.readouterr().err
    assert main(["--lake", other, "push", REMOTE, "--rebase"]) == 0
    assert capsys.readouterr().out.startswith("commit 2 of ")


def test_ctrl_c_ends_at_once_with_a_sentence(lake: str, line: FaultyLine) -> None:
    """While an answer is waited for that does not come."""
    waiting = threading.Event()

    def withhold(method: str, path: str) -> str | None:
        if "/objects/" not in path:
            return None
        waiting.set()
        return "withheld"

    line.decide = withhold
    command = [sys.executable, "-m", "lake", "--lake", lake, "push", REMOTE]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert waiting.wait(60)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)  # a request may take 30 s
    assert (child.returncode, out) == (130, "")
    assert err.endswith("lake: interrupted. What was complete is kept; the same command goes on, or begins again.\n")
    assert "Traceback" not in err
    line.decide = lambda method, path: None
    assert main(["--lake", lake, "push", REMOTE]) == 0


def test_a_lake_that_may_only_be_read_is_pushed_and_compared(lake: str, without_override: Python) -> None:
    """Frozen before, as a lake is that somebody hands on."""
    take_snapshot(Path(lake))
    with read_only(Path(lake)):
        for verb in ("push", "status", "push"):
            done = without_override("-m", "lake", "--lake", lake, verb, REMOTE)
            assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert done.stdout.startswith("nothing new; commit 1 of ")


@pytest.mark.parametrize("what", ["a run", "a journal of a killed process"])
def test_a_lake_that_may_only_be_read_is_compared_by_its_newest_snapshot(
    lake: str, without_override: Python, what: str
) -> None:
    """What came since is not counted, and that is said."""
    push_it = ("-m", "lake", "--lake", lake, "push", REMOTE)
    assert without_override(*push_it).returncode == 0
    snapshot = take_snapshot(Path(lake))
    if what == "a run":
        add_run(Path(lake), "run-b")
    else:
        code = (
            "import os, sys; from pathlib import Path; from lake.journal import Journal\n"
            "Journal(Path(sys.argv[1]), 'run-b', 1).log_epoch(0, 'validation', {'loss': 0.5}); os.kill(os.getpid(), 9)"
        )
        assert without_override("-c", code, lake).returncode == -signal.SIGKILL
    with read_only(Path(lake)):
        done = without_override("-m", "lake", "--lake", lake, "status", REMOTE)
        as_json = without_override("-m", "lake", "--lake", lake, "status", REMOTE, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    even, said = done.stdout.splitlines()
    assert even.startswith("even; newest is commit 1")
    assert f"cannot be written: compared is its snapshot of {snapshot.created_at}" in said
    assert "what it got since is not counted" in said
    assert json.loads(as_json.stdout)["as_of"] == snapshot.created_at


def test_a_lake_that_may_only_be_read_and_was_never_frozen_cannot_be_compared(
    lake: str, tmp_path: Path, without_override: Python
) -> None:
    assert main(["--lake", lake, "push", REMOTE]) == 0
    add_run(tmp_path / "other", "run-b")
    with read_only(tmp_path / "other"):
        done = without_override("-m", "lake", "--lake", str(tmp_path / "other"), "status", REMOTE)
    assert done.returncode == 1
    assert "has no snapshot to compare. Make one where it can be written: ./run lake snapshot" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def folder(lake: str, tmp_path: Path) -> str:
    """A remote in a folder, with the lake's run."""
    assert main(["--lake", lake, "push", f"file://{tmp_path}/remote"]) == 0
    return f"file://{tmp_path}/remote"


def test_a_pull_into_a_lake_that_may_not_be_written_is_said(
    folder: str, tmp_path: Path, without_override: Python
) -> None:
    add_run(tmp_path / "other", "run-b")
    take_snapshot(tmp_path / "other")
    (tmp_path / "closed").mkdir()
    for place, closed in (("other", tmp_path / "other"), ("closed/new", tmp_path / "closed")):
        with read_only(closed):
            done = without_override("-m", "lake", "--lake", str(tmp_path / place), "pull", folder)
        assert (done.returncode, done.stdout, done.stderr.count("Traceback")) == (1, "", 0), done.stderr
        assert f"lake: {tmp_path / place}/" in done.stderr
        assert "was not written: permission denied. Make the folder writable" in done.stderr


def test_a_push_to_a_folder_that_may_not_be_written_names_the_remote(
    lake: str, folder: str, tmp_path: Path, without_override: Python
) -> None:
    add_run(Path(lake), "run-b")
    (tmp_path / "closed").mkdir()
    for closed, remote in ((tmp_path / "remote", folder), (tmp_path / "closed", f"file://{tmp_path}/closed/new")):
        with read_only(closed):
            done = without_override("-m", "lake", "--lake", lake, "push", remote)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1] == (
            f"lake: {remote} cannot be written: permission denied. Nothing half-written is left in it. "
            "Make room there or make the folder writable, or push to another one."
        )


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("a-file", "is a file, and a remote is a folder. Check the address."),
        ("a-file/below", "cannot be written: not a directory. Nothing half-written is left in it."),
        ("/proc/new", "cannot be written: no such file or directory. Nothing half-written is left in it."),
    ],
)
def test_a_push_to_where_no_folder_can_be_says_what_to_do(
    lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, said: str
) -> None:
    (tmp_path / "a-file").write_text("no folder")
    remote = f"file://{tmp_path / place}"
    assert main(["--lake", lake, "push", remote]) == 1
    assert f"lake: {remote} {said}" in capsys.readouterr().err
    assert (tmp_path / "a-file").read_text() == "no folder"


@pytest.mark.parametrize("form", ["s3://bucket/prefix", "s3:/bucket/prefix", "https://host/x", "file:///srv/x"])
def test_an_address_in_place_of_a_lake_is_to_be_pulled(capsys: pytest.CaptureFixture[str], form: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--lake", form, "verify"])
    assert ended.value.code == 2
    assert f"{form} is a remote, and a lake is a folder: pull it into one first" in capsys.readouterr().err
