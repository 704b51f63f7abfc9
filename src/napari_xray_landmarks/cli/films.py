"""The way of every command that searches images: each input read, searched and written, a bad one skipped."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import FileError, InputError
from .inputs import file_stems, load_radiographs, named, names_in_output, numbered
from .reporting import complain, for_each

if TYPE_CHECKING:
    from ..imaging import Radiograph

Result = TypeVar("Result")


def search_films(
    inputs: Sequence[Path],
    search: "Callable[[Radiograph, str, Callable[[float, str], None]], Result]",
    write: "Callable[[str, Radiograph, Result], None]",
    *,
    spacing_mm: tuple[float, float] | None,
    title: str,
    quiet: bool,
    load: Callable = load_radiographs,
) -> tuple[list[Result], bool]:
    """Search every radiograph of every input, or every volume.

    Parameters
    ----------
    inputs
        Files and folders, as `inputs.expand` gives them.
    search
        Called with a radiograph, what the output calls it, and `progress(fraction, stage)`.
    write
        Called with the stem of the image's own files, the radiograph and what was found, once an input is searched.
    spacing_mm
        Of films, where the user gives it.
    title
        Of the progress bar.
    load
        `inputs.load_radiographs` or `inputs.load_volumes`.

    Returns
    -------
    results
        One a radiograph.
    whole
        Whether no input, and no series of a folder, was skipped.

    Raises
    ------
    InputError
        If there is one input only and it cannot be searched; it names the file.
    """
    names = dict(zip(inputs, names_in_output(inputs), strict=True))
    stems = dict(zip(inputs, file_stems(list(names.values())), strict=True))
    skipped: list[FileError] = []

    def work(path: Path, progress) -> list[Result]:
        bad: list[FileError] = []
        radiographs = load(path, spacing_mm, bad.append)
        for error in bad:
            complain(f"{error} (skipped)")
        skipped.extend(bad)
        found = search_all(path, names[path], radiographs, search, progress)
        for stem, radiograph, one in zip(numbered(stems[path], len(found)), radiographs, found, strict=True):
            write(stem, radiograph, one)
        return found

    results, failures = for_each(inputs, work, title=title, quiet=quiet)
    return [one for several in results for one in several], not (failures or skipped)


def search_all(path: Path, name: str, radiographs: "Sequence[Radiograph]", search: Callable, progress) -> list:
    """What is found in every radiograph of one input; an error names the file."""
    found = []
    for i, (radiograph, image_name) in enumerate(zip(radiographs, numbered(name, len(radiographs)), strict=True)):

        def part(fraction: float, stage: str = "", i=i) -> None:
            progress((i + fraction) / len(radiographs), stage)

        try:
            found.append(search(radiograph, image_name, part))
        except InputError as error:
            raise named(error, path) from error
    return found
