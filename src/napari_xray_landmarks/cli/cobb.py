"""`cobb`: the curves of a spine from the corners of its vertebrae."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import FileError, InputError
from .inputs import names_in_output
from .jobs import RETRIES, Hands, RetriesOption, SchedulerOption, WorkersOption, each_of
from .options import Device, DeviceOption, QuietOption, SeedOption, parse_spacing
from .outputs import TABLE_ENDING
from .reporting import for_each, say

if TYPE_CHECKING:
    from ..landmarks import LandmarkSet
    from ..spine.cobb import Curvature


class Definition(StrEnum):
    """Between which lines an angle is measured."""

    endplates = "endplates"
    aasce = "aasce"


@dataclass(frozen=True, eq=False)
class Marked:
    """The landmarks of one film.

    Parameters
    ----------
    name
        What the table calls the film.
    path
        The file that they come from.
    landmarks
        In pixels, or in mm with a spacing of 1.
    spacing
        (row, column) size of a pixel, or None.
    shape
        Rows and columns of the film, where it was found.
    subject, day
        Whose film it is and when it was taken, where a table says so.
    """

    name: str
    path: Path
    landmarks: "LandmarkSet"
    spacing: tuple[float, float] | None
    shape: tuple[int, int] | None = None
    subject: str = ""
    day: date | None = None


def cobb(
    files: Annotated[list[Path], typer.Argument(metavar="LANDMARKS...", help="Tables of `detect`, or markups.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.csv", help="The table to write.")],
    definition: Annotated[
        Definition, typer.Option("--definition", help="endplates: the standard one. aasce: as that data set's "
                                 "angles.csv, in its order, largest first; of a model's corners the mean over how "
                                 "people place them. It needs the films.")
    ] = Definition.endplates,
    compare: Annotated[bool, typer.Option("--compare", help="The films are one patient's, the earliest first: how "
                                          "each curve changed.")] = False,
    dates: Annotated[Path | None, typer.Option("--dates", metavar="CSV", help="image,date and perhaps subject, for "
                                               "--compare; else a column date, or names.")] = None,
    images: Annotated[Path | None, typer.Option("--images", metavar="DIR", help="Where the films are; by default "
                                                "images/ beside the table.")] = None,
    corner_sd: Annotated[float | None, typer.Option("--corner-sd-px", metavar="PX", help="How exact the corners are, "
                                                    "instead of what their confidences say.")] = None,
    spacing: Annotated[str | None, typer.Option("--spacing-mm", metavar="MM,MM", help="Row and column spacing, for "
                                                "pixels that are not square.")] = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Leave out vertebrae whose corners cannot be.")] = False,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    retries: RetriesOption = RETRIES,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Measure Cobb angles: PT, MT and TL/L with their end vertebrae, for each film of a table of landmarks."""
    from ..spine.table import change_row, row, write_curves

    if output.suffix.lower() != TABLE_ENDING:
        raise InputError(output, "is no name of a table", "For example -o angles.csv")
    if compare and definition is Definition.aasce:
        raise InputError("--compare", "needs the definition by endplates", "Leave --definition aasce out")
    if corner_sd is not None and not 0 <= corner_sd < 1e6:
        raise InputError(f"--corner-sd-px {corner_sd:g}", "is no distance", "For example --corner-sd-px 3")
    given = parse_spacing(spacing)
    read, unread = for_each(files, lambda path, _: marked_in(path, given, images), title="Reading", quiet=quiet)
    films = _dated(_named_apart([film for several in read for film in several]), dates)
    jobs = {f"{i}: {film.name}": (film, definition, corner_sd, lenient) for i, film in enumerate(films)}
    found, failures = each_of(measured, jobs, Hands(workers, scheduler, retries), title="Measuring", quiet=quiet)
    if found:
        found, changes = _compared(found) if compare else (found, None)
        rows = [row(film.name, curves, day=film.day, definition=definition) for film, curves in found]
        if changes is not None:
            rows = [[*cells, *change_row(change)] for cells, change in zip(rows, changes, strict=True)]
        output.parent.mkdir(parents=True, exist_ok=True)
        write_curves(output, rows, compared=compare, notes=["; ".join(c.vertebrae.notes) for _, c in found])
        for i, (film, curves) in enumerate(found):
            say(_line(film, curves, changes[i] if changes else ()), quiet)
        say(f"Written: {output}", quiet)
    return 1 if failures or unread else 0


def measured(film: Marked, definition: Definition, corner_sd: float | None, lenient: bool
             ) -> "tuple[Marked, Curvature]":
    """The curves of one film."""
    return film, _aasce(film) if definition is Definition.aasce else _standard(film, corner_sd, lenient)


def marked_in(path: Path, spacing, folder: Path | None) -> list[Marked]:
    """The landmarks of every film in a table or a markups file."""
    from ..io import load_landmarks, read_detections

    if path.suffix.lower() == TABLE_ENDING:
        days = _days(path)
        return [Marked(name, path, one.landmarks, spacing or one.spacing_mm, _shape(path, name, folder),
                       *days.get(name, ())) for name, one in read_detections(path).items()]
    landmarks = load_landmarks(path)
    if landmarks.points.shape[1] != 2:
        raise FileError(path, "holds points in space", "Give the landmarks of a film")
    in_mm = landmarks.unit == "mm"
    return [Marked(path.name, path, replace(landmarks, unit="px"), None if in_mm else spacing)]


