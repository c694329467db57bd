"""What a snapshot consists of: the files to be sent, fetched and looked at, and whose rows they hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lake.owners import owners_of
from lake.snapshot import Snapshot


@dataclass(frozen=True)
class Item:
    """One file: its path below a lake's root, the digest that is its name in a remote, its size where it is said."""

    path: str
    sha256: str
    size_bytes: int | None


def items_of(snapshot: Snapshot) -> list[Item]:
    """Every file that a snapshot names: its rows' and its index."""
    items = [Item(file.path, file.sha256, file.size_bytes) for file in snapshot.files]
    if snapshot.index_path is not None and snapshot.index_sha256 is not None:
        items.append(Item(snapshot.index_path, snapshot.index_sha256, None))
    return items


def by_digest(items: Iterable[Item]) -> list[Item]:
    """One item of each digest: equal bytes travel once."""
    return list({item.sha256: item for item in items}.values())


def rows_by_owner(snapshot: Snapshot, index: Path | None) -> dict[str, frozenset[tuple[str, str]]]:
    """Of each run (and registered model) the digests of its rows, by table; equal values are equal rows.

    Args:
        index: where the snapshot's index lies.

    Raises:
        LakeError: the index cannot be read.
    """
    places = {snapshot.index_path: index} if snapshot.index_path is not None and index is not None else {}
    owners: dict[str, set[tuple[str, str]]] = {}
    for (table, owner), one in owners_of(snapshot, places).items():
        owners.setdefault(owner, set()).add((table, one.digest))
    return {owner: frozenset(digests) for owner, digests in owners.items()}


@dataclass(frozen=True)
class Difference:
    """Two sides compared by the rows of each run."""

    only_here: frozenset[str]
    only_there: frozenset[str]
    changed: frozenset[str]  # on both sides, with other rows


def compare(here: Mapping[str, object], there: Mapping[str, object]) -> Difference:
    changed = frozenset(owner for owner in here.keys() & there.keys() if here[owner] != there[owner])
    return Difference(frozenset(here.keys() - there.keys()), frozenset(there.keys() - here.keys()), changed)
