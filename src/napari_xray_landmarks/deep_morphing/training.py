"""Train deep morphing on simulated fluoroscopy: the network, the shape models, and how sure results are."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .evidence import BONE_EVIDENCE, HEAD_EVIDENCE, Calibration
from .films import BONE, HEAD, of_map
from .heads import Head
from .learning import learn, stored_films
from .maps import maps_of, scales_of
from .morphing import OutlineModel
from .outlines import HEAD as HEAD_VERTICES
from .outlines import NAMES, SHORT, VIEWS, Shape, shape_of
from .segmenter import FoundBone, Segmenter, evidence_of_head
from .settings import DeepMorphingSettings
from .storage import to_tensors
from .trials import KINDS, RIGHT_HEAD_MM, RIGHT_MM, Trial, circle_error, contour_error, trial

MARKS = ("femoral-head", "greater-trochanter", "lesser-trochanter")
LEAST_SHAPES = 12
VALIDATION_SHARE = 10  # one subject of so many validates where the films do not say
MOST_TRIAL_FILMS = 48  # each tried in every way
UNSURE, UNSURE_HEAD = Calibration.constant(BONE_EVIDENCE), Calibration.constant(HEAD_EVIDENCE)


def fit(dataset, *, settings: DeepMorphingSettings, seed: int = 0, progress=None, run=None
        ) -> tuple[dict[str, np.ndarray], dict]:
    """The recipe `deep-morphing`: tensors and header values from films with outlines of femurs and their heads.

    Parameters
    ----------
    dataset
        A `training.dataset.TrainingSet` with contours "femur-left", "femoral-head-left" and so on, landmarks `MARKS`
        of one femur a film, and `geometry/` where views are to be told apart. Films of the split "validation", or of a
        tenth of the subjects, calibrate.
    settings
    seed
        The same seed gives the same model on the same processor.
    progress
        Called as `progress(fraction, stage)`.
    run
        A `training.runs.TrainingRun`, or None.

    Raises
    ------
    InputError
        There are no such outlines, or too few.
    """
    import torch

    report = progress or (lambda fraction, stage: None)
    train, validation = splits(dataset)
    _require_outlines(train)
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        network = learn(stored_films(train, lambda f, s: report(0.05 * f, s)), stored_films(validation, report),
                        settings, seed, run, lambda f, s: report(0.05 + 0.85 * f, s))
        models = shape_models(train, settings)
        halved = network.half().float()  # as it will be read again
        segmenter = Segmenter(halved, models, UNSURE, UNSURE_HEAD)
        of_bone, of_head, metrics = calibrated(segmenter, validation, settings, seed,
                                               lambda f, s: report(0.9 + 0.1 * f, s))
    finally:
        torch.set_num_threads(threads)
    tensors, extra = to_tensors(halved, models, of_bone, of_head)
    longest = max((m.shapes.names for m in models), key=len)
    return tensors, extra | {"metrics": metrics, "landmarks": list(longest)}


def splits(dataset):
    """The films that train, and those of other subjects that calibrate."""
    named = {film.split for film in dataset.films}
    if {"train", "validation"} <= named:
        return dataset.of_split("train"), dataset.of_split("validation")
    others = dataset.subjects[::VALIDATION_SHARE]
    parts = [[f.name for f in dataset.films if (f.subject in others) == own and f.split != "test"]
             for own in (False, True)]
    if not all(parts):
        raise InputError(dataset.folder, "has films of one subject only", "Give films of several")
    return dataset.subset(parts[0]), dataset.subset(parts[1])


def _require_outlines(dataset) -> None:
    some = dataset.films[:: max(len(dataset) // 20, 1)]
    shown = {of_map(c.name) for film in some for c in dataset.contours(film)}
    if missing := [name for name in (BONE, HEAD) if name not in shown]:
        raise InputError(dataset.folder, f"its films have no outlines called {missing[0]}-left or {missing[0]}-right",
                         "Make them with `simulate hips --dataset`")


def shape_models(dataset, settings: DeepMorphingSettings) -> tuple[OutlineModel, ...]:
    """A shape model of each view that enough films show, with and without the shaft.

    Raises
    ------
    InputError
        No view has enough.
    """
    shapes: dict[tuple[str, bool], list[np.ndarray]] = {}
    for shape in _shapes(dataset):
        if shape.has_shaft:
            shapes.setdefault((shape.view, True), []).append(shape.points_mm)
        upper = shape.points_mm[SHORT] if shape.has_shaft else shape.points_mm
        shapes.setdefault((shape.view, False), []).append(upper)
    models = [_model(view, has_shaft, shapes[view, has_shaft], settings) for view in (*VIEWS, "")
              for has_shaft in (True, False) if len(shapes.get((view, has_shaft), ())) >= LEAST_SHAPES]
    if not models:
        raise InputError(dataset.folder, f"no view of the femur's upper end is in {LEAST_SHAPES} films or more",
                         "Give more films that show all of it, with their landmarks")
    return tuple(models)


def _shapes(dataset) -> list[Shape]:
    found = []
    for film in dataset.films:
        marks = dataset.landmarks(film)
        if not set(MARKS) <= set(marks.names):
            continue
        radiograph = dataset.radiograph(film)
        spacing = 1.0 if radiograph.spacing_mm is None else float(np.mean(radiograph.spacing_mm))
        shape = shape_of(dataset.contours(film), np.array([marks[n] for n in MARKS]), radiograph.shape, spacing,
                         _lao_of(dataset, film))
        found += [] if shape is None else [shape]
    return found


def _lao_of(dataset, film) -> float | None:
    from ..io.geometry import load_arm

    path = dataset.folder / "geometry" / f"{film.path.stem}.json"
    return load_arm(path).lao_deg if path.is_file() else None


def _model(view: str, has_shaft: bool, shapes: list[np.ndarray], settings: DeepMorphingSettings) -> OutlineModel:
    from ..shape.point_distribution import PointDistributionModel

    names, skipped = (NAMES, 0) if has_shaft else (NAMES[SHORT], SHORT.start)
    model = PointDistributionModel.fit(np.array(shapes), retained=settings.retained, names=names)
    return OutlineModel(view, has_shaft, model, slice(HEAD_VERTICES.start - skipped, HEAD_VERTICES.stop - skipped))


def calibrated(segmenter: Segmenter, dataset, settings: DeepMorphingSettings, seed: int, report
               ) -> tuple[Calibration, Calibration, dict]:
    """How sure results are, from films whose truth is known, turned and spoilt; and how exact the whole ones are."""
    films, judged = dataset.films[:: -(-len(dataset) // MOST_TRIAL_FILMS)], []
    for i, film in enumerate(films):
        report(i / len(films), "calibrating confidence")
        rng = np.random.default_rng([127, seed, i])
        judged += [_judged(segmenter, made, settings, seed) for made in _trials(dataset, film, rng)]
    bones = [(j.kind, j.bones[0].evidence if j.bones else dict.fromkeys(BONE_EVIDENCE, 0.0), j.bone_error_mm)
             for j in judged]
    of_bone = _calibration(BONE_EVIDENCE, bones, RIGHT_MM)
    heads = [(j.kind, j.head_evidence(of_bone), j.head_error_mm) for j in judged if j.heads]
    of_head = _calibration(HEAD_EVIDENCE, heads, RIGHT_HEAD_MM)
    return of_bone, of_head, _metrics(bones, of_bone, "contour") | _metrics(heads, of_head, "circle")


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found in a film whose truth is known: the first outline and the first head, if any, and their errors."""

    kind: str
    bones: list[FoundBone]
    heads: list[Head]
    map_pixel_mm: float
    bone_error_mm: float
    head_error_mm: float

    def head_evidence(self, of_bone: Calibration) -> dict[str, float]:
        """The head's, beside an outline that is as sure as a calibration says."""
        bones = [replace(bone, probability=of_bone.probability(bone.evidence)) for bone in self.bones]
        return evidence_of_head(self.heads[0], bones, self.map_pixel_mm)


