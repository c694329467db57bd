"""Of several publishers one wins; a lost answer changes nothing of that."""

import random
import threading
from pathlib import Path

import pytest

from lake.remote.commits import Commit, Head, Signed, history, next_commit, pointer_bytes, read_head
from lake.remote.errors import BeatenError, RemoteError, UnsureError
from lake.remote.layout import LATEST, commit_key
from lake.remote.objects import ObjectStore
from lake.remote.opening import open_store
from lake.remote.publish import advance
from lake.remote.store import Store
from tests.lake.remote.conftest import ANNA, BEN, Straight, store_of
from tests.lake.remote.faults import FAULTS, FaultyLine
from tests.lake.remote.s3_server import S3Server
from tests.torture.remote import chain_figures, commits_under_faults, publishers_on_one_pointer

SNAPSHOT, DIGEST = "a" * 64, "b" * 64


def commit_after(base: Head | None, signed: Signed = ANNA) -> Commit:
    return next_commit(base, SNAPSHOT, DIGEST, signed)


def test_commits_follow_each_other_from_one(bucket: ObjectStore) -> None:
    assert read_head(bucket) is None
    made = []
    for _ in range(3):
        made.append(commit_after(read_head(bucket)))
        advance(bucket, read_head(bucket), made[-1])
    head = read_head(bucket)
    assert head
    assert [commit for _, commit in history(bucket, head.commit_id)] == made[::-1]
    assert [commit.sequence for commit in made] == [1, 2, 3]


def test_who_comes_second_is_told_who_was_first_and_changes_nothing(bucket: ObjectStore) -> None:
    advance(bucket, None, commit_after(None))
    base = read_head(bucket)
    advance(bucket, base, commit_after(base, ANNA))
    before = bucket.get(LATEST)
    said = r"has moved on; its newest is commit 2, by anna@lab at 2026-03-01T\S+, “first results”\..*--rebase"
    with pytest.raises(BeatenError, match=said):
        advance(bucket, base, commit_after(base, BEN))
    assert bucket.get(LATEST) == before


def test_what_another_wrote_cannot_move_the_cursor(bucket: ObjectStore) -> None:
    advance(bucket, None, commit_after(None, Signed("\x1b[2Jeve", "now\r", "a\nb" + "x" * 500)))
    with pytest.raises(BeatenError) as caught:
        advance(bucket, None, commit_after(None))
    assert str(caught.value).isprintable()
    assert "[2Jeve at now" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_commit_is_put_only_after_its_own_parent(bucket: ObjectStore) -> None:
    advance(bucket, None, commit_after(None))
    with pytest.raises(RemoteError, match="does not follow what it is put after"):
        advance(bucket, read_head(bucket), commit_after(None))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_first", [True, False], ids=["first commit", "later commit"])
def test_a_pointer_whose_answer_is_lost_is_put_once(s3: S3Server, line: FaultyLine, fault: str, is_first: bool) -> None:
    """The fault meets the first put of the pointer; all else goes well."""
    store = store_of(s3, line, timeout_s=0.4)
    if not is_first:
        advance(store, None, commit_after(None))
    base = read_head(store)
    line.decide = once(fault, "PUT", LATEST)
    mine = commit_after(base)
    advance(store, base, mine)
    assert line.counts[fault] == 1
    head = read_head(store)
    assert head
    assert head.commit_id == mine.commit_id
    assert [commit.sequence for _, commit in history(store, head.commit_id)] == list(range(mine.sequence, 0, -1))


@pytest.mark.parametrize("fault", ["withheld", "500 after", "reset after", "duplicate"])
def test_ours_counts_as_published_where_another_followed_before_we_could_look(
    s3: S3Server, line: FaultyLine, fault: str
) -> None:
    """Our pointer arrived, its answer was lost, and Ben published on top of it before the pointer was read."""
    store, other = store_of(s3, line, timeout_s=0.4), store_of(s3, Straight(s3.port))
    mine = commit_after(None, ANNA)
    put = once(fault, "PUT", LATEST)

    def then_ben(method: str, path: str) -> str | None:
        if method == "GET" and LATEST in path and (head := read_head(other)) and head.commit_id == mine.commit_id:
            advance(other, head, commit_after(head, BEN))
        return put(method, path)

    line.decide = then_ben
    advance(store, None, mine)
    head = read_head(store)
    assert head
    assert [commit.by for _, commit in history(store, head.commit_id)] == ["ben@lab", "anna@lab"]


