"""Shape models of a user's own contours, surfaces or masks."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from .. import __version__
from ..errors import FileError, InputError
from ..models import ModelHeader, save_model
from ..models.format import require_ending
from ..models.methods import METHODS, settings_from
from ..shape.correspondence import Correspondences, correspond
from ..shape.point_distribution import PointDistributionModel
from ..shape.quality import Quality, quality
from ..shape.settings import MaskShapeSettings, ShapeModelSettings, StatisticsSettings
from .mask_sets import BoneMasks, bone_masks, read_mask_set
from .runs import open_run
from .shapes import ShapeSet, read_shapes

RECIPE = "shape-model"


@dataclass(frozen=True, eq=False)
class TrainedShape:
    """A shape model, what it was made of, and how good it is.

    Parameters
    ----------
    header
    model
    shapes
    quality
        None for fewer than three subjects.
    correspondences
        Of those made of masks: how each subject was registered.
    """

    header: ModelHeader
    model: PointDistributionModel
    shapes: ShapeSet
    quality: Quality | None
    correspondences: Correspondences | None = None


def train_shape_model(folder, output, *, settings: ShapeModelSettings | Mapping | None = None,
                      anatomy: str | None = None, seed: int = 0, progress: Callable | None = None) -> TrainedShape:
    """Make a shape model of the shapes in a folder and write it.

    Parameters
    ----------
    folder
        As in `shapes.read_shapes`.
    output
        The `.safetensors` file to write.
    settings
        Or a mapping of single settings (text will do).
    anatomy
        What it is the shape of; the folder's name by default.
    seed
        Of the random shapes by which specificity is measured.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

    Raises
    ------
    InputError
        If a setting will not do, or the shapes are all alike.
    FileError
        If the shapes cannot be used or the output cannot be written.
    """
    folder, output = _checked(folder, output)
    settings = _typed(ShapeModelSettings, settings)
    report = progress or (lambda fraction, stage="": None)
    shapes = read_shapes(folder, contour=settings.contour, points=settings.points,
                         progress=lambda f, stage="": report(0.2 * f, stage))
    return _written(folder, output, shapes, settings, {"anatomy": anatomy, "seed": seed},
                    lambda f, stage="": report(0.2 + 0.8 * f, stage))


def train_mask_model(folder, output, *, settings: MaskShapeSettings | Mapping | None = None, anatomy: str | None = None,
                     seed: int = 0, progress: Callable | None = None, workers: int = 1, scheduler: str | None = None,
                     run_folder=None) -> TrainedShape:
    """Make a shape model of a bone in masks, which are brought into correspondence first, and write it.

    A run that was stopped goes on: each subject's registration is kept until the model is saved.

    Parameters
    ----------
    folder, output, anatomy, seed, progress
        As of `train_shape_model`; the folder is one of `mask_sets.read_mask_set`.
    settings
        Or a mapping of single settings (text will do).
    workers
        Processes, over subjects.
    scheduler
        HOST:PORT of a Dask scheduler in their place.
    run_folder
        Where finished parts are kept; beside the output by default.

    Raises
    ------
    InputError
        If a setting will not do, there is no such structure, or fewer than two subjects can be used.
    FileError
        If the masks cannot be read or the output cannot be written.
    """
    folder, output = _checked(folder, output)
    settings, report = _typed(MaskShapeSettings, settings), progress or (lambda fraction, stage="": None)
    dataset = read_mask_set(folder)
    masks = bone_masks(dataset, settings.structure, settings.side)
    run = open_run(run_folder or output.with_suffix(".run"), recipe=RECIPE, settings=asdict(settings), seed=seed,
                   dataset=dataset)
    try:
        found = correspond(masks.sources, masks.names, settings=settings, mirrored=masks.mirrored, run=run,
                           rng=np.random.default_rng(seed), workers=workers, scheduler=scheduler,
                           progress=lambda f, stage="": report(0.9 * f, stage))
        header = {"anatomy": anatomy or dataset.about.get("anatomy") or masks.structure, "seed": seed,
                  "licence": dataset.about.get("licence", ""), "training": _told(masks, found, dataset.about),
                  "extra": {"side": masks.side}}
        trained = _written(folder, output, _shapes(masks, found), settings, header,
                           lambda f, stage="": report(0.9 + 0.1 * f, stage))
        run.remove()
    finally:
        run.remove_if_empty()
    return replace(trained, correspondences=found)


def _checked(folder, output) -> tuple[Path, Path]:
    folder, output = Path(folder), Path(output)
    require_ending(output)
    if not output.parent.is_dir():
        raise FileError(output, f"there is no folder {output.parent}", "Create it first")
    return folder, output


def _typed(cls: type, settings):
    return settings if isinstance(settings, cls) else settings_from(cls, {}, settings or {}, f"recipe {RECIPE}")


def _shapes(masks: BoneMasks, found: Correspondences) -> ShapeSet:
    names = tuple(f"vertex-{i + 1}" for i in range(found.points.shape[1]))
    return ShapeSet(found.shapes, names, found.names, "mm", False, found.faces,
                    tuple(masks.subjects[i] for i in found.kept))


def _told(masks: BoneMasks, found: Correspondences, about: Mapping) -> dict:
    """What a model's header says of its masks."""
    left_out = [subject.name for subject in found.report if not subject.used]
    told = {"structure": masks.structure, "reference": found.names[found.reference], "left_out": left_out}
    return told | ({"data": about["name"]} if "name" in about else {})


