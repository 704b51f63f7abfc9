"""Many inputs in processes of their own or on a Dask cluster, one by one, in any order, with the same result."""

import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import FileError, InputError
from .films import search_all
from .inputs import file_stems, names_in_output, numbered
from .manifest import MANIFEST, Manifest, Part, joined, key_of
from .outputs import TABLE_ENDING
from .reporting import complain, one_line, progress_bar, say
from .tasks import Task

WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, metavar="N", help="Processes here, over the inputs; a stopped run goes on.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="HOST:PORT", help="A Dask scheduler in their place; its workers see the same "
                                                          "files under the same names."),
]
RETRIES = 2
_LOCK, _PARTS = "manifest.lock", ".parts"
_ONE_AT_A_TIME = threading.Lock()  # a worker's threads share its models and kernels, which are not for several


def run_batch(task: Task, inputs: Sequence[Path], *, workers: int, scheduler: str | None, title: str, quiet: bool
              ) -> int:
    """Search every input, write what was found, and remember what is done; the exit code.

    Raises
    ------
    InputError
        The output is one image's file, another run writes there, the scheduler does not answer, or nothing at all could
        be searched.
    """
    from ..training.locks import Lock

    if not task.in_folder and not task.output.name.lower().endswith(TABLE_ENDING):
        raise InputError(task.output, "holds one image; --scheduler and --workers are for many",
                         "Use a .csv or a folder")
    task = replace(task, output=task.output.absolute())
    folder = task.output if task.in_folder else task.output.parent
    folder.mkdir(parents=True, exist_ok=True)
    mark = "" if task.in_folder else f"{task.output.name[:-len(TABLE_ENDING)]}_"
    lock = Lock(folder / f"{mark}{_LOCK}")
    try:
        manifest = Manifest(folder / f"{mark}{MANIFEST}")
        try:
            parts, failures = _parts(task, inputs, manifest, workers, scheduler, title, quiet)
        finally:
            manifest.close()
        written = _write_tables(folder, parts)
    finally:
        shutil.rmtree(folder / _PARTS, ignore_errors=True)
        lock.release()
    for part in parts:
        for line in part.lines:
            say(line, quiet)
    if parts:
        say(f"Written: {task.output if task.in_folder else ', '.join(map(str, written))}", quiet)
    return 1 if failures or any(part.skipped for part in parts) else 0


def _parts(task: Task, inputs: Sequence[Path], manifest: Manifest, workers: int, scheduler: str | None, title: str,
           quiet: bool) -> tuple[list[Part], int]:
    """What every input gave, in the order of the inputs, and how many failed."""
    names = names_in_output(inputs)
    stems = file_stems(names)
    keys = [key_of(path, name, stem, task.facts) for path, name, stem in zip(inputs, names, stems, strict=True)]
    parts = {i: part for i, key in enumerate(keys) if (part := manifest.part(key)) is not None}
    if parts:
        say(f"{len(parts)} of {len(inputs)} inputs are done already", quiet)
    jobs = {i: (task, inputs[i].absolute(), names[i], stems[i], keys[i]) for i in range(len(inputs)) if i not in parts}
    failures = 0
    with progress_bar(title, quiet) as progress:
        for i, outcome in _outcomes(jobs, workers, scheduler):
            try:
                part = outcome()
                if isinstance(part, InputError):
                    raise part
            except Exception as error:  # whatever befell a worker is the end of one input, not of the run
                if len(inputs) == 1:
                    raise
                complain(f"{one_line(error if isinstance(error, InputError) else _named(inputs[i], error))} (skipped)")
                failures += 1
                continue
            for line in part.skipped:
                complain(f"{line} (skipped)")
            parts[i] = part
            manifest.add(part)
            progress(len(parts) / len(inputs), f"{names[i]} ({len(parts)}/{len(inputs)})")
    return [parts[i] for i in sorted(parts)], failures


def _outcomes(jobs: dict, workers: int, scheduler: str | None):
    from ..shape.workers import outcomes

    return outcomes(search_input, jobs, workers=workers, scheduler=scheduler, retries=RETRIES) if jobs else ()


def _named(path: Path, error: Exception) -> FileError:
    return FileError(path, f"could not be searched ({type(error).__name__}: {one_line(error)})", "Try again")


def search_input(task: Task, path: Path, name: str, stem: str, key: str) -> Part | InputError:
    """Search one input and write its own files; what is wrong with it is given back, so that nobody tries again."""
    folder = task.output if task.in_folder else task.output.parent
    (folder / _PARTS).mkdir(parents=True, exist_ok=True)
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(dir=folder / _PARTS) as own:
        place = Path(own) if task.in_folder else Path(own) / task.output.name
        try:
            return _searched(replace(task, output=place), Path(own), folder, path, name, stem, key)
        except InputError as error:
            return error


def _searched(task: Task, own: Path, folder: Path, path: Path, name: str, stem: str, key: str) -> Part:
    """Write into `own`, and move what is whole into `folder`."""
    bad: list[FileError] = []
    images = task.load(path, task.spacing_mm, bad.append)
    found = search_all(path, name, images, task.search, lambda fraction, stage="": None)
    for one_stem, image, one in zip(numbered(stem, len(found)), images, found, strict=True):
        task.write(one_stem, image, one)
    tables = {table.name: table.read_bytes().decode() for table in task.write_tables(found)}
    files = tuple(sorted(file.name for file in own.iterdir() if file.name not in tables))
    for file in files:
        (own / file).replace(folder / file)
    lines = tuple(line for one in found for line in task.lines(one))
    return Part(key, files, tables, lines, tuple(map(str, bad)))


def _write_tables(folder: Path, parts: Sequence[Part]) -> list[Path]:
    """Write the tables of all inputs; their paths."""
    from ..io.files import replacing

    written = []
    for table in parts[0].tables if parts else ():
        with replacing(folder / table) as temporary:
            temporary.write_bytes(joined([part.tables[table] for part in parts]).encode())
        written.append(folder / table)
    return written
