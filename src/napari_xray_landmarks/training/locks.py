"""Locks that windows and processes hold on files of a shared folder; the system ends them with the process."""

import json
import os
import socket
import time
from contextlib import contextmanager
from pathlib import Path

from ..errors import FileError, InputError

_FAR = 1 << 30  # Windows locks bytes: one behind all that is written, so that others can read who holds it


class Busy(InputError):
    """Somebody else holds the lock; `holder` says who, as far as that is known."""

    def __init__(self, path: Path, holder: dict):
        self.holder = holder
        who = f"process {holder['process']} on {holder['host']}" if holder else "another window"
        super().__init__(path, f"is in use by {who}", "Close it there first")


class Lock:
    """An open, locked file that says who holds it; `release` gives it back, and so does the end of the process.

    Parameters
    ----------
    path
        The lock's file, made where it is missing; it stays when the lock is released.

    Raises
    ------
    Busy
        If it is held, by another process or by this one.
    FileError
        If the file cannot be made.
    """

    def __init__(self, path):
        self.path = Path(path)
        try:
            self._file = open(self.path, "a+b", buffering=0)
        except OSError as error:
            raise FileError(path, f"cannot be written ({error.strerror})", "Choose a writable folder") from error
        try:
            _lock(self._file)
        except OSError:
            holder = _holder(self.path)
            self._file.close()
            raise Busy(self.path, holder) from None
        self._file.truncate(0)
        self._file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode())

    def release(self) -> None:
        """Give it back; a second time does nothing."""
        self._file.close()


@contextmanager
def waiting_lock(path, seconds: float = 10.0):
    """Hold a lock for a moment, after whoever holds it now; Busy where that takes longer than so many seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            lock = Lock(path)
            break
        except Busy:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
    try:
        yield
    finally:
        lock.release()


def _holder(path: Path) -> dict:
    try:
        found = json.loads(path.read_bytes())
        return {"process": int(found["process"]), "host": str(found["host"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


if os.name == "nt":

    def _lock(file) -> None:
        import msvcrt

        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

else:

    def _lock(file) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
