"""How each method is trained: a recipe turns a training set into a model file.

A recipe's own part is a function `fit(dataset, *, settings, seed, progress, run)` in the method's room. It gives the
tensors of the model and what its header should say beyond what is known here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import __version__
from ..errors import FileError, InputError
from ..learning.devices import agreed
from ..models import ModelHeader, save_model
from ..models.format import read_model_file, require_ending
from ..models.methods import METHODS, import_room, settings_from
from ..models.registry import find_model
from .dataset import TrainingSet
from .rendered import RenderedFilms
from .runs import open_run
from .shared_runs import opened_by_first
from .volumes import VolumeSet

if TYPE_CHECKING:
    from ..learning.starts import Start


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    Parameters
    ----------
    name
        As in `train NAME`.
    about
        What it trains, in a line.
    method
        The method that runs the model, a name of `models.methods.METHODS`.
    fit
        "room.module:function", called as `fit(dataset, *, settings, seed, progress, run)`. It gives
        (tensors, header values); the values may hold `training`, `metrics`, `settings`, `landmarks` and keys of the
        method's own.
    renders
        Whether it also takes a `rendered.RenderedFilms` as its dataset.
    volumes
        Whether it takes a `volumes.VolumeSet` in place of films.
    learns
        Whether it has networks, which `learning.devices.training_on` lets learn on several devices.
    starts
        Whether `fit` takes `start`, a `learning.starts.Start`.
    """

    name: str
    about: str
    method: str
    fit: str
    renders: bool = False
    volumes: bool = False
    learns: bool = True
    starts: bool = False


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "joint-displacement",
            "Joint estimation of patch displacements (Chen et al.), with its forest and nearest-neighbour baselines",
            "joint-displacement",
            "joint_displacement.training:fit",
            learns=False,
        ),
        Recipe(
            "deep-morphing",
            "A network for the outlines of femurs and their heads, and the shapes that are morphed onto them",
            "deep-morphing",
            "deep_morphing.training:fit",
        ),
        Recipe(
            "spine",
            "Corners of vertebrae: vertebrae first, then the corners of each; network=\"as published\" trains the "
            "network of Imran et al. with its bipartite distance",
            "bipartite-spine",
            "spine.training:fit",
            starts=True,
        ),
        Recipe(
            "view-invariant",
            "Belief maps of landmarks from any view, in stages, from films or from CTs that are rendered meanwhile; "
            "network=\"as published\" trains the pose machine of Bier et al.",
            "view-invariant",
            "view_invariant.training:fit",
            renders=True,
            starts=True,
        ),
        Recipe(
            "deep-shape",
            "Bones and cartilages in volumes: a network of slices, shapes fitted to the bones, and a network of "
            "subvolumes at their landmarks (Schock et al.)",
            "deep-shape",
            "deep_shape.training:fit",
            volumes=True,
        ),
    )
}


def train(
    name: str,
    dataset: TrainingSet | RenderedFilms | VolumeSet,
    output,
    *,
    settings=None,
    seed: int = 0,
    progress=None,
    run_folder=None,
    start=None,
) -> ModelHeader:
    """Train a model and write it.

    Parameters
    ----------
    name
        One of `RECIPES`.
    dataset
        Films and landmarks, CTs to render films of, or volumes with labels; its `about` gives anatomy, licence,
        citation and the landmarks' schema.
    output
        The `.safetensors` file to write.
    settings
        The method's settings dataclass, or a mapping of single settings (text will do); None takes the defaults.
    seed
        The same seed, data and settings give the same model.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.
    run_folder
        Where finished stages are kept until the model is saved; beside the output by default. A run that was stopped
        goes on from there.
    start
        A model of the same method and landmarks, by name or path, whose weights are where training begins; settings
        that are not given are those of that model.

    Raises
    ------
    InputError
        If there is no such recipe, it cannot render, a setting will not do, the films have no landmarks, or `start` is
        a model of another kind.
    FileError
        If a film cannot be read or the output cannot be written.
    """
    if name not in RECIPES:
        raise InputError(name, "is no recipe", f"Recipes are: {', '.join(RECIPES)}")
    recipe, output = RECIPES[name], Path(output)
    _require_trainable(recipe, dataset, output)
    begun = None if start is None else _read_start(recipe, find_model(start))
    cls = METHODS[recipe.method].settings_class()
    if settings is None or isinstance(settings, Mapping):
        settings = settings_from(cls, begun.settings if begun else {}, settings or {}, f"recipe {name}")
    run = opened_by_first(lambda: open_run(run_folder or output.with_suffix(".run"), recipe=name,
                                           settings=asdict(settings), seed=seed, dataset=dataset,
                                           start=begun.describe() if begun else None))
    module, _, function = recipe.fit.partition(":")
    fit = getattr(import_room(module), function)
    try:
        tensors, values = fit(dataset, settings=settings, seed=seed, progress=progress, run=run,
                              **({"start": begun} if begun else {}))
        values = {"settings": asdict(settings)} | dict(values)
        if begun:
            values["training"] = {**values.get("training", {}), "start": begun.describe()}
        header = replace(_header(recipe, dataset, values, seed), name=output.stem)
        agreed(lambda: save_model(output, header, tensors))
        run.remove()
    finally:
        run.remove_if_empty()
    return replace(header, name=output.stem)


