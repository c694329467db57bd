"""What a remote can do, whichever way it is reached: a bucket, a folder and a web server each are a `Store`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Stored:
    """A file's bytes, and the mark that a later `put_if_match` compares."""

    data: bytes
    etag: str


class Store(Protocol):
    """Files by key. A file appears whole or not at all, and what was put is what the next reader gets.

    Each method raises UnsureError where no certain answer came, and RemoteError where the remote refuses.
    """

    @property
    def name(self) -> str:
        """The address, as a person gave it."""

    def get(self, key: str) -> Stored:
        """Raises MissingError where there is no such file."""

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; raises MissingError."""

    def stream(self, key: str, size_bytes: int) -> Iterator[bytes]:
        """The bytes of a larger file, piece by piece; `size_bytes` says how long that may take. Raises MissingError."""

    def head(self, key: str) -> int | None:
        """The file's size, or None where there is none."""

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Key and size of each file in the folder `prefix`; of all files without one."""

    def put(self, key: str, data: bytes) -> None:
        """Write the file, over what it held."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write a file that is not there yet; False, and nothing done, where it is."""

    def put_if_match(self, key: str, data: bytes, etag: str | None) -> bool:
        """Write the file if it still has that mark (None: is not there yet); False, and nothing done, if not."""

    def copy_fault(self) -> str | None:
        """What is wrong with the copy of the pointer that pages read, where the store keeps one beside it."""

    def mend_copy(self) -> None:
        """Write that copy again, where it is not as the pointer."""
