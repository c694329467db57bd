"""The last lines of a journal that is being written, each with its number and its place in the file.

A line has its place before it is written, and whatever is asked follows from where the disk has come to: so writing
and flushing may be broken off between any two steps, as by Ctrl-C, and done again.
"""

from collections import deque
from dataclasses import replace

from lake.journal_file import JournalHeader, header_line, record_line


class Lines:
    """Of all lines, the header first, those that may not be on the disk yet."""

    def __init__(self, header: JournalHeader) -> None:
        self._header = header
        self._lines: deque[tuple[int, int, bytes]] = deque([(0, 0, header_line(header))])  # never empty

    def append(self, line: bytes) -> None:
        number, offset, last = self._lines[-1]
        self._lines.append((number + 1, offset + len(last), line))

    @property
    def end(self) -> int:
        """How large the file is that has them all."""
        _, offset, last = self._lines[-1]
        return offset + len(last)

    def behind(self, size: int) -> bytes:
        """What a file of that size lacks."""
        _, offset, last = self._lines[-1]
        if offset == size:  # as nearly always, when a training step waits for it
            return last
        found = []
        for _, offset, line in reversed(self._lines):
            if offset < size:
                break
            found.append(line)
        return b"".join(reversed(found))

    def count_behind(self, size: int) -> int:
        return sum(offset >= size for _, offset, _ in self._lines.copy())

    def forget(self, size: int) -> None:
        """Let go of what a file of that size has; the last line is kept, since the next one goes behind it."""
        while len(self._lines) > 1 and self._lines[1][1] <= size:
            self._lines.popleft()

    def standing_in(self, size: int) -> "Lines":
        """The same journal as another file, where one of that size has those before, and can be read no more."""
        kept = [(number, line) for number, offset, line in self._lines if offset >= size]
        first = kept[0][0] if kept else self._lines[-1][0] + 1
        if first == 0:
            return self
        lines = Lines(replace(self._header, elsewhere=max(first - 1, self._header.elsewhere)))
        for _ in range(first - 1):
            lines.append(record_line({}))
        for _, line in kept:
            lines.append(line)
        return lines
