"""`train shape-model`: of contours, surfaces, or masks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .reporting import progress_bar, say

if TYPE_CHECKING:
    from ..training.shape_models import TrainedShape

FromMasksOption = Annotated[
    bool,
    typer.Option("--from-masks", help="shape-model: --data holds label volumes; they are brought into correspondence."),
]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, metavar="N", help="With --from-masks: processes, over subjects.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="HOST:PORT", help="With --from-masks: a Dask scheduler in their place."),
]


def train_shape_model(
    data: Path, output: Path, settings: dict[str, str], anatomy: str | None, seed: int, quiet: bool, *,
    from_masks: bool = False, workers: int = 1, scheduler: str | None = None,
) -> None:  # fmt: skip
    """Train, write the report beside the model, and say what was found."""
    from ..evaluation.shape_report import write_shape_report
    from ..training import shape_models

    if not from_masks and (workers != 1 or scheduler):
        raise InputError("--workers and --scheduler", "go with --from-masks", "Leave them out")
    with progress_bar("Training", quiet) as progress:
        common = {"settings": settings, "anatomy": anatomy, "seed": seed, "progress": progress}
        if from_masks:
            trained = shape_models.train_mask_model(data, output, **common, workers=workers, scheduler=scheduler)
        else:
            trained = shape_models.train_shape_model(data, output, **common)
        folder = write_shape_report(trained, output.with_name(f"{output.stem}-report"))
    _tell(trained, quiet)
    say(f"Written: {output} and {folder}", quiet)


def _tell(trained: "TrainedShape", quiet: bool) -> None:
    model = trained.model
    if (found := trained.correspondences) is not None:
        apart = sorted(subject.registered_median_mm for subject in found.report if subject.used)[len(found.names) // 2]
        say(f"{len(found.names)} of {len(found.report)} bones registered to {found.names[found.reference]}, surfaces "
            f"{apart:.2f} mm apart in the median", quiet)
        for subject in found.report:
            if not subject.used:
                say(f"Note: {subject.name} is left out: {subject.notes[-1].removeprefix('left out: ')}", quiet)
    say(f"{trained.header.training['subjects']} subjects, {len(model.mean)} points, {len(model.modes)} modes hold "
        f"{100 * trained.header.metrics['retained_variance']:.1f} % of the variance", quiet)
    if trained.quality is None:
        say("Note: generalisation and specificity need at least three subjects", quiet)
