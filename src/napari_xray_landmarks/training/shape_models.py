"""Shape models of a user's own contours or surfaces."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .. import __version__
from ..errors import FileError, InputError
from ..models import ModelHeader, save_model
from ..models.format import require_ending
from ..models.methods import METHODS, settings_from
from ..shape.point_distribution import PointDistributionModel
from ..shape.quality import Quality, quality
from ..shape.settings import ShapeModelSettings
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
    """

    header: ModelHeader
    model: PointDistributionModel
    shapes: ShapeSet
    quality: Quality | None


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
    folder, output = Path(folder), Path(output)
    require_ending(output)
    if not output.parent.is_dir():
        raise FileError(output, f"there is no folder {output.parent}", "Create it first")
    if not isinstance(settings, ShapeModelSettings):
        settings = settings_from(ShapeModelSettings, {}, settings or {}, f"recipe {RECIPE}")
    report = progress or (lambda fraction, stage="": None)
    shapes = read_shapes(folder, contour=settings.contour, points=settings.points,
                         progress=lambda f, stage="": report(0.2 * f, stage))
    report(0.2, "alignment")
    model = _model(folder, shapes, settings)
    measured = None
    if len(shapes.subjects) > 2:
        measured = quality(shapes.points, scaled=settings.scaled, samples=settings.samples,
                           rng=np.random.default_rng(seed), progress=lambda f, stage="": report(0.2 + 0.8 * f, stage))
    header = _header(folder, shapes, model, settings, anatomy, measured, seed)
    faces = {} if shapes.faces is None else {"faces": shapes.faces.astype(np.int32)}
    save_model(output, header, model.to_tensors() | faces)
    return TrainedShape(header, model, shapes, measured)


def _model(folder: Path, shapes: ShapeSet, settings: ShapeModelSettings) -> PointDistributionModel:
    criterion = None if settings.criterion == "variance" else settings.criterion
    try:
        return PointDistributionModel.fit(shapes.points, retained=settings.retained, criterion=criterion,
                                          scaled=settings.scaled, names=shapes.names)
    except ValueError as error:
        raise InputError(folder, str(error), "Check the shapes") from error


def _header(folder: Path, shapes: ShapeSet, model: PointDistributionModel, settings: ShapeModelSettings,
            anatomy: str | None, measured: Quality | None, seed: int) -> ModelHeader:
    training = {"subjects": len(shapes.subjects), "data": folder.resolve().name, "seed": seed}
    metrics = {"modes": len(model.modes), "retained_variance": float(_retained(model))}
    if measured is not None:
        kept = min(len(model.modes), len(measured.generalisation) - 1)
        metrics |= {f"mean_generalisation_{shapes.unit}": float(measured.generalisation[kept]),
                    f"mean_specificity_{shapes.unit}": float(measured.specificity[kept])}
    contour = {"name": anatomy or folder.resolve().name, "landmarks": list(shapes.names), "closed": shapes.closed}
    extra = {"tasks": ["shape"], "unit": shapes.unit, "dimension": shapes.points.shape[2]}
    return ModelHeader(method=RECIPE, anatomy=anatomy or folder.resolve().name or "unspecified",
                       landmarks=shapes.names, settings=asdict(settings), training=training, metrics=metrics,
                       citation=METHODS[RECIPE].citation, package_version=__version__,
                       extra=extra | ({"contours": [contour]} if shapes.faces is None else {}))


def _retained(model: PointDistributionModel) -> float:
    left = model.residual * max(model.mean.size - len(model.modes), 1)
    return model.variances.sum() / (model.variances.sum() + left)
