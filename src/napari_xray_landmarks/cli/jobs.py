"""Many inputs in processes of their own or on a Dask cluster, one by one, in any order, with the same result.

A command says what it does with one input (`Job`); here stand the manifest that lets a stopped run go on, the retries,
and what is told of the inputs that failed.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import FileError, InputError
from .manifest import MANIFEST, Manifest, Part, joined
from .reporting import complain, one_line, progress_bar, say

WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, metavar="N", help="Processes here, over the inputs.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="HOST:PORT", help="A Dask scheduler in their place; its workers see the same "
                                                          "files under the same names."),
]
RETRIES = 2
RetriesOption = Annotated[
    int,
    typer.Option("--retries", min=0, metavar="N", help="How often an input is tried again where a disk, a worker or a "
                                                       "machine failed. A bad input is not."),
]
_LOCK, _PARTS = "manifest.lock", ".parts"


@dataclass(frozen=True)
class Hands:
    """Who works on many inputs: processes here, or the workers of a cluster."""

    workers: int = 1
    scheduler: str | None = None
    retries: int = RETRIES

    @property
    def several(self) -> bool:
        return self.scheduler is not None or self.workers > 1


@dataclass(frozen=True)
class Made:
    """What came of one input, besides the files that it wrote.

    Parameters
    ----------
    lines
        What is said about it.
    tables
        Names of those of its files that are rows of a table of all inputs.
    skipped
        What of it could not be used; such an input is tried again.
    """

    lines: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One input.

    Parameters
    ----------
    name
        What messages call it.
    key
        As of `manifest.key_of`.
    function
        At the top of a module; `function(folder, *arguments)` writes the input's files into an empty folder, gives
        `Made`, and raises InputError where the input will not do.
    arguments
        That can travel to another process.
    """

    name: str
    key: str
    function: Callable[..., Made]
    arguments: tuple[Any, ...] = field(default=())


@dataclass(frozen=True)
class Ended:
    """How a run of jobs ended.

    Parameters
    ----------
    parts
        What every input gave, in the order of the jobs; those that failed are missing.
    tables
        Paths of the tables of all inputs.
    whole
        Whether no input failed or was used in part only.
    """

    parts: tuple[Part, ...]
    tables: tuple[Path, ...]
    whole: bool


def run_jobs(jobs: Sequence[Job], folder: Path, hands: Hands, *, title: str, quiet: bool, mark: str = "") -> Ended:
    """Do what is not done yet, move the files of each input into the folder, and join their tables.

    Parameters
    ----------
    jobs
    folder
        Of the results; all workers see it under this name.
    hands
    title
        Of the progress bar.
    quiet
    mark
        What the names of manifest and lock begin with, beside other runs' in the same folder.

    Raises
    ------
    InputError
        Another run writes there, the scheduler does not answer, or the only input will not do.
    """
    from ..training.locks import Lock

    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    lock = Lock(folder / f"{mark}{_LOCK}")
    try:
        manifest = Manifest(folder / f"{mark}{MANIFEST}")
        try:
            parts, failures = _parts(jobs, folder, manifest, hands, title, quiet)
        finally:
            manifest.close()
        tables = _write_tables(folder, parts)
    finally:
        shutil.rmtree(folder / _PARTS, ignore_errors=True)
        lock.release()
    for part in parts:
        for line in part.lines:
            say(line, quiet)
    return Ended(tuple(parts), tuple(tables), not failures and not any(part.skipped for part in parts))


def _parts(jobs: Sequence[Job], folder: Path, manifest: Manifest, hands: Hands, title: str, quiet: bool
           ) -> tuple[list[Part], int]:
    """What every input gave, in their order, and how many failed."""
    from ..shape.workers import outcomes

    parts = {i: part for i, job in enumerate(jobs) if (part := manifest.part(job.key)) is not None}
    if parts:
        say(f"{len(parts)} of {len(jobs)} inputs are done already", quiet)
    left = {i: (job, folder) for i, job in enumerate(jobs) if i not in parts}
    failures = 0
    with progress_bar(title, quiet) as progress:
        for i, outcome in outcomes(do, left, workers=hands.workers, scheduler=hands.scheduler, retries=hands.retries):
            try:
                part = outcome()
                if isinstance(part, InputError):
                    raise part
            except Exception as error:  # whatever befell a worker is the end of one input, not of the run
                if len(jobs) == 1:
                    raise
                problem = error if isinstance(error, InputError) else _named(jobs[i].name, error)
                complain(f"{one_line(problem)} (skipped)")
                failures += 1
                continue
            for line in part.skipped:
                complain(f"{line} (skipped)")
            parts[i] = part
            manifest.add(part)
            progress(len(parts) / len(jobs), f"{jobs[i].name} ({len(parts)}/{len(jobs)})")
    return [parts[i] for i in sorted(parts)], failures


def each_of(function: Callable, arguments: Mapping[Any, tuple], hands: Hands, *, title: str, quiet: bool
            ) -> tuple[list, int]:
    """Results of short work that no manifest is worth: `reporting.for_each` by several hands, in the same order.

    Parameters
    ----------
    function
        At the top of a module.
    arguments
        By what messages call each input.
    hands, title, quiet
        Of `run_jobs`.
    """
    from ..shape.workers import outcomes

    found, failures = {}, 0
    with progress_bar(title, quiet) as progress:
        for name, outcome in outcomes(function, arguments, workers=hands.workers, scheduler=hands.scheduler,
                                      retries=hands.retries):
            try:
                found[name] = outcome()
            except Exception as error:  # whatever befell a worker is the end of one input, not of the run
                if len(arguments) == 1:
                    raise
                problem = error if isinstance(error, InputError | OSError | MemoryError) else _named(name, error)
                complain(f"{one_line(problem)} (skipped)")
                failures += 1
            progress(len(found) / len(arguments), str(name))
    return [found[name] for name in arguments if name in found], failures


def _named(name: str, error: Exception) -> FileError:
    return FileError(name, f"could not be done ({type(error).__name__}: {one_line(error)})", "Try again")


def do(job: Job, folder: Path) -> Part | InputError:
    """One input, its files written aside and moved when whole; a bad one's error is given back: nobody tries again."""
    from ..shape.workers import bare

    (folder / _PARTS).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder / _PARTS) as name:
        own = Path(name)
        try:
            made = _made(job, own)
        except InputError as error:
            return bare(error)
        tables = {table: (own / table).read_bytes().decode() for table in made.tables}
        files = sorted(str(f.relative_to(own).as_posix()) for f in own.rglob("*") if f.is_file())
        files = [file for file in files if file not in tables]
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (own / file).replace(folder / file)
    return Part(job.key, tuple(files), tables, made.lines, made.skipped)


def _made(job: Job, own: Path) -> Made:
    return job.function(own, *job.arguments)


def _write_tables(folder: Path, parts: Sequence[Part]) -> list[Path]:
    """Write the tables of all inputs; their paths."""
    from ..io.files import replacing

    written = []
    for table in parts[0].tables if parts else ():
        with replacing(folder / table) as temporary:
            temporary.write_bytes(joined([part.tables[table] for part in parts]).encode())
        written.append(folder / table)
    return written
