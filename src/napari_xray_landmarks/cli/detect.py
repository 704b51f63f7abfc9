"""`detect`: landmarks in radiographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .films import search_films
from .inputs import expand
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
from .reporting import say

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
    check_output(output, len(inputs), overlay=overlay)
    detector = load_model(model, device=device)
    detector.require("detect")
    settings = detector.settings(**parse_assignments(assignments))

    def search(radiograph: "Radiograph", image_name: str, progress) -> Found:
        landmarks = detector.detect(radiograph, settings, seed=seed or 0, progress=progress).landmarks
        return Found(image_name, landmarks, radiograph.spacing_mm)

    def write(stem: str, radiograph: "Radiograph", one: Found) -> None:
        if is_folder(output):
            write_into(output, stem, one)
            if overlay:
                draw_into(output, stem, radiograph, one)

    found, whole = search_films(inputs, search, write, spacing_mm=spacing_mm, title="Detecting", quiet=quiet)
    if found:
        write_together(output, found)
        for one in found:
            say(f"{one.image_name}: {summary(one.landmarks.confidence, one.landmarks.detected)}", quiet)
        say(f"Written: {output}", quiet)
    return 0 if whole else 1