def _read_start(recipe: Recipe, path: Path) -> "Start":
    """The model that a training begins with."""
    if not recipe.starts:
        able = ", ".join(r.name for r in RECIPES.values() if r.starts)
        raise InputError(f"recipe {recipe.name}", "begins with no other model", f"Those that do are: {able}")
    header, tensors = read_model_file(path)
    if header.method != recipe.method:
        raise InputError(f"model {header.name}", f"is one of {header.method}, not of {recipe.method}",
                         "Start from a model of the same method")
    from ..learning.starts import Start

    return Start(header.name, header.landmarks, header.settings, tensors)


def _require_trainable(recipe: Recipe, dataset: TrainingSet | RenderedFilms | VolumeSet, output: Path) -> None:
    require_ending(output)
    if not output.parent.is_dir():
        raise FileError(output, f"there is no folder {output.parent}", "Create it first")
    if recipe.volumes != isinstance(dataset, VolumeSet):
        able = ", ".join(r.name for r in RECIPES.values() if r.volumes != recipe.volumes)
        takes = "volumes, not films" if recipe.volumes else "films, not volumes"
        raise InputError(f"recipe {recipe.name}", f"takes {takes}", f"For these there is: {able}")
    if recipe.volumes:
        return
    if isinstance(dataset, RenderedFilms):
        if not recipe.renders:
            able = ", ".join(r.name for r in RECIPES.values() if r.renders)
            raise InputError(f"recipe {recipe.name}", "takes films, not CTs", f"Recipes that take CTs are: {able}")
        return
    marked = int(np.isfinite(dataset.points_of()).all(axis=-1).any(axis=-1).sum())
    if marked < 2:
        raise InputError(dataset.folder, f"only {marked} of {len(dataset)} films have landmarks", "Mark at least two")


def _header(recipe: Recipe, dataset: TrainingSet | RenderedFilms | VolumeSet, values: dict, seed: int) -> ModelHeader:
    """What the data set says, what is known of the training, and above both what the method says."""
    about = dataset.about
    training = {"volumes": len(dataset)} if recipe.volumes else {
        "films": len(dataset), "annotators": len(dataset.annotators)
    }
    training |= {
        "subjects": len(dataset.subjects),
        "data": about.get("name", dataset.folder.name),
        "seed": seed,
    }
    extra = {"schema": about["schema"]} if "schema" in about else {}
    known = {"landmarks": () if recipe.volumes else dataset.landmark_names}
    known |= {"anatomy": about.get("anatomy") or "unspecified", "licence": about.get("licence", "")}
    known |= {"citation": _citation(METHODS[recipe.method].citation, about.get("citation", ""),
                                     "Volumes" if recipe.volumes else "Films")}
    fields = {*known, "settings", "metrics"}
    known |= {key: value for key, value in values.items() if key in fields}
    training |= dict(values.get("training", {}))
    extra |= {key: value for key, value in values.items() if key not in fields | {"training"}}
    return ModelHeader(method=recipe.method, training=training, extra=extra, package_version=__version__, **known)


def _citation(method: str, data: str, what: str) -> str:
    """Whom to cite: the method's paper, and that of the data where they have one."""
    return f"{method}. {what}: {data}" if data else method
