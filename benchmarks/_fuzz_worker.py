"""One process that reads spoilt files, watched by itself: what it opens, writes, prints, and how much memory it takes.

Memory beyond `MEMORY` is refused by the system; that a reader asked for it counts as a failure, whatever it makes of
the refusal.
"""

import contextlib
import os
import resource
import sys
import time
import traceback
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from _fuzz_images import Reader
from _fuzz_seeds import MARKERS, Seed
from _mutations import mutated

MEMORY = 2 * 2**30
LONGEST_LINE = 1000
WITHIN, WARM = "data", 20
_CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree"}
_FORBIDDEN = {"pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork",
              "socket.connect", "webbrowser.open", "os.startfile"}
_ALLOWED = tuple(str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix, Path(__file__).parents[1]))
_MEMORY_TEXTS = ("cannot allocate", "failed to allocate", "unable to allocate", "bad_alloc", "out of memory")


@dataclass
class Watch:
    """What Python's audit hook saw the reader do."""

    folder: str = ""
    on: bool = False
    seen: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple) -> None:
        if not self.on:
            return
        if event == "open":
            self._opened(*arguments)
        elif event in _FORBIDDEN:
            self.seen.append(event)
        elif event in _CHANGES and not self._inside(arguments[0]) and not _removes_tree():
            self.seen.append(f"{event} {arguments[0]}")

    def _opened(self, path, mode, flags) -> None:
        if isinstance(path, int) or self._inside(path) or _removes_tree():
            return
        changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) if isinstance(flags, int) else True
        known = os.fsdecode(path).startswith((*_ALLOWED, "/proc", "/usr", "/sys", "/etc/mime"))
        if changes or not known:
            self.seen.append(f"open {os.fsdecode(path)[:200]!r} {mode}")

    def _inside(self, path) -> bool:
        if isinstance(path, int):
            return True
        absolute = os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path)))
        return absolute == self.folder or absolute.startswith(self.folder + os.sep)


def _removes_tree() -> bool:
    """Whether this is a step of shutil.rmtree, whose names are those in a folder that it has opened; the tree itself
    was looked at when it began."""
    frame = sys._getframe(2)
    return any(caller is not None and caller.f_code.co_name == "_rmtree_safe_fd" for caller in (frame, frame.f_back))


