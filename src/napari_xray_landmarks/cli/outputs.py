"""Where results go: a table, one image's own file, or a folder with both."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..imaging import Radiograph
    from ..landmarks import LandmarkSet

TABLE_ENDING = ".csv"
TABLE_IN_FOLDER = "landmarks.csv"
MARKUP_ENDINGS = (".mrk.json", ".fcsv")
DICOM_ENDING = ".dcm"


@dataclass(frozen=True)
class Formats:
    """Which files can hold a command's results.

    Parameters
    ----------
    what
        "landmark", ...
    single
        Endings of files of one image; a table (`.csv`) holds several.
    """

    what: str
    single: tuple[str, ...]

    @property
    def endings(self) -> tuple[str, ...]:
        return TABLE_ENDING, *self.single


LANDMARKS = Formats("landmark", (*MARKUP_ENDINGS, DICOM_ENDING))


@dataclass(frozen=True, eq=False)
class Found:
    """The landmarks of one radiograph.

    Parameters
    ----------
    image_name
        What the table calls the image.
    landmarks
        In pixels.
    spacing_mm
        (row, column), or None where it is unknown.
    doubt
        Why the film may not show what the model looks for; "" where nothing speaks for that.
    """

    image_name: str
    landmarks: "LandmarkSet"
    spacing_mm: tuple[float, float] | None
    doubt: str = ""


def is_folder(output: Path, formats: Formats = LANDMARKS) -> bool:
    """Whether an output path means a folder: it is one, or has no ending of a result's file."""
    return output.is_dir() or not output.name.lower().endswith(formats.endings)


def check_output(output: Path, count: int, formats: Formats = LANDMARKS, **besides: bool) -> None:
    """Refuse, before any work, an output that could not be written.

    Parameters
    ----------
    output
    count
        Of the inputs.
    formats
        Of the command's results.
    besides
        Which of the options that need a folder are given: `overlay=True`.

    Raises
    ------
    InputError
        For an unknown ending, several images for one's file, pictures without a folder, or no folder to write to.
    """
    if is_folder(output, formats):
        if output.suffix and not output.is_dir():
            endings = ", ".join(formats.endings)
            raise InputError(output, f"{output.suffix!r} is not a {formats.what} file", f"Use {endings} or a folder")
        if output.exists() and not output.is_dir():
            raise InputError(output, "is a file, not a folder", "Choose another name")
    elif count > 1 and not output.name.lower().endswith(TABLE_ENDING):
        raise InputError(output, f"holds the {formats.what}s of one image, not of {count}", "Use a .csv or a folder")
    elif given := [option for option, wanted in besides.items() if wanted]:
        raise InputError(output, f"--{given[0]} needs a folder to write to", "For example -o results")
    ancestor = next(p for p in output.absolute().parents if p.exists())
    if not ancestor.is_dir():
        raise InputError(output, f"{ancestor} is not a folder", "Choose another place")


def write_into(folder: Path, file_stem: str, found: Found) -> None:
    """Write one image's markups into a folder."""
    from ..io import save_landmarks

    folder.mkdir(parents=True, exist_ok=True)
    save_landmarks(folder / f"{file_stem}.mrk.json", found.landmarks, spacing_mm=found.spacing_mm)


def draw_into(folder: Path, file_stem: str, radiograph: "Radiograph", found: Found) -> None:
    """Draw one image with its landmarks into a folder."""
    from .overlay import write_overlay

    folder.mkdir(parents=True, exist_ok=True)
    write_overlay(folder / f"{file_stem}_landmarks.png", radiograph, found.landmarks, found.image_name)


def write_together(output: Path, found: Sequence[Found]) -> list[Path]:
    """Write what concerns all images: the table, or the only image's markup file; the path of the table, if any."""
    from ..io import save_landmarks, write_detections
    from ..io.tables import Detections

    (output if is_folder(output) else output.parent).mkdir(parents=True, exist_ok=True)
    if output.name.lower().endswith(LANDMARKS.single) and not output.is_dir():
        refuse_several(output, len(found), LANDMARKS)
        if output.name.lower().endswith(MARKUP_ENDINGS):
            save_landmarks(output, found[0].landmarks, spacing_mm=found[0].spacing_mm)
        return []
    table = output / TABLE_IN_FOLDER if is_folder(output) else output
    write_detections(table, [Detections(one.image_name, one.landmarks, one.spacing_mm) for one in found])
    return [table]


def refuse_several(output: Path, count: int, formats: Formats) -> None:
    """InputError where one input held several images and the output is one image's file."""
    if count > 1 and output.name.lower().endswith(formats.single) and not output.is_dir():
        raise InputError(output, f"holds one image, but {count} were found", "Use a .csv or a folder")
