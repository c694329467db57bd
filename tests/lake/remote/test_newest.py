"""What the newest commit must be, and that no push drops a run that others published."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lake.errors import LakeError
from lake.remote.contents import items_of
from lake.remote.errors import BeatenError
from lake.remote.layout import object_key
from lake.remote.opening import open_store
from lake.remote.pull import pull
from lake.remote.push import push
from lake.remote.status import status
from lake.remote.store import Store
from lake.snapshot import take_snapshot
from tests.lake.remote.conftest import ANNA, BEN, add_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"file://{tmp_path}/remote")


def pointer(tmp_path: Path) -> Path:
    return sorted((tmp_path / "remote" / ".latest").iterdir())[-1]


def empty(lake: Path) -> None:
    """As `rm -rf lake/*`, which leaves what is hidden."""
    for path in lake.iterdir():
        if not path.name.startswith("."):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_lake_that_lost_its_runs_does_not_take_them_from_everyone(tmp_path: Path, store: Store) -> None:
    lake = tmp_path / "a"
    add_run(lake, "run-a")
    push(lake, store, ANNA)
    empty(lake)
    add_run(lake, "run-new")
    assert status(lake, store).state == "diverged"
    with pytest.raises(BeatenError, match="has runs that this lake lacks"):
        push(lake, store, ANNA)
    push(lake, store, ANNA, rebase=True)
    assert pull(tmp_path / "other", store).new_runs == ["run-a", "run-new"]


@pytest.mark.parametrize("key", ["snapshot_id", "sequence"])
def test_a_pointer_that_belies_its_commit_is_refused(tmp_path: Path, store: Store, key: str) -> None:
    add_run(tmp_path / "a", "run-a")
    push(tmp_path / "a", store, ANNA)
    add_run(tmp_path / "a", "run-b")
    value = json.loads(pointer(tmp_path).read_text())
    lies = {"snapshot_id": take_snapshot(tmp_path / "a").snapshot_id, "sequence": 41}
    pointer(tmp_path).write_text(json.dumps({**value, key: lies[key]}))
    for act in (lambda: push(tmp_path / "a", store, ANNA), lambda: status(tmp_path / "a", store)):
        with pytest.raises(LakeError, match="the pointer says other than the commit it names"):
            act()


def test_a_pointer_that_was_put_back_is_noticed_by_who_saw_a_later_one(tmp_path: Path, store: Store) -> None:
    add_run(tmp_path / "a", "run-a")
    push(tmp_path / "a", store, ANNA)
    pull(tmp_path / "b", store)
    add_run(tmp_path / "b", "run-b")
    push(tmp_path / "b", store, BEN)
    pull(tmp_path / "c", store)
    pointer(tmp_path).unlink()
    shutil.copy(pointer(tmp_path), tmp_path / "remote" / "latest.json")
    for lake in ("b", "c"):
        acts: tuple[Callable[..., object], ...] = (status, pull)
        for act in acts:
            with pytest.raises(LakeError, match="does not stand on that: the pointer was put back"):
                act(tmp_path / lake, store)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_tag_whose_file_names_another_commit_is_refused(tmp_path: Path, store: Store, is_known: bool) -> None:
    add_run(tmp_path / "a", "run-a")
    push(tmp_path / "a", store, ANNA, tag="paper-v1")
    add_run(tmp_path / "a", "run-b")
    push(tmp_path / "a", store, ANNA, tag="v2")
    name = "paper-v1" if is_known else "other"
    tags = tmp_path / "remote" / "tags"
    (tags / f"{name}.json").write_text(json.dumps(json.loads((tags / "v2.json").read_text()) | {"name": name}))
    if is_known:
        with pytest.raises(LakeError, match="was altered: it names the snapshot"):
            pull(tmp_path / "b", store, tag=name)
    else:  # as an older release gave it, which recorded no names: the newest commit stands on it
        assert pull(tmp_path / "b", store, tag=name).sequence == 2


def test_an_object_that_the_remote_lost_is_sent_again_with_the_snapshot_that_is_there(
    tmp_path: Path, store: Store
) -> None:
    """As where a bucket came back from a copy without the newest commit."""
    lake = tmp_path / "a"
    add_run(lake, "run-a")
    push(lake, store, ANNA)
    add_run(lake, "run-b")
    push(lake, store, ANNA)
    newest = {item.sha256 for item in items_of(take_snapshot(lake))}
    pointer(tmp_path).unlink()
    shutil.copy(pointer(tmp_path), tmp_path / "remote" / "latest.json")
    shutil.rmtree(lake / ".remotes")
    for sha256 in newest:
        (tmp_path / "remote" / object_key(sha256)).unlink()
    assert push(lake, store, ANNA).objects_sent == len(newest)
    assert pull(tmp_path / "c", store).new_runs == ["run-a", "run-b"]
