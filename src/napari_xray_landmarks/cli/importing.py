"""`import`: public data sets into the training layout."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Device, DeviceOption, FolderOption, QuietOption, SeedOption
from .reporting import progress_bar, say


def import_dataset(
    format_name: Annotated[
        str, typer.Argument(metavar="FORMAT", help="aasce, isbi-cephalogram, spine-masks, xy-json.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The data set as it was published.")],
    output: FolderOption,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Bring a public data set into the layout that `train` reads."""
    from ..training.importers import import_training_set

    with progress_bar("Importing", quiet) as progress:
        dataset = import_training_set(format_name, folder, output, progress=progress)
    marks = f"{len(dataset.landmark_names)} landmarks by {len(dataset.annotators)} annotator(s)"
    say(f"{len(dataset)} films, {len(dataset.subjects)} subjects, {marks}", quiet)
    if (corrections := output / "corrections.csv").is_file():
        count = len(corrections.read_text(encoding="utf-8").splitlines()) - 1
        say(f"Corrected: {count} mistakes of the annotators, see {corrections}", quiet)
    say(f"Written: {output}", quiet)
