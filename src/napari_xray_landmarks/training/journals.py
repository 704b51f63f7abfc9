"""A journal: what was typed, a line each, before all else is done with it, so that a killed window loses nothing."""

import json
import os
import threading
from pathlib import Path


class Journal:
    """Entries on their way into a table, in a file that only grows until the table has them.

    Each line starts with the end of the one before: where the process was killed, or the disk full, in the middle of a
    line, that line is damaged and no other.

    Parameters
    ----------
    path
        The file; made with the first entry.

    Attributes
    ----------
    count
        Entries in the journal, with those that could not be written yet.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._lock = threading.Lock()
        self._unwritten: list[bytes] = []
        self._file = None
        self.count = len(self.entries())

    def entries(self) -> list[dict]:
        """What the file holds, in order; damaged lines are left out."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [entry for entry in map(_entry, lines) if entry is not None]

    def append(self, entry: dict) -> None:
        """Write an entry, after those that could not be written before; kept in memory where that raises OSError."""
        with self._lock:
            self.count += 1
            self._unwritten.append(b"\n" + json.dumps(entry, ensure_ascii=False).encode())
            self._write()

    def flush(self) -> None:
        """Write what could not be written before, and have the disk keep it; OSError where that still cannot be."""
        with self._lock:
            self._write()
            if self._file is not None:
                os.fsync(self._file.fileno())

    def forget(self, count: int) -> None:
        """Empty the file where it has this many entries, which stand in the table now; with more it stays as it is."""
        with self._lock:
            if self.count == count and self.count:
                self._unwritten = []
                if self._opened().truncate(0) == 0:
                    self.count = 0

    def close(self) -> None:
        """Close the file, and remove it where it is empty."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
            if self.count == 0 and self.path.exists() and self.path.stat().st_size == 0:
                self.path.unlink(missing_ok=True)

    def _opened(self):
        """The file, opened again where another one, or none, stands at its place by now: a share may vanish."""
        if self._file is not None and not self._is_in_place():
            self._file.close()
            self._file = None
        if self._file is None:
            self._file = open(self.path, "ab", buffering=0)
        return self._file

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def _write(self) -> None:
        while self._unwritten:
            line = self._unwritten[0]
            if self._opened().write(line) < len(line):
                raise OSError("the disk is full")
            self._unwritten.pop(0)


def _entry(line: bytes) -> dict | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