def inputs(name: str, reader: Reader, seed: int, index: int) -> tuple[Seed, dict[str, bytes]]:
    """The seed of an input and its files, spoilt; the same for the same numbers."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), index])
    seeds = reader.seeds()
    chosen = seeds[int(rng.integers(len(seeds)))]
    files, names = dict(chosen.files), chosen.spoilt or tuple(chosen.files)
    for _ in range(1 + (len(names) > 1 and rng.random() < 0.3)):
        which = names[int(rng.integers(len(names)))]
        others = [other for seed_ in seeds for other in seed_.files.values()]
        files[which] = mutated(which, files[which], rng, others=others, hot=chosen.hot.get(which, ()))
    return chosen, files


class Arena:
    """A folder, watched, in which one input after the other is read.

    Parameters
    ----------
    root
        Of this process alone; the inputs lie in the folder `data` below it.
    """

    def __init__(self, root: Path):
        import matplotlib  # noqa: F401  makes a folder for its settings where there is none

        self.root, self.folder, self.watch = root, root / WITHIN, Watch()
        self.watch.folder = str(self.folder)
        sys.addaudithook(self.watch)

    def judge(self, reader: Reader, seed: Seed, files: dict[str, bytes]) -> tuple[str, str, float, str]:
        """What came of an input ("read", "refused", or what went wrong), more about it, how long it took, and what was
        printed by libraries below Python."""
        self._lay_out(files)
        before, begin = self._tree(), time.perf_counter()
        self.watch.seen, self.watch.on = [], True
        try:
            outcome, more = _outcome(reader, self.folder / seed.opened)
        finally:
            self.watch.on = False
        seconds = time.perf_counter() - begin
        if self.watch.seen:
            outcome, more = "left its folder", "; ".join(self.watch.seen[:3])
        elif (lost := before - self._tree()) and not reader.removes:
            outcome, more = "left its folder", f"removed {sorted(lost)[:3]}"
        elif strange := {name for name in os.listdir(self.root) if name not in (WITHIN, "said")}:
            outcome, more = "left its folder", f"made {sorted(strange)[:3]}"
        said = self._said()
        if any(marker in said for marker in MARKERS):
            outcome, more = "told the patient", said[:300]
        return outcome, more, seconds, said[:300]

    def _lay_out(self, files: dict[str, bytes]) -> None:
        _empty(self.folder)
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def _tree(self) -> set[str]:
        return {os.path.join(parent, name) for parent, _, names in os.walk(self.folder) for name in names}

    def _said(self) -> str:
        """What went to standard output and error since the last look."""
        path = self.root / "said"
        if not path.exists() or not path.stat().st_size:
            return ""
        text = path.read_text(errors="replace")
        os.truncate(path, 0)
        return text


def _empty(folder: Path) -> None:
    for parent, folders, names in os.walk(folder, topdown=False):
        for name in names:
            os.unlink(os.path.join(parent, name))
        for name in folders:
            os.rmdir(os.path.join(parent, name))
    folder.mkdir(exist_ok=True)


def _outcome(reader: Reader, path: Path) -> tuple[str, str]:
    from napari_xray_landmarks.errors import InputError

    try:
        reader.read(path)
        return "read", ""
    except InputError as error:
        return _judged(str(error), error)
    except OSError as error:  # as napari's writers must, with the line of an InputError
        line, cause = str(error), error.__cause__
        return _judged(line, error) if isinstance(cause, InputError) else (_kind(error), _where(error))
    except BaseException as error:
        return _kind(error), _where(error)


def _judged(line: str, error: BaseException) -> tuple[str, str]:
    if "\n" in line or not line.isprintable() or len(line) > LONGEST_LINE:
        return "no plain line", repr(line[:200]) + f" ({len(line)} letters)"
    if any(marker in line for marker in MARKERS):
        return "told the patient", line[:300]
    while error is not None:
        if isinstance(error, MemoryError) or any(text in str(error).lower() for text in _MEMORY_TEXTS):
            return "asked for too much memory", f"{line[:150]} <- {error!r:.150}"
        error = error.__cause__ or error.__context__
    return "refused", line


def _kind(error: BaseException) -> str:
    return "asked for too much memory" if isinstance(error, MemoryError) else "raised"


def _where(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in last if "napari_xray_landmarks" in frame.filename]
    at = (ours or last)[-1]
    return f"{type(error).__name__}: {str(error)[:150]!r} at {Path(at.filename).name}:{at.lineno} {at.name}"


def work(name: str, reader: Reader, seed: int, indices: range, root: str, connection) -> None:
    """Judge some inputs; sends (index, *what `judge` gives) of each, before it None, and last the peak of memory."""
    with contextlib.suppress(OSError):
        os.nice(5)
    arena = Arena(Path(root))
    warnings.simplefilter("default")
    _listen(Path(root) / "said")
    reader.seeds()
    for index in indices[:WARM]:  # imports and caches are not an input's
        arena.judge(reader, *inputs(name, reader, seed, index))
    base = _limit()
    for index in indices:
        connection.send((index, None, "", 0.0, ""))
        connection.send((index, *arena.judge(reader, *inputs(name, reader, seed, index))))
    connection.send((-1, "done", "", max(0.0, _status("VmHWM") - base), ""))


def _listen(path: Path) -> None:
    """Send what is printed, by Python or by libraries below it, to a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.stdout.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)


def _limit() -> float:
    """Refuse more than `MEMORY` bytes on top of what is there; forget the peak. The resident bytes now."""
    limit = int(_status("VmSize")) + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))
