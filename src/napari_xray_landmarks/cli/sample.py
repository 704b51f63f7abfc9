"""`sample`: phantoms with their exact landmarks, as files."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Device, DeviceOption, FolderOption, QuietOption, SeedOption
from .reporting import progress_bar, say


def sample(
    name: Annotated[str, typer.Argument(
        metavar="NAME", help="pelvis, proximal-femur, spine, knee; films: pelvis-outline, complete-femur.")],
    output: FolderOption,
    subject: Annotated[int, typer.Option("--subject", min=0, help="Another number is another individual.")] = 0,
    implant: Annotated[
        bool | None, typer.Option("--implant/--no-implant", help="With metal, or without; a third has some by default.")
    ] = None,
    films: Annotated[
        int, typer.Option("--films", min=0, help="Write a training set of so many films, one a subject, instead.")
    ] = 0,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Write a phantom's CT or MR, labels and landmarks in space, and its radiograph with true landmarks and contours.

    Of pelvis-outline and complete-femur, whose landmarks run all round the bones, there are films and no CT.
    With --films, write films of many subjects in the layout that `train` reads.
    """
    from ..phantoms import FILMS, PHANTOMS, VOLUMES, film, phantom

    if name not in PHANTOMS:
        raise InputError(name, "is not a sample", f"Samples: {', '.join(PHANTOMS)}")
    if (films or implant) and name not in FILMS:
        raise InputError(name, "has neither films nor implants", "Leave --films and --implant out")
    if films:
        from ..training.phantom_sets import write_phantom_set

        with progress_bar("Sample", quiet) as progress:
            write_phantom_set(name, range(subject, subject + films), output, progress=progress)
        say(f"{films} films  {output}", quiet)
        return
    with progress_bar("Sample", quiet) as progress:
        progress(0.0, f"making {name} {subject}")
        radiograph = film(name, subject, implant=implant) if name in FILMS else None
        progress(0.4, "making its volume")
        volumes = phantom(name, subject, implant=implant) if name in VOLUMES else None
        progress(0.8, "writing")
        output.mkdir(parents=True, exist_ok=True)
        lines = write_volumes(output, volumes) if volumes else []
        lines += write_film(output, radiograph) if radiograph else []
    for line in lines:
        say(line, quiet)


def write_volumes(folder: Path, phantom) -> list[str]:
    """Write a phantom's CT or MR, labels and landmarks in space; gives a line for each file."""
    from ..io import save_landmarks, write_volume

    what = phantom.volume.modality
    image = folder / ("ct.nii.gz" if what == "CT" else "image.nii.gz")
    files = {what: image, "labels": folder / "labels.nii.gz", "landmarks": folder / "landmarks.mrk.json"}
    write_volume(image, phantom.volume)
    write_volume(files["labels"], phantom.labels)
    save_landmarks(files["landmarks"], phantom.landmarks, image_name=image.name)
    return _lines(files)


def write_film(folder: Path, phantom) -> list[str]:
    """Write a phantom film with its landmarks and contours; gives a line for each file."""
    from ..io import save_landmarks, write_contours, write_volume

    radiograph = phantom.radiograph
    files = {
        "radiograph": folder / "radiograph.nrrd",
        "its landmarks": folder / "radiograph.mrk.json",
        "their table": folder / "radiograph.csv",
        "its contours": folder / "radiograph_contours.mrk.json",
    }
    write_volume(files["radiograph"], radiograph)
    for key in ("its landmarks", "their table"):
        name = files["radiograph"].name
        save_landmarks(files[key], phantom.landmarks, image_name=name, spacing_mm=radiograph.spacing_mm)
    write_contours(files["its contours"], phantom.contours, spacing_mm=radiograph.spacing_mm)
    return _lines(files)


def _lines(files: dict[str, Path]) -> list[str]:
    return [f"{what:<14} {path}" for what, path in files.items()]
