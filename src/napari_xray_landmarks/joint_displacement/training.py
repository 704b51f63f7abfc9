"""Train the joint displacement model on films with landmarks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..geometry.similarity import apply, decompose, invert, similarity, similarity_from_points
from .calibration import calibrate
from .formation import Formation
from .outlines import header_values, learn
from .outlines import to_tensors as outlines_to_tensors
from .patches import PatchModel, PatchSet, patch_set, to_tensors
from .pose import grid_centres
from .sampling import LevelImage, Pyramid, sample_centres
from .settings import JointDisplacementSettings
from .threads import one_thread

POSE_RESOLUTION = 20.0  # level px per unit of the model's frame
POSE_PATCHES = 4000
TOLERANCE = 0.03  # of the shape's root mean square radius: what the confidence speaks of
_REPEATS = 2  # poses in which each film is seen at each level
_GROUP = 4  # landmarks of a subshape where the schema does not say
_SCALE_MARGIN = 1.3  # films may show the shape this much smaller or larger than any in training
_SCALE_MARGIN_MM = 1.15
# Spread of the first pose's error that each level must cope with: degrees, logarithm of the scale, level px.
_POSE_SPREAD = ((5.0, 0.06, 5.0), (2.3, 0.03, 2.5), (1.7, 0.02, 2.5))
_SEARCH_SPREAD = (5.0, 0.05, 0.0)


@dataclass(frozen=True, eq=False)
class Example:
    """One film to learn from: its pyramid, (L, 2) landmarks in pixels (NaN where unmarked), and its spacing."""

    pyramid: Pyramid
    points_px: np.ndarray
    spacing_mm: tuple[float, float] | None = None


@one_thread()
def fit(dataset, *, settings: JointDisplacementSettings, seed: int = 0, progress=None,
        run=None) -> tuple[dict[str, np.ndarray], dict]:
    """The recipe `joint-displacement`: tensors and header values from a training set.

    Parameters
    ----------
    dataset
        A `training.dataset.TrainingSet`.
    settings
        Of the method; those of the group "training" are fixed in the model.
    seed
        The same seed gives the same model.
    progress
        Called as `progress(fraction, stage)`.
    run
        A `training.runs.TrainingRun`, or None; finished levels are taken from it.
    """
    report = progress or (lambda fraction, stage: None)
    examples = []
    for i, (film, radiograph, landmarks) in enumerate(dataset):
        report(0.1 * i / len(dataset), "reading films")
        if not np.isfinite([np.min(radiograph.pixels), np.max(radiograph.pixels)]).all():
            raise InputError(film.path, "some pixels are NaN or infinite", "Replace them or leave the film out")
        examples.append(Example(Pyramid.of(radiograph.pixels), landmarks.points, radiograph.spacing_mm))
    groups = subshapes_of(dataset.landmark_names, dataset.about.get("schema", {}).get("subshapes", ()))
    model = train(examples, groups, settings, seed, lambda f, s: report(0.1 + 0.5 * f, s), run)
    outlines = learn(dataset.about, dataset.landmark_names, model.formation.mean, [e.points_px for e in examples])
    model, outlines, metrics = calibrate(model, examples, dataset.landmark_names, settings,
                                         lambda f, s: report(0.6 + 0.4 * f, s), outlines)
    if outlines is None:
        return to_tensors(model), {"metrics": metrics}
    tensors = to_tensors(model) | outlines_to_tensors(outlines)
    return tensors, {"metrics": metrics} | header_values(outlines, dataset.landmark_names)


def subshapes_of(names: Sequence[str], groups: Sequence[Sequence[str]] = (), size: int = _GROUP):
    """Landmark numbers of each subshape: the given groups, or four successive ones, the last overlapping."""
    if groups:
        index = {name: i for i, name in enumerate(names)}
        chosen = [tuple(index[n] for n in group) for group in groups]
        left = [i for i in range(len(names)) if not any(i in group for group in chosen)]
        return tuple(chosen + [tuple(left[i:i + size]) for i in range(0, len(left), size)])
    starts = [min(i, max(len(names) - size, 0)) for i in range(0, len(names), size)]
    return tuple(tuple(range(s, min(s + size, len(names)))) for s in starts)


def train(examples: Sequence[Example], subshapes, settings: JointDisplacementSettings, seed: int = 0, progress=None,
          run=None) -> PatchModel:
    """Sample training patches in every film at every level; see `PatchModel`."""
    report = progress or (lambda fraction, stage: None)
    complete = [e for e in examples if np.isfinite(e.points_px).all()]
    if len(complete) < 2:
        raise InputError("training set", f"only {len(complete)} films have every landmark", "Mark at least two")
    formation = formation_of([e.points_px for e in complete])
    poses = [image_from_model(formation, e.points_px) for e in examples]
    scales = np.array([decompose(p)[0] for p in poses])
    resolutions = _resolutions(settings, float(np.median(scales)))
    *generators, pose_generator = np.random.default_rng(seed).spawn(len(resolutions) + 1)
    levels = []
    for i, resolution in enumerate(resolutions):
        report(i / (len(resolutions) + 1), f"level {i + 1} of {len(resolutions)}")
        spread = _POSE_SPREAD[min(i, len(_POSE_SPREAD) - 1)]
        count = settings.train_patches // 2 ** (len(resolutions) - 1 - i)
        sets = _stage(run, f"level{i}", lambda r=resolution, n=count, s=spread, g=generators[i]: _level(
            examples, poses, formation, subshapes, r, n, s, settings, g))
        levels.append(sets)
    report(len(resolutions) / (len(resolutions) + 1), "pose")
    pose = _stage(run, "pose", lambda: [_pose_patches(examples, poses, formation, settings, pose_generator)])[0]
    sizes = scales / [np.hypot(*e.pyramid.shape) for e in examples]
    known = [s * np.mean(e.spacing_mm) for s, e in zip(scales, examples, strict=True) if e.spacing_mm is not None]
    in_mm = (min(known) / _SCALE_MARGIN_MM, max(known) * _SCALE_MARGIN_MM) if len(known) == len(examples) else ()
    return PatchModel(formation, tuple(subshapes), resolutions, tuple(tuple(s) for s in levels), pose, POSE_RESOLUTION,
                      (float(sizes.min() / _SCALE_MARGIN), float(sizes.max() * _SCALE_MARGIN)), in_mm,
                      tolerance=TOLERANCE)


def formation_of(shapes: Sequence[np.ndarray]) -> Formation:
    """Mean (generalised Procrustes, root mean square radius 1, upright as the films are) and covariance of shapes."""
    from sklearn.covariance import ledoit_wolf

    mean = shapes[0]
    for _ in range(10):
        aligned = np.array([apply(similarity_from_points(s, mean), s) for s in shapes])
        mean = _unit(aligned.mean(0))
    upright = _unit(np.mean([_unit(s) for s in shapes], axis=0))
    angle = decompose(similarity_from_points(mean, upright))[1]
    mean = apply(similarity(1.0, angle), mean)
    aligned = np.array([apply(similarity_from_points(s, mean), s) for s in shapes])
    covariance = ledoit_wolf(aligned.reshape(len(shapes), -1))[0]
    return Formation(mean, covariance + 1e-5 * np.eye(len(covariance)))


def image_from_model(formation: Formation, points_px: np.ndarray) -> np.ndarray:
    """The pose of the mean shape on (L, 2) landmarks; those that are NaN do not count."""
    return similarity_from_points(formation.mean, points_px)


def _unit(shape: np.ndarray) -> np.ndarray:
    centred = shape - shape.mean(0)
    return centred / np.sqrt((centred**2).sum(-1).mean())


def _resolutions(settings: JointDisplacementSettings, film_resolution: float) -> tuple[float, ...]:
    """Twice as fine from level to level, but no finer than the films are."""
    wanted = [settings.resolution * 2**i for i in range(settings.levels)]
    kept = [r for r in wanted if r < film_resolution]
    return tuple(kept if len(kept) == len(wanted) else [*kept, film_resolution])


def _stage(run, name: str, compute) -> list[PatchSet]:
    """Patch sets from an earlier attempt, or computed now and kept."""
    if run is None:
        return compute()

    def arrays() -> Mapping[str, np.ndarray]:
        return {f"{i}.{key}": np.asarray(value) for i, s in enumerate(compute()) for key, value in vars(s).items()
                if key in PatchSet.__dataclass_fields__}

    stored = run.stage(name, arrays)
    count = 1 + max(int(key.partition(".")[0]) for key in stored)
    return [PatchSet(**{key: stored[f"{i}.{key}"] for key in PatchSet.__dataclass_fields__}) for i in range(count)]


def _jittered(pose: np.ndarray, spread, resolution: float, generator: np.random.Generator) -> np.ndarray:
    """A pose that is off by as much as the one found at the level before may be."""
    angle, log_scale, shift = spread * generator.normal(size=3)
    direction = generator.uniform(0, 2 * np.pi)
    move = shift / resolution * np.array([np.cos(direction), np.sin(direction)])
    return pose @ similarity(float(np.exp(log_scale)), float(angle), move)


def _level(examples, poses, formation, subshapes, resolution, count, spread, settings, generator) -> list[PatchSet]:
    """One set of about `count` patches a subshape, from every film in `_REPEATS` poses."""
    per_film = max(2, round(count / (_REPEATS * len(examples))))
    gathered = [([], [], []) for _ in subshapes]
    margin = 2 * settings.search_range + 2 * settings.cell
    for number, (example, pose) in enumerate(zip(examples, poses, strict=True)):
        for _ in range(_REPEATS):
            seen = _jittered(pose, np.array(spread), resolution, generator)
            image = LevelImage.around(example.pyramid, seen, resolution, formation.mean, margin)
            level_from_image = invert(image.image_from_level)
            truth = apply(level_from_image, example.points_px)
            expected = apply(level_from_image @ seen, formation.mean)
            for group, (features, displacements, films) in zip(subshapes, gathered, strict=True):
                own = truth[list(group)]
                if not np.isfinite(own).all():
                    continue
                centres = sample_centres(expected[list(group)], settings.search_range, per_film, generator)
                features.append(image.features(centres, settings.cell))
                displacements.append(own[None] - centres[:, None])
                films.append(np.full(len(centres), number))
    for group, (features, _, _) in zip(subshapes, gathered, strict=True):
        if not features:
            raise InputError("training set", f"no film has all landmarks of subshape {group}", "Mark more films")
    return [patch_set(np.concatenate(f), np.concatenate(d), np.concatenate(n), settings.components)
            for f, d, n in gathered]


def _pose_patches(examples, poses, formation, settings, generator) -> PatchSet:
    """Patches from all over each film, for the search of the first pose."""
    per_film = max(4, POSE_PATCHES // (_REPEATS * len(examples)))
    features, displacements, films = [], [], []
    for number, (example, pose) in enumerate(zip(examples, poses, strict=True)):
        for _ in range(_REPEATS):
            seen = _jittered(pose, np.array(_SEARCH_SPREAD), POSE_RESOLUTION, generator)
            rows, columns = example.pyramid.shape
            corners = np.array([[0, 0], [0, columns - 1], [rows - 1, 0], [rows - 1, columns - 1]], float)
            image = LevelImage.around(example.pyramid, seen, POSE_RESOLUTION, apply(invert(seen), corners), 0.0)
            centres = grid_centres(image, 4 * per_film)
            centres = generator.permutation(centres)[:per_film]
            truth = apply(invert(image.image_from_level), example.points_px)
            if not np.isfinite(truth).all():
                continue
            features.append(image.features(centres, settings.cell))
            displacements.append(truth[None] - centres[:, None])
            films.append(np.full(len(centres), number))
    return patch_set(np.concatenate(features), np.concatenate(displacements), np.concatenate(films), 48)
