"""A remote snapshot as views to ask, of which only the bytes that a query needs are fetched."""

from collections.abc import Collection
from typing import Any

import duckdb
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from lake.errors import LakeError
from lake.read import open_snapshot
from lake.remote.layout import check_remote, object_key, tag_key
from lake.remote.opening import open_store
from lake.remote.patience import patiently
from lake.remote.pull import chosen_commit, snapshot_of
from lake.remote.store import Store
from lake.snapshot import Snapshot

_BLOCK = 1 << 18  # bytes fetched at least; a Parquet file's footer and a column of a row group are about as long


class _StoreFiles(AbstractFileSystem):  # type: ignore[misc]
    """The objects of one snapshot, whose sizes it says, as files that DuckDB may seek in."""

    protocol = "kdgat"
    cachable = False

    def __init__(self, store: Store, snapshot: Snapshot) -> None:
        super().__init__()
        self.store = store
        self.failed: LakeError | None = None  # DuckDB makes a text of it, with its traceback
        self.sizes = {object_key(file.sha256): file.size_bytes for file in snapshot.files}

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        key = self._strip_protocol(path)
        if key not in self.sizes:
            raise FileNotFoundError(path)
        return {"name": key, "size": self.sizes[key], "type": "file"}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        key = self._strip_protocol(path)
        return [self.info(key) if detail else key] if key in self.sizes else []

    def modified(self, path: str) -> Any:
        """None is as good as another answer: a file known by its digest never changes."""
        from datetime import UTC, datetime

        return datetime(2000, 1, 1, tzinfo=UTC)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> "_StoreFile":
        return _StoreFile(self, self._strip_protocol(path), mode, block_size=_BLOCK, cache_type="readahead")


class _StoreFile(AbstractBufferedFile):  # type: ignore[misc]
    def _fetch_range(self, start: int, end: int) -> bytes:
        store: Store = self.fs.store
        try:
            return patiently(lambda: store.read_range(self.path, start, end - start))
        except LakeError as error:
            self.fs.failed = error
            raise


def open_remote(
    text: str, snapshot: str | None, tables: Collection[str]
) -> tuple[duckdb.DuckDBPyConnection, Snapshot]:  # fmt: skip
    """A connection over a snapshot of the remote at the address `text`, the newest by default.

    Raises:
        LakeError: the remote, or what is asked of it, is not there.
    """
    store = open_store(text)
    check_remote(store)
    tag = snapshot if snapshot and patiently(lambda: store.head(tag_key(snapshot))) is not None else None
    _, commit = chosen_commit(store, None if tag else snapshot, tag)
    found = snapshot_of(store, commit)
    connection = duckdb.connect()
    files = _StoreFiles(store, found)
    connection.register_filesystem(files)
    paths = {file.path: f"kdgat://{object_key(file.sha256)}" for file in found.files}
    try:
        return open_snapshot(found, paths, tables, connection), found
    except duckdb.Error as error:
        connection.close()
        raise files.failed or error from error
