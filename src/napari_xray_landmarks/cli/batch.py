"""The images of a command that searches them with a model, each as a job of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import FileError, InputError
from .films import search_all
from .inputs import file_stems, names_in_output, numbered
from .jobs import Hands, Job, Made, run_jobs
from .manifest import key_of
from .outputs import TABLE_ENDING
from .reporting import say
from .tasks import Task


def run_batch(task: Task, inputs: Sequence[Path], *, hands: Hands, title: str, quiet: bool) -> int:
    """Search every input, write what was found, and remember what is done; the exit code.

    Raises
    ------
    InputError
        The output is one image's file, another run writes there, the scheduler does not answer, or nothing at all could
        be searched.
    """
    if not task.in_folder and not task.output.name.lower().endswith(TABLE_ENDING):
        raise InputError(task.output, "holds one image; --scheduler and --workers are for many",
                         "Use a .csv or a folder")
    folder = task.output if task.in_folder else task.output.parent
    mark = "" if task.in_folder else f"{task.output.name[:-len(TABLE_ENDING)]}_"
    names = names_in_output(inputs)
    jobs = [Job(str(path), key_of(path, name, stem, task.facts), searched, (task, path.absolute(), name, stem))
            for path, name, stem in zip(inputs, names, file_stems(names), strict=True)]
    ended = run_jobs(jobs, folder, hands, title=title, quiet=quiet, mark=mark)
    if ended.parts:
        say(f"Written: {task.output if task.in_folder else ', '.join(map(str, ended.tables))}", quiet)
    return 0 if ended.whole else 1


def searched(folder: Path, task: Task, path: Path, name: str, stem: str) -> Made:
    """Search one input and write its files into a folder."""
    task = replace(task, output=folder if task.in_folder else folder / task.output.name)
    bad: list[FileError] = []
    images = task.load(path, task.spacing_mm, bad.append)
    found = search_all(path, name, images, task.search, lambda fraction, stage="": None)
    for one_stem, image, one in zip(numbered(stem, len(found)), images, found, strict=True):
        task.write(one_stem, image, one)
    tables = tuple(table.name for table in task.write_tables(found))
    return Made(tuple(line for one in found for line in task.lines(one)), tables, tuple(map(str, bad)))
