"""The journal of a running process: rows are kept the moment they are logged, and become parts when it is sealed.

    journal = Journal(root, run_id)
    journal.log_epoch(epoch, "train", {"loss": 0.3})        # True: nothing can lose it any more
    journal.log({EPOCHS: rows, METRICS: rows})              # all of these rows or none
    journal.seal()                                          # parts in the lake, the journal is gone

Each process writes a file of its own, so nobody waits for a lock on a shared file system. A killed process loses no
row that was acknowledged: readers read its journal, and `recover` turns it into parts. A full disk, a quota or a
failing device never stops a training: the journal says so once, keeps the rows in memory, and writes them when
there is space again.
"""

import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from lake.errors import LakeError
from lake.files import flush, make_folder
from lake.journal_elsewhere import put_elsewhere
from lake.journal_file import JournalHeader, epoch_line, record_line
from lake.journal_lines import Lines
from lake.journal_rows import Key, epoch_fault, repeats
from lake.parts import is_safe_name, part_name
from lake.root import create_lake
from lake.table import Row, Table

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "journals"
_NAP_S = 0.002  # between two flushes behind a training: each may cost a log call a change of threads
_LOG = logging.getLogger("kdgat.lake")
Durable = Literal["disk", "process"]


class Journal:
    """One process's rows of one run; see the module.

    Args:
        durable: what an acknowledged row survives. "disk": also a power cut, the bytes are flushed before `log`
            returns. "process": the death of the process; a thread flushes behind it, a few milliseconds late, which is
            a row at most where a step takes longer than that.
        patience_s: how long `close` tries again where the disk is full.
        say: told once when rows cannot be written, and once when they could.

    Raises:
        LakeError: `root` is no lake and cannot be made one, or `run_id` cannot name a run.
    """

    def __init__(
        self, root: Path, run_id: str, attempt: int = 1, durable: Durable = "disk", patience_s: float = 60,
        say: Callable[[str], None] = _LOG.warning,
    ) -> None:  # fmt: skip
        if not is_safe_name(run_id):
            raise LakeError(f"{run_id!r} cannot name a run: use up to 160 letters, digits, '.', '_' and '-'.")
        self.root, self.run_id, self.attempt = create_lake(root), run_id, attempt
        self._durable, self._patience_s, self._say = durable, patience_s, say
        self._open()

    def _open(self) -> None:
        self._process_id = os.getpid()
        self._lock = threading.Lock()
        self._journal = uuid4().hex[:16]
        self.path = journal_path(self.root, self.run_id, self._journal)
        self._descriptor: int | None = None
        self._written = self._flushed = 0  # bytes the file has, and those of them that are known to be on the disk
        self._synced = 0  # as `_flushed`, told by the thread that flushes; the others catch up with it
        self._awake = threading.Lock()  # held while that thread has nothing to do: far quicker than an Event
        self._awake.acquire()
        self._keys: set[Key] = set()  # of every row that was logged
        self._is_failing = self._is_closed = self._is_let_go = self._is_sealed = False
        self._lines = Lines(
            JournalHeader(
                self._journal, self.run_id, self.attempt, socket.gethostname(), self._process_id, durable=self._durable
            )
        )
        if self._keep():
            with suppress(OSError):  # said where a row cannot be flushed
                self._flush()
        self._thread: threading.Thread | None = None
        if self._durable == "process":
            self._thread = threading.Thread(target=self._flush_behind, name="journal", daemon=True)
            self._thread.start()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        """Seals also after an error: what was logged is kept."""
        self.seal()

    def log(self, rows: Mapping[Table, Sequence[Row]]) -> bool:
        """Keep rows of one or more tables, all or none of them.

        Returns:
            True once they are kept; False where they wait in memory for the disk to take them.

        Raises:
            LakeError: a row breaks its table's contract, repeats the key of one that was logged before, or the
                journal is sealed.
        """
        for table in rows:
            if table.is_bulk:  # of those the last attempt's count, which is told by parts' names
                raise LakeError(f"{table.name} is a table of many rows: give it by add_part. Nothing was written.")
        owned = {table: [{**row, table.owner: self.run_id} for row in listed] for table, listed in rows.items()}
        checked = {table.name: table.check(listed) for table, listed in owned.items()}
        keys = [(table.name, *map(row.get, table.key)) for table in owned for row in checked[table.name]]
        return self._log(record_line(checked), keys)

    def log_epoch(self, epoch: int, split: str, values: Mapping[str, float]) -> bool:
        """Keep the metrics of a split at an epoch, each once; as `log`."""
        if fault := epoch_fault(epoch, split, values):
            raise LakeError(f"epochs: {fault}. Nothing was written.")
        if type(epoch) is not int or any(type(value) is not float for value in values.values()):
            epoch, values = int(epoch), {metric: float(value) for metric, value in values.items()}
        keys = [("epochs", self.run_id, self.attempt, epoch, split, metric) for metric in values]
        return self._log(epoch_line(self.attempt, epoch, split, values), keys)

    def add_part(self, table: Table, rows: "pa.Table") -> Path:
        """Write many rows of a bulk table at once, past the journal; of several attempts the last one's count.

        Raises:
            LakeError: a row breaks the contract, or the disk is full: bulk rows are not kept in memory.
        """
        from lake.append import append_arrow

        return append_arrow(self.root, table, self.run_id, part_name(self.attempt, table.name), rows)

    def _log(self, line: bytes, keys: Sequence[Key]) -> bool:
        if os.getpid() != self._process_id:  # born of the one that opened it: a journal is of one process
            self._open()
        with self._lock:
            if self._is_closed:
                raise LakeError(f"the journal of {self.run_id} is sealed; open another one.")
            if not self._keys.isdisjoint(keys):
                raise LakeError(repeats(next(key for key in keys if key in self._keys)))
            self._keys.update(keys)
            self._lines.append(line)
            return self._keep()

    def _keep(self) -> bool:
        """Write and flush what is not yet; every step may be broken off and done again."""
        try:
            self._write()
            if self._durable == "disk" or self._is_failing:
                self._flush()
            else:
                self._wake()
        except OSError as error:
            self._fail(error)
            return False
        if self._is_failing:
            self._say_better()
        return True

    def _say_better(self) -> None:
        self._is_failing = False
        self._say(f"{self.run_id}: the lake can be written again; every row of this run is in it.")

    def _write(self) -> None:
        """Write what the file lacks; after a failure again all that may have been lost of what it had."""
        if self._is_failing and self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            self._begin_anew()
        if self._descriptor is None:
            self._descriptor = _open_locked(self.path)
        start = self._flushed if self._is_failing else self._written
        data = self._lines.behind(start)
        _write_at(self._descriptor, data, start)
        self._written = start + len(data)
        if self._synced > self._flushed:
            self._flushed = self._synced
            self._lines.forget(self._flushed)

    def _begin_anew(self) -> None:
        """The file was taken away while it could not be written: what it had is in parts, or lost with it."""
        descriptor = _open_locked(self.path)
        had = self._flushed
        self._lines = self._lines.standing_in(had)
        self._written = self._flushed = self._synced = 0
        self._descriptor = descriptor  # the other one stays open, since the thread may be flushing it
        if had:
            self._say(
                f"{self.run_id}: {self.path} was taken away while it could not be written. What is logged from now on, "
                "and what waited, goes into a new one of that name; what it had is lost if no part has it."
            )

    @property
    def unflushed(self) -> int:
        """How many log calls are not known to be on the disk yet."""
        return self._lines.count_behind(max(self._synced, self._flushed))

    def _flush(self) -> None:
        if self._descriptor is None or self._flushed == self._written:
            return
        os.fdatasync(self._descriptor)
        if self._flushed == 0:
            flush(self.path.parent)
        self._flushed = self._written
        self._lines.forget(self._flushed)

    def _wake(self) -> None:
        if self._awake.locked():
            self._awake.release()

    def _flush_behind(self) -> None:
        """The thread of a journal that is durable against its process's death only. It takes no lock on its way, so
        that no log call waits for it."""
        while True:
            self._awake.acquire()
            if self._is_closed:
                return
            descriptor, written = self._descriptor, self._written
            if descriptor is None or self._is_failing:
                continue
            try:
                os.fdatasync(descriptor)
            except OSError as error:
                with self._lock:
                    self._fail(error)
                continue
            if not self._is_failing and descriptor == self._descriptor:
                self._synced = written
            time.sleep(_NAP_S)

    def _fail(self, error: OSError) -> None:
        if not self._is_failing:
            self._is_failing = True
            self._say(
                f"{self.run_id}: the lake cannot be written ({error.strerror}). Training goes on; its rows are kept in "
                f"memory and written when that is possible again. Free some space in {self.root}."
            )
        with suppress(OSError):
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, self._written)  # a torn line would lie in the way of the next

    def seal(self) -> list[Path]:
        """Turn the rows into parts of the lake and end the journal. Where the parts cannot be written the journal
        stays, and readers find its rows there. A process that was forked from the one that opened it does nothing.

        Raises:
            LakeError: not even the journal could be written, which says where the rows were put instead; or it was
                removed meanwhile.
        """
        from lake.recover import seal_journal

        if os.getpid() != self._process_id or self._is_sealed:
            return []
        self.close()
        try:
            parts = seal_journal(self.root, self.path)
            self._is_sealed = True
            return parts
        except FileNotFoundError:
            if not self._written:
                return []  # nothing was ever logged that the disk took
            raise LakeError(
                f"{self.path} is gone, though its run had not ended: what was logged to it may be lost. Look for it, "
                "and take it back: ./run lake recover --from FILE"
            ) from None
        except LakeError as error:
            self._say(f"{self.run_id}: its rows stay in {self.path.name} for now: {error}")
            return []

    def close(self) -> None:
        """Write what waits, flush, and let go of the file; readers and `recover` do the rest. As `seal` after a fork.

        Raises:
            LakeError: as `seal`.
        """
        if os.getpid() != self._process_id:
            return
        with self._lock:
            self._is_closed = True
            self._wake()
        if self._thread:
            self._thread.join()  # one flushes at a time, and what this one could not is known
        with self._lock:
            if self._is_let_go:
                return
            is_written = self._write_waiting()
            said = None if is_written else self._put_elsewhere()
            self._is_let_go = True
            if self._descriptor is not None:
                os.close(self._descriptor)
        if said:
            raise LakeError(said)

    def _put_elsewhere(self) -> str:
        failed = f"{self.run_id}: the lake could not be written for {self._patience_s:.0f} s"
        try:
            return f"{failed}, so {put_elsewhere(self.path, self._lines, self._flushed)}"
        except LakeError as error:
            raise LakeError(f"{failed}, and {error}") from error

    def _write_waiting(self) -> bool:
        """Try until `patience_s` is over; whether all that was logged is on the disk then."""
        until = time.monotonic() + self._patience_s
        while self._is_failing or self._flushed < self._lines.end:
            try:
                self._write()
                self._flush()
            except OSError as error:
                self._fail(error)
                if time.monotonic() >= until:
                    return False
                time.sleep(min(1.0, self._patience_s / 60))
                continue
            if self._is_failing:
                self._say_better()
        return True


def journal_path(root: Path, run_id: str, journal: str) -> Path:
    return root / FOLDER / f"{run_id}~{journal}.journal"


def _open_locked(path: Path) -> int:
    """A journal's file, locked for as long as its process lives, which tells `recover` that it does."""
    make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with suppress(OSError):  # a file system without locks: recover then asks for the process
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    """A full disk may take a part of the bytes and refuse the rest."""
    while data:
        count = os.pwrite(descriptor, data, offset)
        data, offset = data[count:], offset + count