def _days(path: Path) -> dict[str, tuple[str, date | None]]:
    """Subject and date of each image of a table that has a column `date`."""
    import csv

    from ..io.files import read_text

    days = {}
    reader = csv.DictReader(read_text(path).splitlines())
    if "image" not in (names := [str(n).strip() for n in reader.fieldnames or ()]) or "date" not in names:
        return days
    reader.fieldnames = names
    for cells in reader:
        text = (cells.get("date") or "").strip()
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            raise FileError(path, f"line {reader.line_num}: the date is {text!r}", "Write 2024-05-31") from None
        days[cells["image"]] = (cells.get("subject") or "").strip(), day
    return days


def _shape(path: Path, name: str, folder: Path | None) -> tuple[int, int] | None:
    """Size of the film of that name; None where it is not there."""
    from PIL import Image

    from ..io import load_image
    from ..io.files import PICTURE_SUFFIXES, leads_out

    film = (folder or path.parent / "images") / name
    if leads_out(name) or not isfile(film):  # which a name too long for the system does not make raise
        return None
    if film.suffix.lower() not in PICTURE_SUFFIXES:
        return load_image(film).shape[-2:]
    try:
        with Image.open(film) as image:
            return image.height, image.width
    except (OSError, ValueError) as error:
        raise FileError(film, f"is no image ({error})", "Get the file again") from error


def _named_apart(films: list[Marked]) -> list[Marked]:
    """The films, called after their file too where several files have one of the same name."""
    names, paths = [film.name for film in films], list(dict.fromkeys(film.path for film in films))
    tails = dict(zip(paths, names_in_output(paths), strict=True))
    return [film if names.count(film.name) == 1 else
            replace(film, name=f"{tails[film.path].removesuffix(film.path.suffix)}/{film.name}") for film in films]


def _dated(films: list[Marked], dates: Path | None) -> list[Marked]:
    if dates is None:
        return films
    days = _days(dates)
    if not days:
        raise FileError(dates, "has no columns image and date", "Write image,date in its first line")
    stems = {Path(name).stem: day for name, day in days.items()}
    return [replace(f, subject=s, day=d) for f in films
            for s, d in [days.get(f.name) or stems.get(Path(f.name).stem) or ("", None)]]


def _standard(film: Marked, corner_sd: float | None, lenient: bool) -> "Curvature":
    from ..spine.cobb import measure
    from ..spine.uncertainty import with_confidences, with_corner_sd
    from ..spine.vertebrae import vertebrae_of

    vertebrae = vertebrae_of(film.landmarks, spacing_mm=film.spacing, shape=film.shape, subject=_subject(film),
                             lenient=lenient)
    sure = with_confidences(vertebrae, film.landmarks) if corner_sd is None else with_corner_sd(vertebrae, corner_sd)
    return measure(sure)


def _aasce(film: Marked) -> "Curvature":
    """The data set's three angles under its own names, whichever curves they are."""
    import numpy as np

    from ..spine.aasce import LEVELS, aasce_angles, expected_angles
    from ..spine.cobb import CURVES, Curvature, Curve
    from ..spine.vertebrae import Vertebrae, bodies_of

    if film.shape is None:
        raise InputError(_subject(film), "the film is not there, and this definition needs its height",
                         "Give its folder with --images")
    bodies, _ = bodies_of(film.landmarks, _subject(film))
    corners = np.array([bodies.get(level, np.full((4, 2), np.nan)) for level in LEVELS])
    if not np.isfinite(corners).all():
        raise InputError(_subject(film), "lacks corners of T1 to L5", "This definition needs all 68")
    found = aasce_angles(corners, film.shape[0])
    upper, lower = (LEVELS[i] for i in sorted(found.ends))
    ends = ((upper, lower), ("", ""), ("", ""))
    by_model = np.isfinite(film.landmarks.confidence).any()
    angles = expected_angles(corners, film.shape[0]) if by_model else found.angles_deg
    curves = tuple(Curve(name, float(a), *e) for name, a, e in zip(CURVES, angles, ends, strict=True))
    notes = ("a model's corners: the mean angles that people would measure",) if by_model else ()
    return Curvature(curves, Vertebrae(LEVELS, corners, notes=notes))


def _subject(film: Marked) -> str:
    return str(film.path) if film.path.name == film.name else f"{film.path}: {film.name}"


def _compared(found: Sequence) -> tuple[list, list]:
    """The films of each subject in order, and the changes of each against the subject's first."""
    from ..spine.progression import compare, date_in, in_order

    found = [(f if f.day else replace(f, day=date_in(f.name)), curves) for f, curves in found]
    ordered, changes = [], []
    for subject in dict.fromkeys(film.subject for film, _ in found):
        own = [pair for pair in found if pair[0].subject == subject]
        own = [own[i] for i in in_order([film.day for film, _ in own])]
        ordered += own
        changes += compare([curves for _, curves in own], [film.day for film, _ in own])
    return ordered, changes


def _line(film: Marked, curves: "Curvature", changes: Sequence) -> str:
    parts = [curve.describe() for curve in curves.curves]
    parts += [f"{c.curve.name} {c.trend} ({c.change_deg:+.1f}°)" for c in changes if c.trend not in ("", "first")]
    return f"{film.name}: {'; '.join(parts)}; {curves.verdict}" + \
        (f" [{'; '.join(curves.vertebrae.notes)}]" if curves.vertebrae.notes else "")