def _trials(dataset, film, rng: np.random.Generator) -> Iterator[Trial]:
    radiograph, contours = dataset.radiograph(film), dataset.contours(film)
    return (trial(radiograph, contours, kind, rng) for kind in KINDS)


def _judged(segmenter: Segmenter, made: Trial, settings: DeepMorphingSettings, seed: int) -> Judged:
    scale = scales_of(made.radiograph, settings.pixel_mm)[0]
    maps = maps_of(segmenter.network, made.radiograph, scale, settings.pixel_mm)
    heads, bones = (found[:1] for found in segmenter.search(maps, settings, seed))
    segmentation = segmenter.segmentation(maps, heads, bones, settings)
    spacing = made.radiograph.spacing_mm
    pixel = float(np.sqrt(np.prod(spacing))) if spacing else 0.5
    errors = [pixel * contour_error(bone, made) for bone in segmentation.bones] or [np.inf]
    of_heads = [pixel * circle_error(circle, made) for circle in segmentation.circles] or [np.inf]
    return Judged(made.kind, bones, heads, maps.pixel_mm, errors[0], of_heads[0])


def _calibration(names, results, limit: float) -> Calibration:
    return Calibration.fit(names, [evidence for _, evidence, _ in results], [error <= limit for _, _, error in results])


def _metrics(results, calibration: Calibration, what: str) -> dict:
    """Of the whole films of the subjects that calibrate: how many are found, and their mean error."""
    whole = [(calibration.probability(evidence), error) for kind, evidence, error in results if kind == "whole"]
    found = [error for probability, error in whole if probability >= 0.5 and np.isfinite(error)]
    exact = {f"mean_{what}_error_mm": float(np.mean(found))} if found else {}
    return {f"{what}_found": len(found) / max(len(whole), 1)} | exact
