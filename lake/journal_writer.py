"""Whether whoever wrote a journal may write on."""

import errno
import fcntl
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from lake.errors import LakeError
from lake.journals import JournalName, read_named
from lake.processes import is_gone

_STILL_S = 3600


def is_over(name: JournalName) -> bool:
    """Whether a journal may be put away: its writer is gone, or may be gone and has written nothing for an hour.

    A writer that lives all the same writes on in the file, whatever it is called then, and nothing of it is lost.
    """
    state = writer_of(name)
    if state != "unknown":
        return state == "gone"
    return time.time() - name.path.stat().st_mtime > _STILL_S


def writer_of(name: JournalName) -> Literal["alive", "gone", "unknown"]:
    """What is known of a journal's writer: it lives while it holds the lock, or while its process is on this machine;
    it is gone where its number there is that of no process, or of one that began after the last line was written.

    Of another machine's process neither is known for sure: a lock may not reach that far.

    Raises:
        FileNotFoundError: the journal is gone.
    """
    written, is_locked = _lock_of(name.path)
    if is_locked:
        return "alive"
    try:
        header = read_named(name, salvage=True).header
    except LakeError:  # its first line is broken, or of something else
        header = None
    if header is None or header.host != socket.gethostname():
        return "unknown"
    return "gone" if is_gone(header.process_id, written) else "alive"


def _lock_of(path: Path) -> tuple[datetime, bool]:
    """When the file was last written, and whether its lock is held; False also where the file system does not say."""
    try:
        descriptor = os.open(path, os.O_RDWR)  # NFS locks only what may be written
    except PermissionError:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        descriptor = os.open(path, os.O_RDONLY)
    try:
        written = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return written, True
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return written, False