def _written(folder: Path, output: Path, shapes: ShapeSet, settings: StatisticsSettings, about: Mapping,
             report: Callable) -> TrainedShape:
    """Statistics of shapes in correspondence, and the model file."""
    report(0.0, "alignment")
    model = _model(folder, shapes, settings)
    measured, groups = None, shapes.groups or shapes.subjects
    if len(set(groups)) > 2:
        measured = quality(shapes.points, scaled=settings.scaled, samples=settings.samples, groups=groups,
                           rng=np.random.default_rng(about["seed"]), progress=report)
    header = _header(folder, shapes, model, settings, about, measured)
    faces = {} if shapes.faces is None else {"faces": shapes.faces.astype(np.int32)}
    save_model(output, header, model.to_tensors() | faces)
    return TrainedShape(header, model, shapes, measured)


def _model(folder: Path, shapes: ShapeSet, settings: StatisticsSettings) -> PointDistributionModel:
    criterion = None if settings.criterion == "variance" else settings.criterion
    try:
        return PointDistributionModel.fit(shapes.points, retained=settings.retained, criterion=criterion,
                                          scaled=settings.scaled, names=shapes.names)
    except ValueError as error:
        raise InputError(folder, str(error), "Check the shapes") from error


def _header(folder: Path, shapes: ShapeSet, model: PointDistributionModel, settings: StatisticsSettings, about: Mapping,
            measured: Quality | None) -> ModelHeader:
    training = {"subjects": len(set(shapes.groups or shapes.subjects)), "shapes": len(shapes.subjects),
                "data": folder.resolve().name, "seed": about["seed"], **about.get("training", {})}
    metrics = {"modes": len(model.modes), "retained_variance": float(_retained(model))}
    if measured is not None:
        kept = min(len(model.modes), len(measured.generalisation) - 1)
        metrics |= {f"mean_generalisation_{shapes.unit}": float(measured.generalisation[kept]),
                    f"mean_specificity_{shapes.unit}": float(measured.specificity[kept])}
    anatomy = about["anatomy"] or folder.resolve().name or "unspecified"
    contour = {"name": about["anatomy"] or folder.resolve().name, "landmarks": list(shapes.names),
               "closed": shapes.closed}
    extra = {"tasks": ["shape"], "unit": shapes.unit, "dimension": shapes.points.shape[2], **about.get("extra", {})}
    return ModelHeader(method=RECIPE, anatomy=anatomy, landmarks=shapes.names, settings=asdict(settings),
                       training=training, metrics=metrics, licence=about.get("licence", ""),
                       citation=METHODS[RECIPE].citation, package_version=__version__,
                       extra=extra | ({"contours": [contour]} if shapes.faces is None else {}))


def _retained(model: PointDistributionModel) -> float:
    left = model.residual * max(model.mean.size - len(model.modes), 1)
    return model.variances.sum() / (model.variances.sum() + left)
