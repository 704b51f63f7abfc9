"""Which inputs of a long run are done, in a file that survives the run: one that was stopped goes on."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from os.path import isfile
from pathlib import Path, PurePosixPath

from .. import __version__

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Part:
    """What one input gave.

    Parameters
    ----------
    key
        Of the input, the model and all settings: where one of them changes, it is another.
    files
        The files that it has of its own, beside the manifest or in folders there.
    tables
        Its rows of each table of all inputs, as text with the header, by the table's name.
    lines
        What is said about it.
    skipped
        Which series of a folder could not be read; such an input is tried again.
    """

    key: str
    files: tuple[str, ...] = ()
    tables: dict[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @classmethod
    def read(cls, entry: dict) -> "Part | None":
        """The part of a line of the manifest; None where it is none."""
        try:
            part = cls(str(entry["key"]), tuple(map(str, entry["files"])), dict(entry["tables"]),
                       tuple(map(str, entry["lines"])))
        except (KeyError, TypeError, ValueError):
            return None
        inside = all(map(_is_inside, part.files)) and all(Path(name).name == name for name in part.tables)
        return part if inside and all(isinstance(text, str) for text in part.tables.values()) else None


class Manifest:
    """The parts that are done.

    Parameters
    ----------
    path
        The file, in the folder of the results.
    """

    def __init__(self, path: Path):
        from ..training.journals import Journal

        self.folder = path.parent
        self._journal = Journal(path)
        parts = filter(None, map(Part.read, self._journal.entries()))
        self._done = {part.key: part for part in parts}

    def part(self, key: str) -> Part | None:
        """What that input gave; None where it is not done, or one of its files is gone."""
        part = self._done.get(key)
        whole = part is not None and all(isfile(self.folder / name) for name in part.files)
        return part if whole else None

    def add(self, part: Part) -> None:
        """Note that an input is done, unless some of it was skipped."""
        if not part.skipped:
            self._done[part.key] = part
            self._journal.append(asdict(part))

    def close(self) -> None:
        self._journal.flush()
        self._journal.close()


def _is_inside(name: str) -> bool:
    """Whether a name is that of a file in the folder or below."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not {"..", "/", "//"} & set(parts) and not set(name) & set(":\\")


def key_of(path: Path, *facts: object) -> str:
    """What tells an input and how it is searched from all others: names, sizes and times of its files, and `facts`."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    stats = [(str(p.relative_to(path)), p.stat()) for p in files if p.exists()]
    seen = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return hashlib.sha256(json.dumps([__version__, str(path.absolute()), seen, *map(repr, facts)]).encode()).hexdigest()


def joined(texts: Sequence[str]) -> str:
    """One table of several with the same header."""
    first, *others = texts
    return first + "".join(text.partition("\n")[2] for text in others)
