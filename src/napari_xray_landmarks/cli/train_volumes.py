"""`train deep-shape`: a model from one's own volumes and labels, in folds by subject where asked for."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .reporting import say
from .train_devices import learning_on

if TYPE_CHECKING:
    from ..learning.devices import Devices
    from ..training.volumes import VolumeSet

FoldsOption = Annotated[
    int | None,
    typer.Option("--folds", metavar="K", min=2, help="Leave out one of K parts of the subjects, and measure on it; the "
                 "paper has ten. For deep-shape."),
]  # fmt: skip
FoldOption = Annotated[int, typer.Option("--fold", metavar="I", min=1, help="Which part is left out, from 1 to K.")]


def train_volumes(data: Path | None, output: Path, *, split: str | None, anatomy: str | None, folds: int | None,
                  fold: int, seed: int, settings: dict, devices: "Devices | None", quiet: bool) -> bool:
    """Train `deep-shape` and say on what, and how well it did on the subjects that were left out.

    Gives whether this process is to be quiet, as all but the first of several.

    Raises
    ------
    InputError
        There is no such fold, or the data will not do.
    """
    from ..training.recipes import train
    from ..training.volumes import read_volume_set

    if data is None:
        raise InputError("--ct", "does not go with deep-shape", "Give the folder of volumes and labels as --data")
    dataset = read_volume_set(data)
    dataset = dataset if split is None else dataset.of_split(split)
    dataset = dataset if anatomy is None else replace(dataset, about={**dataset.about, "anatomy": anatomy})
    dataset = dataset if folds is None else without_fold(dataset, folds, fold, seed)
    with learning_on(devices, quiet) as (progress, quiet):
        header = train("deep-shape", dataset, output, settings=settings, seed=seed, progress=progress)
    training = header.training
    say(f"{training['volumes']} volumes of {training['subjects']} subjects", quiet)
    if training["without_shape"]:
        say(f"Note: no shape model of {', '.join(training['without_shape'])}: too few or too unlike", quiet)
    for name, value in header.metrics.items():
        say(f"{name.replace('_', ' ')} {value:.3f}", quiet)
    return quiet


def without_fold(dataset: "VolumeSet", folds: int, fold: int, seed: int) -> "VolumeSet":
    """The set with the subjects of one fold as those to measure on; scans of "test" stay out of it.

    Raises
    ------
    InputError
        There are fewer subjects than folds, or no such fold.
    """
    from ..training.dataset import split_by_subject

    if fold > folds:
        raise InputError(f"--fold {fold}", f"is none of {folds}", f"Give 1 to {folds}")
    used = dataset.subset([scan.name for scan in dataset.scans if scan.split != "test"])
    held = {scan.name for scan in split_by_subject(used, folds, seed)[fold - 1][1].scans}
    return replace(used, scans=tuple(replace(scan, split="validation" if scan.name in held else "train")
                                     for scan in used.scans))
