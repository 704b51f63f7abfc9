"""`detect`: landmarks in radiographs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import FileError, InputError
from .inputs import expand, file_stems, load_radiographs, named, names_in_output, numbered
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
from .outputs import Found, check_output, draw_into, is_folder, write_into, write_together
from .reporting import complain, for_each, say

if TYPE_CHECKING:
    from ..imaging import Radiograph


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
    from ..landmarks import summary
    from ..models import load_model

    check_device(device)
    spacing_mm = parse_spacing(spacing)
    inputs = expand(images)
    check_output(output, len(inputs), overlay)
    detector = load_model(model)
    settings = detector.settings(**parse_assignments(assignments))
    names = dict(zip(inputs, names_in_output(inputs), strict=True))
    stems = dict(zip(inputs, file_stems(list(names.values())), strict=True))
    skipped: list[FileError] = []

    def work(path: Path, progress) -> list[Found]:
        bad: list[FileError] = []
        radiographs = load_radiographs(path, spacing_mm, bad.append)
        for error in bad:
            complain(f"{error} (skipped)")
        skipped.extend(bad)
        found = detect_in_all(path, names[path], radiographs, detector, settings, seed or 0, progress)
        if is_folder(output):
            for one, radiograph, stem in zip(found, radiographs, numbered(stems[path], len(found)), strict=True):
                write_into(output, stem, one)
                if overlay:
                    draw_into(output, stem, radiograph, one)
        return found

    results, failures = for_each(inputs, work, title="Detecting", quiet=quiet)
    found = [one for several in results for one in several]
    if found:
        write_together(output, found)
        for one in found:
            say(f"{one.image_name}: {summary(one.landmarks.confidence, one.landmarks.detected)}", quiet)
        say(f"Written: {output}", quiet)
    return 1 if failures or skipped else 0


def detect_in_all(path: Path, name: str, radiographs: "Sequence[Radiograph]", model, settings, seed: int,
                  progress) -> list[Found]:
    """The landmarks of every radiograph of one input.

    Raises
    ------
    InputError
        If the model cannot work on one of them; it names the file.
    """
    found = []
    for i, (radiograph, image_name) in enumerate(zip(radiographs, numbered(name, len(radiographs)), strict=True)):

        def part(fraction: float, stage: str = "", i=i) -> None:
            progress((i + fraction) / len(radiographs), stage)

        try:
            landmarks = model.detect(radiograph, settings, seed=seed, progress=part).landmarks
        except InputError as error:
            raise named(error, path) from error
        found.append(Found(image_name, landmarks, radiograph.spacing_mm))
    return found