def test_a_put_that_never_gets_an_answer_ends_as_not_known(s3: S3Server, line: FaultyLine, no_waiting: None) -> None:
    store = store_of(s3, line)
    line.decide = lambda method, path: "503" if method == "PUT" and LATEST in path else None
    with pytest.raises(UnsureError, match=r"did not say whether commit 1 was taken, 9 times over. Run the same"):
        advance(store, None, commit_after(None))


def test_a_request_that_arrives_late_does_not_bring_an_old_pointer_back(bucket: ObjectStore) -> None:
    first = commit_after(None)
    advance(bucket, None, first)
    base = read_head(bucket)
    assert base
    advance(bucket, base, commit_after(base))
    newest = bucket.get(LATEST)
    assert not bucket.put_if_match(LATEST, pointer_bytes(first), None)
    assert not bucket.put_if_match(LATEST, pointer_bytes(commit_after(base)), base.etag)
    assert bucket.get(LATEST) == newest


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda store, key, data: store.put(key, data.replace(b"anna", b"ben_")), "its bytes have another digest"),
        (lambda store, key, data: store.put(LATEST, b"{}"), "it is no kd-gat-lake-latest"),
        (lambda store, key, data: store.put(LATEST, b"[" * 100_000), "it is no JSON"),
        (lambda store, key, data: store.put(LATEST, store.get(LATEST).data.replace(b": 1", b": -1")), "no sequence"),
    ],
)
def test_an_altered_pointer_or_commit_is_named(bucket: ObjectStore, spoil: object, said: str) -> None:
    advance(bucket, None, commit_after(None))
    head = read_head(bucket)
    assert head
    key = commit_key(head.commit_id)
    spoil(bucket, key, bucket.get(key).data)  # type: ignore[operator]
    with pytest.raises(RemoteError, match=rf"(latest|commits/\w+).json was altered: .*{said}"):
        list(history(bucket, (read_head(bucket) or head).commit_id))


def test_a_chain_with_a_missing_number_is_refused(bucket: ObjectStore) -> None:
    skips = Commit(3, commit_after(None).commit_id, SNAPSHOT, DIGEST, "n", "anna@lab", "", "")
    first = commit_after(None)
    for commit in (first, skips := Commit(**{**vars(skips), "parent": first.commit_id})):
        bucket.put(commit_key(commit.commit_id), commit.data)
    with pytest.raises(RemoteError, match="its number 1 does not follow its parent's"):
        list(history(bucket, skips.commit_id))


def test_thirty_two_publishers_on_one_pointer_one_wins_and_the_others_are_told() -> None:
    assert publishers_on_one_pointer(publishers=32, rounds=1) == {
        "publishers": 32, "rounds": 1, "winners": 1, "told": 31, "neither": 0, "sequence": 1,
    }  # fmt: skip


def test_commits_under_faults_are_contiguous_and_none_is_lost() -> None:
    figures = commits_under_faults(commits=60, publishers=4, rate=0.25, seed=7)
    assert figures["commits"] >= 60
    assert figures["is_contiguous"]
    assert figures["lost"] == figures["doubled"] == figures["not_acknowledged"] == 0
    assert sum(figures["faults"].values()) > 20


def test_in_a_folder_as_in_a_bucket(tmp_path: Path) -> None:
    """Eight publishers, five commits each, on a shared disk."""
    stores = [open_store(f"file://{tmp_path}/remote") for _ in range(8)]
    acknowledged: list[str] = []
    start = threading.Barrier(8)

    def publish(store: Store, seed: int) -> None:
        dice = random.Random(seed)
        start.wait()
        done = 0
        while done < 5:
            base = read_head(store)
            commit = commit_after(base)
            try:
                advance(store, base, commit)
            except BeatenError:
                threading.Event().wait(dice.random() / 100)
                continue
            acknowledged.append(commit.commit_id)
            done += 1

    threads = [threading.Thread(target=publish, args=(store, seed)) for seed, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = chain_figures(stores[0], acknowledged)
    assert figures == {"commits": 40, "is_contiguous": True, "lost": 0, "doubled": 0, "not_acknowledged": 0}


def once(fault: str, method: str, name: str) -> object:
    """The fault for the first request of that method whose path has that name."""
    left = [fault]
    return lambda m, path: left.pop() if left and m == method and name in path else None
