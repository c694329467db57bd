"""What a snapshot consists of: the files to be sent, fetched and looked at, and whose rows they hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lake.remote.errors import RemoteError
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

    Raises:
        RemoteError: the index cannot be read.
    """
    import duckdb

    rows = {(one.table, one.owner): one.digest for one in snapshot.beside}
    if index is not None:
        try:
            with duckdb.connect() as connection:
                found = connection.execute(
                    'SELECT "table", owner, digest FROM read_parquet($path)', {"path": str(index)}
                ).fetchall()
        except duckdb.Error as error:
            raise RemoteError(f"the index of snapshot {snapshot.snapshot_id[:12]} cannot be read ({error}).") from error
        rows = {(table, owner): digest for table, owner, digest in found} | rows
    owners: dict[str, set[tuple[str, str]]] = {}
    for (table, owner), digest in rows.items():
        owners.setdefault(owner, set()).add((table, digest))
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
