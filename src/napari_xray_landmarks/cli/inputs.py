"""Which images a command works on, and how they are called in its output."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileError, InputError

if TYPE_CHECKING:
    from ..imaging import Radiograph, Volume


def expand(paths: Sequence[Path], *, volumes: bool = False) -> list[Path]:
    """The inputs, a folder of films, or of volume files, as these; others stay one input.

    Films are pictures of the folder itself, and DICOM radiographs of it and the folders in it. A folder with DICOM
    slices stays one input, after the volume files that lie beside them. Hidden files, such as those that macOS puts
    beside others on a share, are passed over.

    Raises
    ------
    FileError
        A folder with DICOM files has too many files.
    """
    from ..io.dicom import film_files
    from ..io.files import PICTURE_SUFFIXES, VOLUME_SUFFIXES, is_dicom, suffix

    inputs, endings = [], VOLUME_SUFFIXES if volumes else PICTURE_SUFFIXES
    for path in paths:
        beside = sorted(p for p in path.iterdir() if not p.name.startswith(".")) if path.is_dir() else []
        several = [p for p in beside if suffix(p) in endings]
        inputs += several
        if not several or any(map(is_dicom, beside)):
            inputs += [path] if volumes or not path.is_dir() else film_files(path) or [path]
    return list(dict.fromkeys(inputs))


def names_in_output(paths: Sequence[Path]) -> list[str]:
    """What to call each input: its file name, with as many parent folders as it takes to tell it from the others."""
    names = []
    absolute = [path.absolute() for path in paths]
    for path in absolute:
        depth = 1
        while depth < len(path.parts) - 1 and sum(_tail(p, depth) == _tail(path, depth) for p in absolute) > 1:
            depth += 1
        names.append("/".join(_tail(path, depth)))
    return names


def _tail(path: Path, depth: int) -> tuple[str, ...]:
    return path.parts[-depth:]


def file_stems(names: Sequence[str]) -> list[str]:
    """What to call each image's own files: its name without the ending, where that tells it from the others."""
    from ..io.files import stem

    short = [name.removesuffix(Path(name).name) + stem(name) for name in names]
    flat = [name.replace("/", "_") for name in names]
    chosen = [s.replace("/", "_") if short.count(s) == 1 else f for s, f in zip(short, flat, strict=True)]
    return [c if chosen.count(c) == 1 else f"{c}-{i + 1}" for i, c in enumerate(chosen)]


def numbered(name: str, count: int) -> list[str]:
    """A name for each of the images of one input: the input's, with a number where it holds several."""
    return [name] if count == 1 else [f"{name}-{i + 1:0{len(str(count))}d}" for i in range(count)]


def load_radiographs(
    path: Path,
    spacing_mm: tuple[float, float] | None = None,
    on_error: Callable[[FileError], None] | None = None,
) -> "list[Radiograph]":
    """The radiographs of one input, with the spacing that the user gives for a film.

    Parameters
    ----------
    on_error
        Called with the error of each bad series of a folder; by default the first one is raised.

    Raises
    ------
    FileError
        If it cannot be read, or holds volumes only.
    """
    from ..imaging import Radiograph
    from ..io import load_images

    images = load_images(path, spacing_mm=spacing_mm, on_error=on_error)
    radiographs = [image for image in images if isinstance(image, Radiograph)]
    if not radiographs:
        raise FileError(path, "is a volume, not a radiograph", "Give a 2D film")
    return radiographs


def load_volumes(path: Path, spacing_mm=None, on_error: Callable[[FileError], None] | None = None) -> "list[Volume]":
    """The volumes of one input, which tell their own spacing; errors as of `load_radiographs`."""
    from ..imaging import Volume
    from ..io import load_images

    volumes = [image for image in load_images(path, on_error=on_error) if isinstance(image, Volume)]
    if not volumes:
        raise FileError(path, "is a radiograph, not a volume", "Give a CT or MR volume, or a model of radiographs")
    return volumes


def load_one_film(path: Path, spacing_mm: tuple[float, float] | None = None, remedy: str = "Give the file of one"
                  ) -> "Radiograph":
    """The radiograph of one input that holds no other; errors as of `load_radiographs`."""
    films = load_radiographs(path, spacing_mm)
    if len(films) > 1:
        raise FileError(path, f"holds {len(films)} films", remedy)
    return films[0]


def named(error: InputError, path: Path) -> InputError:
    """The same error, naming the file where it does not yet."""
    return error if str(path) in str(error) else FileError(path, str(error))
