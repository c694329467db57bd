"""Every state that a crash may leave a disk in, after operations that were recorded.

The weakest promises of POSIX hold (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014): bytes are on
the disk once their file was flushed, names once their folder was. Of all else any part may be there and any may not,
in any order that leaves the operations on one name in theirs; of unflushed bytes also the first half alone.
"""

import posixpath
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from tests.torture.recorder import FOLDER, Operation, Recorder

_FEW = 7  # unflushed operations of which every choice is made; of more, those that are far out and some at random
_DRAWN = 24

State = Mapping[str, bytes | None]  # bytes by name; None for a folder


def crash_states(recorder: Recorder, per_step: int | None = None, seed: int = 0) -> Iterator[tuple[int, State]]:
    """How many operations had begun, and what is on the disk; each state once for each number of them.

    Args:
        per_step: states for each number of operations, drawn among those there are; all of them by default.
    """
    chance = random.Random(seed)
    operations = recorder.operations
    for begun in range(len(operations) + 1):
        unsure = [at for at in range(begun) if not _is_durable(operations, at, begun)]
        ways = [
            (lost, halved)
            for lost in _choices(unsure, chance)
            for halved in (None, *(at for at in unsure if at not in lost and len(operations[at].data) > 1))
        ]
        chance.shuffle(ways)
        seen: set[tuple[tuple[str, bytes | None], ...]] = set()
        for lost, halved in ways:
            state = _state(recorder, begun, lost, halved)
            key = tuple(sorted(state.items()))
            if key not in seen:
                seen.add(key)
                yield begun, state
            if len(seen) == per_step:
                break


def put_state(state: State, folder: Path) -> None:
    """Make the state real."""
    folder.mkdir(parents=True)
    for name, data in sorted(state.items()):
        path = folder / name
        if data is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def _is_durable(operations: Sequence[Operation], at: int, begun: int) -> bool:
    """Whether what the operation did was flushed before the crash."""
    one = operations[at]
    for later in operations[at + 1 : begun]:
        if one.kind in ("write", "truncate"):
            if later.kind == "flush" and later.file == one.file:
                return True
        elif later.kind == "flush_folder" and later.name in _folders(one):
            return True
    return one.kind in ("flush", "flush_folder")


def _folders(one: Operation) -> set[str]:
    """The folder whose names the operation changed."""
    return {posixpath.dirname(name) or "." for name in (one.name, one.target) if name}


def _choices(unsure: Sequence[int], chance: random.Random) -> Iterator[frozenset[int]]:
    """Which of the operations are lost."""
    if len(unsure) <= _FEW:
        for size in range(len(unsure) + 1):
            yield from map(frozenset, combinations(unsure, size))
        return
    yield frozenset()
    yield frozenset(unsure)
    for at in unsure:
        yield frozenset({at})
        yield frozenset(unsure) - {at}
    for _ in range(_DRAWN):
        yield frozenset(at for at in unsure if chance.random() < 0.5)


def _state(recorder: Recorder, begun: int, lost: Collection[int], halved: int | None) -> State:
    names = dict(recorder.names)
    contents = {file: bytearray(data) for file, data in recorder.contents.items()}
    for at, one in enumerate(recorder.operations[:begun]):
        if at not in lost:
            data = one.data[: len(one.data) // 2] if at == halved else one.data
            _apply(one, data, names, contents)
    return {
        name: None if file == FOLDER else bytes(contents[file])
        for name, file in names.items()
        if _is_reachable(name, names)
    }


def _is_reachable(name: str, names: Mapping[str, int]) -> bool:
    """A name in a folder whose own name was lost is lost with it."""
    folder = posixpath.dirname(name)
    return not folder or (names.get(folder) == FOLDER and _is_reachable(folder, names))


def _apply(one: Operation, data: bytes, names: dict[str, int], contents: dict[int, bytearray]) -> None:
    if one.kind == "create":
        names[one.name] = one.file
        contents.setdefault(one.file, bytearray())
    elif one.kind == "mkdir":
        names[one.name] = FOLDER
    elif one.kind == "write":
        held = contents.setdefault(one.file, bytearray())
        held.extend(bytes(max(0, one.offset - len(held))))
        held[one.offset : one.offset + len(data)] = data
    elif one.kind == "truncate":
        del contents.setdefault(one.file, bytearray())[one.offset :]
    elif one.kind == "rename" and one.name in names:
        names[one.target] = names.pop(one.name)
    elif one.kind == "link" and one.name in names:
        names[one.target] = names[one.name]
    elif one.kind in ("unlink", "rmdir"):
        names.pop(one.name, None)
