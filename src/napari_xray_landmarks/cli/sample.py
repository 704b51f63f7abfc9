"""`sample`: phantoms with their exact landmarks, as files."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Device, DeviceOption, FolderOption, QuietOption, SeedOption
from .reporting import progress_bar, say


def sample(
    name: Annotated[str, typer.Argument(metavar="NAME", help="pelvis or proximal-femur.")],
    output: FolderOption,
    subject: Annotated[int, typer.Option("--subject", min=0, help="Another number is another individual.")] = 0,
    implant: Annotated[
        bool | None, typer.Option("--implant/--no-implant", help="With metal, or without; a third has some by default.")
    ] = None,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Write a phantom radiograph with its true landmarks and contours."""
    from ..phantoms import SCHEMAS, film

    if name not in SCHEMAS:
        raise InputError(name, "is not a sample", f"Samples: {', '.join(SCHEMAS)}")
    with progress_bar("Sample", quiet) as progress:
        progress(0.0, f"making {name} {subject}")
        phantom = film(name, subject, implant=implant)
    for line in write_sample(output, phantom):
        say(line, quiet)


def write_sample(folder: Path, phantom) -> list[str]:
    """Write a phantom film's files; gives a line for each."""
    from ..io import save_landmarks, write_contours, write_volume

    folder.mkdir(parents=True, exist_ok=True)
    radiograph = phantom.radiograph
    files = {
        "radiograph": folder / "radiograph.nrrd",
        "landmarks": folder / "landmarks.mrk.json",
        "landmark table": folder / "landmarks.csv",
        "contours": folder / "contours.mrk.json",
    }
    write_volume(files["radiograph"], radiograph)
    for key in ("landmarks", "landmark table"):
        name = files["radiograph"].name
        save_landmarks(files[key], phantom.landmarks, image_name=name, spacing_mm=radiograph.spacing_mm)
    write_contours(files["contours"], phantom.contours, spacing_mm=radiograph.spacing_mm)
    return [f"{what:<14} {path}" for what, path in files.items()]
