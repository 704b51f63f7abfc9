"""`train`: a model from one's own films."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import Device, DeviceOption, QuietOption, SeedOption, SetOption, check_device, parse_assignments
from .reporting import progress_bar, say
from .train_cts import CTLandmarksOption, CTOption, FemursOption, SampledOption, rendered_films
from .train_devices import (
    AcceleratorOption,
    DevicesOption,
    NodesOption,
    Precision,
    PrecisionOption,
    devices_of,
    learning_on,
)
from .train_shapes import FromMasksOption, SchedulerOption, WorkersOption, train_shape_model
from .train_volumes import FoldOption, FoldsOption, train_volumes

if TYPE_CHECKING:
    from ..models.header import ModelHeader


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="joint-displacement, deep-morphing, spine, view-invariant, deep-shape or shape-model.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="The .safetensors file to write.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="A folder with images/ and landmarks.csv; for shape-model one contour or surface a subject; for "
            "deep-shape volumes in images/ and their labels in masks/.",
        ),
    ] = None,
    ct: CTOption = None,
    landmarks: CTLandmarksOption = None,
    femurs: FemursOption = None,
    sampled: SampledOption = 0,
    split: Annotated[str | None, typer.Option("--split", help="Only the films of this split of images.csv.")] = None,
    anatomy: Annotated[
        str | None, typer.Option("--anatomy", help="What the films show, unless about.json says.")
    ] = None,
    folds: FoldsOption = None,
    fold: FoldOption = 1,
    from_masks: FromMasksOption = False,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="MODEL", help="Begin with the weights and settings of a model of the same "
                     "method and landmarks. For view-invariant and spine."),
    ] = None,  # fmt: skip
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    accelerator: AcceleratorOption = None,
    devices: DevicesOption = "1",
    num_nodes: NodesOption = 1,
    precision: PrecisionOption = Precision.bf16,
    assignments: SetOption = None,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Train a model on one's own films; the same command goes on with a run that was stopped.

    shape-model makes one of contours (.mrk.json, .csv), surfaces or, with --from-masks, label volumes, and reports
    compactness, generalisation and specificity beside it.
    """
    _require_one_source(data, ct, landmarks, split)
    _require_no_start(recipe, start)
    check_device(device)
    wanted = devices_of(recipe, device, accelerator, devices, num_nodes, precision)
    _make_folder_of(output)
    if recipe == "shape-model":
        if data is None:
            raise InputError("--ct", "does not go with shape-model", "Give the folder of the shapes as --data")
        if split is not None:
            raise InputError(f"--split {split}", "does not go with shape-model", "Keep the shapes to use in a folder")
        train_shape_model(data, output, parse_assignments(assignments), anatomy, seed or 0, quiet,
                          from_masks=from_masks, workers=workers, scheduler=scheduler)
        return
    if from_masks:
        raise InputError("--from-masks", f"does not go with {recipe}", "It is for shape-model")
    if recipe == "deep-shape":
        quiet = train_volumes(data, output, split=split, anatomy=anatomy, folds=folds, fold=fold, seed=seed or 0,
                              settings=parse_assignments(assignments), devices=wanted, quiet=quiet)
        say(f"Written: {output}. Use it: xray-landmarks segment VOLUME --model {output} -o OUT", quiet)
        return
    if folds is not None:
        raise InputError(f"--folds {folds}", f"does not go with {recipe}", "It is for deep-shape")
    from ..training import read_training_set
    from ..training.films import validate
    from ..training.recipes import train as run_recipe

    settings = parse_assignments(assignments)
    if ct is not None:
        source = rendered_films(ct, landmarks or (), femurs=femurs, sampled=sampled, anatomy=anatomy, seed=seed or 0)
        with learning_on(wanted, quiet) as (progress, quiet):
            header = run_recipe(recipe, source, output, settings=settings, seed=seed or 0, progress=progress,
                                start=start)
        say(f"{len(source.subjects)} subjects, {len(header.landmarks)} landmarks", quiet)
        say(f"Written: {output}. Use it: {how_to_use(header, output)}", quiet)
        return
    dataset = read_training_set(data)
    dataset = dataset if split is None else dataset.of_split(split)
    dataset = dataset if anatomy is None else replace(dataset, about={**dataset.about, "anatomy": anatomy})
    with progress_bar("Reading", quiet) as progress:
        tolerated = validate(dataset, progress=progress)
    with learning_on(wanted, quiet) as (progress, quiet):
        header = run_recipe(recipe, dataset, output, settings=settings, seed=seed or 0, start=start, progress=progress)
    for problem in tolerated[:5]:
        say(f"Note: {problem.film} {problem.line}", quiet)
    if len(tolerated) > 5:
        say(f"Note: {len(tolerated) - 5} more films have such gaps", quiet)
    say(f"{len(dataset)} films, {len(header.landmarks)} landmarks", quiet)
    say(f"Written: {output}. Use it: {how_to_use(header, output)}", quiet)


def _make_folder_of(output: Path) -> None:
    from ..models.format import require_ending

    require_ending(output)
    output.parent.mkdir(parents=True, exist_ok=True)


def how_to_use(header: "ModelHeader", model: Path) -> str:
    """The command for a new model; one that was trained with outlines is there for those."""
    return f"xray-landmarks {header.tasks[-1]} FILM --model {model} -o OUT"


def _require_no_start(recipe: str, start: str | None) -> None:
    """InputError where a start is given that this way to train does not take; `recipes.train` knows of the others."""
    if start is not None and recipe in ("shape-model", "deep-shape"):
        raise InputError("--start", f"does not go with {recipe}", "It is for view-invariant and spine")


def _require_one_source(data: Path | None, ct: Path | None, landmarks, split: str | None) -> None:
    if (data is None) == (ct is None):
        raise InputError("--data and --ct", "say what to train on: one of them is needed", "Give films or CTs")
    if ct is None and landmarks:
        raise InputError("--landmarks", "goes with --ct", "Films have theirs in landmarks.csv")
    if ct is not None and split is not None:
        raise InputError(f"--split {split}", "does not go with --ct", "Subjects are split by themselves")
