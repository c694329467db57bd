"""What a program does to the files below a folder, operation by operation."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

FOLDER = 0  # in a file's place


@dataclass(frozen=True)
class Operation:
    """One step: `kind` is create, mkdir, write, truncate, rename, link, unlink, rmdir, flush or flush_folder.

    Attributes:
        file: number of the file whose bytes it is about.
        name, target: names below the root that it is about.
    """

    kind: str
    file: int = FOLDER
    name: str = ""
    target: str = ""
    offset: int = 0
    data: bytes = b""


class Recorder:
    """Watches this process below `root`, by way of the module `os`, which all of the lake's changes go through.

    Args:
        each_write: keep writes that follow one another in a file apart, rather than as one.

    Attributes:
        names: file by name, as it was when the watching began; `contents` has their bytes.
        operations: what was done since, in order.
    """

    def __init__(self, root: Path, each_write: bool = False) -> None:
        self.root, self.each_write = root, each_write
        self.operations: list[Operation] = []
        self.contents: dict[int, bytes] = {}
        self.names: dict[str, int] = {}
        for path in sorted(root.rglob("*")):
            self.names[self._name(path)] = FOLDER if path.is_dir() else len(self.contents) + 1
            if not path.is_dir():
                self.contents[len(self.contents) + 1] = path.read_bytes()
        self._now = dict(self.names)
        self._files = len(self.contents)
        self._held: dict[int, tuple[int, str]] = {}  # file and name by descriptor
        self._at: dict[int, int] = {}  # offset by descriptor

    def _name(self, path: Any) -> str:
        return os.path.relpath(os.fspath(path), self.root)

    def _ours(self, path: Any) -> str | None:
        """The name below the root, or None for what lies elsewhere."""
        if isinstance(path, int):
            return None
        name = self._name(path)
        return None if name.startswith("..") else name

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record until the block ends."""
        doing: dict[str, Callable[..., Any]] = {
            "open": self._opened, "close": self._closed, "write": self._wrote, "pwrite": self._wrote_at,
            "ftruncate": self._truncated, "fsync": self._flushed, "replace": self._renamed, "link": self._linked,
            "unlink": self._unlinked, "mkdir": self._made, "rmdir": self._removed,
        }  # fmt: skip
        doing |= {"fdatasync": self._flushed, "rename": self._renamed}
        real = {name: getattr(os, name) for name in doing}

        def watched(name: str) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                return doing[name](real[name], *arguments, **options)

            return call

        with patch.multiple(os, **{name: watched(name) for name in doing}):
            yield

    def _add(self, kind: str, **about: Any) -> None:
        one, last = Operation(kind, **about), self.operations[-1] if self.operations else None
        follows = last and one.kind == last.kind == "write" and one.file == last.file
        if last and follows and not self.each_write and last.offset + len(last.data) == one.offset:
            self.operations[-1] = replace(last, data=last.data + one.data)
        else:
            self.operations.append(one)

    def _opened(self, real: Any, path: Any, flags: int, *rest: Any, **options: Any) -> int:
        descriptor = int(real(path, flags, *rest, **options))
        if name := self._ours(path):
            if name not in self._now and name != ".":
                self._files += 1
                self._now[name] = self._files
                self._add("create", file=self._files, name=name)
            self._held[descriptor] = (self._now.get(name, FOLDER), name)
            self._at[descriptor] = 0
        return descriptor

    def _closed(self, real: Any, descriptor: int) -> None:
        self._held.pop(descriptor, None)
        real(descriptor)

    def _wrote(self, real: Any, descriptor: int, data: Any) -> int:
        count = int(real(descriptor, data))
        if descriptor in self._held:
            done = bytes(memoryview(data).cast("B")[:count])
            self._add("write", file=self._held[descriptor][0], offset=self._at[descriptor], data=done)
            self._at[descriptor] += count
        return count

    def _wrote_at(self, real: Any, descriptor: int, data: bytes, offset: int) -> int:
        count = int(real(descriptor, data, offset))
        if descriptor in self._held:
            self._add("write", file=self._held[descriptor][0], offset=offset, data=bytes(data[:count]))
        return count

    def _truncated(self, real: Any, descriptor: int, size: int) -> None:
        real(descriptor, size)
        if descriptor in self._held:
            self._add("truncate", file=self._held[descriptor][0], offset=size)

    def _flushed(self, real: Any, descriptor: int) -> None:
        real(descriptor)
        if descriptor in self._held:
            file, name = self._held[descriptor]
            self._add("flush_folder", name=name) if file == FOLDER else self._add("flush", file=file)

    def _renamed(self, real: Any, path: Any, target: Any) -> None:
        real(path, target)
        if (old := self._ours(path)) and (new := self._ours(target)):
            self._now[new] = self._now.pop(old)
            self._add("rename", name=old, target=new)

    def _linked(self, real: Any, path: Any, target: Any) -> None:
        real(path, target)
        if (old := self._ours(path)) and (new := self._ours(target)):
            self._now[new] = self._now[old]
            self._add("link", name=old, target=new)

    def _unlinked(self, real: Any, path: Any, **options: Any) -> None:
        real(path, **options)
        if (name := self._ours(path)) and self._now.pop(name, None) is not None:
            self._add("unlink", name=name)

    def _made(self, real: Any, path: Any, *rest: Any, **options: Any) -> None:
        real(path, *rest, **options)
        if name := self._ours(path):
            self._now[name] = FOLDER
            self._add("mkdir", name=name)

    def _removed(self, real: Any, path: Any) -> None:
        real(path)
        if name := self._ours(path):
            self._now.pop(name, None)
            self._add("rmdir", name=name)
