"""`detect`: landmarks in radiographs."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import Cancelled, FileError, InputError
from .inputs import expand, load_radiographs, names_in_output
from .options import (
    Device,
    DeviceOption,
    QuietOption,
    SeedOption,
    SetOption,
    SpacingOption,
    check_device,
    parse_assignments,
    parse_spacing,
)
from .reporting import complain, for_each, say

if TYPE_CHECKING:
    from ..imaging import Radiograph
    from ..landmarks import LandmarkSet

TABLE_ENDING = ".csv"
MARKUP_ENDINGS = (".mrk.json", ".fcsv")


@dataclass(frozen=True, eq=False)
class Found:
    """The landmarks of one radiograph, in pixels, and what its file is called in the output."""

    image_name: str
    radiograph: "Radiograph"
    landmarks: "LandmarkSet"


def detect(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Radiographs: DICOM, PNG, JPEG, TIFF, ...")],
    model: Annotated[str, typer.Option("--model", "-m", help="A name that `models` lists, or a .safetensors file.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A .csv, a .mrk.json or .fcsv (one image), or a folder."),
    ],
    assignments: SetOption = None,
    spacing: SpacingOption = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw each result as PNG, into the folder.")] = False,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Detect landmarks in radiographs; of several, a bad one is reported and skipped."""
    check_device(device)
    spacing_mm = parse_spacing(spacing)
    inputs = expand(images)
    check_output(output, len(inputs), overlay)
    detector, settings = _model_and_settings(model, assignments, seed)
    names = dict(zip(inputs, names_in_output(inputs), strict=True))
    in_folder = is_folder(output)

    skipped = []

    def skip(error: InputError) -> None:
        skipped.append(error)
        complain(f"{error} (skipped)")

    def work(path: Path, progress) -> list[Found]:
        radiographs = load_radiographs(path, spacing_mm, skip)
        found = detect_in_all(path, names[path], radiographs, detector, settings, progress)
        if in_folder:
            for one in found:
                write_into(output, one, overlay)
        return found

    results, failures = for_each(inputs, work, title="Detecting", quiet=quiet)
    found = [one for several in results for one in several]
    if found:
        say("\n".join(f"{one.image_name}: {summary(one.landmarks)}" for one in found), quiet)
        say(f"Written: {_write_together(output, found)}", quiet)
    return 1 if failures or skipped else 0


def _model_and_settings(name: str, assignments: Sequence[str] | None, seed: int | None):
    from ..models import load_model

    model = load_model(name)
    values = parse_assignments(assignments)
    settings = model.settings(**values)
    if seed is not None and "seed" in {f.name for f in fields(settings)}:
        settings = model.settings(**values | {"seed": seed})
    return model, settings


def detect_in_all(path: Path, name: str, radiographs: "Sequence[Radiograph]", model, settings, progress) -> list[Found]:
    """The landmarks of every radiograph of one input.

    Raises
    ------
    InputError
        If the model cannot work on one of them; it names the file.
    """
    found = []
    for i, radiograph in enumerate(radiographs):
        image_name = name if len(radiographs) == 1 else f"{name}/{radiograph.name}"

        def part(fraction: float, stage: str = "", i=i) -> None:
            progress((i + fraction) / len(radiographs), stage)

        try:
            landmarks = model.detect(radiograph, settings, progress=part).landmarks
        except Cancelled:
            raise
        except InputError as error:
            raise _named(error, path) from error
        found.append(Found(image_name, radiograph, landmarks))
    return found


def _named(error: InputError, path: Path) -> InputError:
    """The same error, naming the file where it does not yet."""
    return error if str(path) in str(error) else FileError(path, str(error))


def summary(landmarks: "LandmarkSet") -> str:
    """How many landmarks were detected, and how sure."""
    import numpy as np

    known = landmarks.confidence[np.isfinite(landmarks.confidence)]
    sure = f", median confidence {np.median(known):.2f}" if known.size else ""
    return f"{int(landmarks.detected.sum())} of {len(landmarks)} landmarks detected{sure}"


def is_folder(output: Path) -> bool:
    """Whether an output path means a folder: it is one, or has no ending of a landmark file."""
    return output.is_dir() or not output.name.lower().endswith((TABLE_ENDING, *MARKUP_ENDINGS))


def check_output(output: Path, count: int, overlay: bool = False) -> None:
    """Refuse, before any work, an output that could not be written.

    Raises
    ------
    InputError
        For an unknown ending, several images for a markup file, or overlays without a folder.
    """
    if is_folder(output):
        if output.suffix and not output.is_dir():
            raise InputError(
                output, f"{output.suffix!r} is not a landmark file", "Use .csv, .mrk.json, .fcsv or a folder"
            )
        if output.exists() and not output.is_dir():
            raise InputError(output, "is a file, not a folder", "Choose another name")
    elif count > 1 and not output.name.lower().endswith(TABLE_ENDING):
        raise InputError(output, f"holds the landmarks of one image, not of {count}", "Use a .csv or a folder")
    elif overlay:
        raise InputError(output, "--overlay needs a folder to write to", "For example -o results")
    ancestor = next(p for p in (output.absolute(), *output.absolute().parents) if p.exists() and p != output.absolute())
    if not ancestor.is_dir():
        raise InputError(output, f"{ancestor} is not a folder", "Choose another place")


def write_into(folder: Path, found: Found, overlay: bool) -> None:
    """Write one image's markups, and its picture if asked for, into a folder."""
    from ..io import save_landmarks

    stem = folder / found.image_name.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    save_landmarks(stem.with_name(f"{stem.name}.mrk.json"), found.landmarks, spacing_mm=found.radiograph.spacing_mm)
    if overlay:
        from .overlay import write_overlay

        write_overlay(stem.with_name(f"{stem.name}_landmarks.png"), found.radiograph, found.landmarks, found.image_name)


def _write_together(output: Path, found: Sequence[Found]) -> Path:
    """Write what concerns all images: the table, or the only image's markup file."""
    from ..io import save_landmarks, write_detections
    from ..io.tables import Detections

    if not is_folder(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    if output.name.lower().endswith(MARKUP_ENDINGS) and not output.is_dir():
        if len(found) > 1:
            raise InputError(output, f"holds one image, but {len(found)} were found", "Use a .csv or a folder")
        save_landmarks(output, found[0].landmarks, spacing_mm=found[0].radiograph.spacing_mm)
        return output
    table = output / "landmarks.csv" if is_folder(output) else output
    write_detections(table, [Detections(one.image_name, one.landmarks, one.radiograph.spacing_mm) for one in found])
    return output
