"""Where the shape is, from nothing: an exhaustive search over scale and in-plane rotation (paper 000, section 3).

For each pose the whole film is resampled to a low resolution in the model's orientation. Patches on a grid over all of
it vote, through their nearest training patches, for every landmark, and so for the place of the whole shape: the votes
of all landmarks, shifted by the mean shape, are gathered in one accumulator (a generalised Hough transform), whose peak
is the pose's score and its translation.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from ..errors import InputError
from ..geometry.similarity import apply, decompose, invert, similarity, similarity_from_points
from .graph import nearest_rows
from .patches import PatchModel, PatchSet
from .sampling import LevelImage, Pyramid
from .threads import side_by_side
from .votes import density

ANGLE_STEP_DEG = 15.0
SCALE_STEP = 1.15
_PATCHES = 500
_NEIGHBOURS = 5
_BANDWIDTH = 1.5  # level px
_CANDIDATES = 6
_REFINEMENTS = 2
_MOST_RESCALED = 2.0  # by a fit to the landmarks' peaks


@dataclass(frozen=True, eq=False)
class Pose:
    """A similarity that puts the model on the film, and how well the film's patches support it."""

    image_from_model: np.ndarray
    score: float


def find_pose(pyramid: Pyramid, model: PatchModel, cell: int, rotation_deg: float,
              spacing_mm: tuple[float, float] | None = None, progress=None) -> Pose:
    """The best pose in a film, with no initial position given.

    Parameters
    ----------
    pyramid
        The film.
    model
        Its `pose` patches vote.
    cell
        Side of a patch's smallest cell in level pixels.
    rotation_deg
        How far the film may be turned from upright; 180 tries every direction.
    spacing_mm
        Of the film; narrows the search where the model knows its size in mm.
    progress
        Called as `progress(fraction, stage)`.

    Raises
    ------
    InputError
        If the film is too small to hold the shape.
    """
    scales = candidate_scales(pyramid.shape, model, spacing_mm)
    smallest = 4 * cell / model.pose_resolution * scales[0]
    if min(pyramid.shape) < smallest:
        size = " x ".join(map(str, pyramid.shape))
        raise InputError("image", f"{size} px is smaller than a patch of {smallest:.0f} px", "Use a larger film")
    steps = int(rotation_deg // ANGLE_STEP_DEG)
    angles = [ANGLE_STEP_DEG * i for i in range(-steps, steps + 1)]
    angles = [a for a in angles if a > -180.0]
    report = progress or (lambda fraction, stage: None)
    report(0.0, "finding the pose")
    tries = [_centred(pyramid, scale, angle) for scale in scales for angle in angles]
    poses = side_by_side(lambda pose: _score(pyramid, model, cell, pose), tries,
                         lambda count: report(count / (len(tries) + 1), "finding the pose"))
    best = sorted(poses, key=lambda p: -p.score)[:_CANDIDATES]
    return max(side_by_side(lambda pose: _refined(pyramid, model, cell, pose), best), key=lambda p: p.score)


def candidate_scales(shape: tuple[int, int], model: PatchModel, spacing_mm=None) -> np.ndarray:
    """Film pixels per unit of the model to try, in steps of 15 %."""
    if spacing_mm is not None and model.scales_mm:
        low, high = (s / np.mean(spacing_mm) for s in model.scales_mm)
    else:
        low, high = (s * np.hypot(*shape) for s in model.scales)
    count = max(1, int(np.ceil(np.log(high / low) / np.log(SCALE_STEP)))) + 1
    return np.geomspace(low, high, count)


def _centred(pyramid: Pyramid, scale: float, angle_deg: float) -> np.ndarray:
    """The model's origin at the film's centre."""
    return similarity(scale, angle_deg, (np.array(pyramid.shape) - 1) / 2)


def _film_in_pose(pyramid: Pyramid, image_from_model: np.ndarray, resolution: float, margin: float) -> LevelImage:
    rows, columns = pyramid.shape
    corners = np.array([[0, 0], [0, columns - 1], [rows - 1, 0], [rows - 1, columns - 1]], float)
    return LevelImage.around(pyramid, image_from_model, resolution, apply(invert(image_from_model), corners), margin)


def grid_centres(image: LevelImage, count: int) -> np.ndarray:
    """(about `count`, 2) whole level pixels on a regular grid over the part of a level image that lies on the film."""
    rows, columns = image.shape
    step = max(1.0, np.sqrt(rows * columns / count))
    grid = np.stack(np.meshgrid(np.arange(step / 2, rows, step), np.arange(step / 2, columns, step), indexing="ij"), -1)
    centres = grid.reshape(-1, 2).astype(np.int64)
    return centres[image.inside_film(centres)]


def _ballots(image: LevelImage, patches: PatchSet, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, L, 2) level pixels voted for and (V,) weights by likeness."""
    centres = grid_centres(image, _PATCHES)
    if not len(centres):
        return np.empty((0, patches.displacements.shape[1], 2)), np.empty(0)
    features = patches.describe(image.features(centres, cell))
    index, distance2 = nearest_rows(features, patches.features, min(_NEIGHBOURS, len(patches.features)))
    positions = centres[:, None, None] + patches.displacements[index]
    weights = np.exp(-distance2 / (2 * max(patches.typical_distance2, 1e-12)))
    return positions.reshape(-1, *positions.shape[2:]), weights.ravel()


def _score(pyramid: Pyramid, model: PatchModel, cell: int, image_from_model: np.ndarray) -> Pose:
    image = _film_in_pose(pyramid, image_from_model, model.pose_resolution, 0.0)
    positions, weights = _ballots(image, model.pose, cell)
    if not len(positions):
        return Pose(image_from_model, 0.0)
    centres = positions - model.formation.mean * model.pose_resolution
    at = np.round(centres).astype(int).reshape(-1, 2)
    inside = ((at >= 0) & (at < image.shape)).all(-1)
    flat = np.ravel_multi_index(tuple(at[inside].T), image.shape)
    votes = np.repeat(weights, centres.shape[1])[inside]
    accumulator = np.bincount(flat, votes, image.shape[0] * image.shape[1]).reshape(image.shape)
    accumulator = gaussian_filter(accumulator, _BANDWIDTH, mode="constant")
    best = np.unravel_index(int(accumulator.argmax()), accumulator.shape)
    found = image_from_model.copy()
    found[:2, 2] = apply(image.image_from_level, np.array(best, float))
    return Pose(found, float(accumulator[best]) / positions.shape[1])


def _refined(pyramid: Pyramid, model: PatchModel, cell: int, pose: Pose) -> Pose:
    """Fit the similarity to the landmarks' own peaks, as long as that raises the score.

    Where a film does not show the shape, peaks may fall into one spot: a fit to these is no pose.
    """
    for _ in range(_REFINEMENTS):
        image = _film_in_pose(pyramid, pose.image_from_model, model.pose_resolution, 0.0)
        positions, weights = _ballots(image, model.pose, cell)
        if not len(positions):
            return pose
        high = np.array(image.shape) - 1
        densities = [density(positions[:, i], weights, np.zeros(2, int), high, _BANDWIDTH)
                     for i in range(positions.shape[1])]
        peaks = np.array([d.peak() for d in densities])
        trust = np.array([d.mass(p) for d, p in zip(densities, peaks, strict=True)])
        if np.count_nonzero(trust) < 2:
            return pose
        in_film = apply(image.image_from_level, peaks)
        fitted = similarity_from_points(model.formation.mean, in_film, trust)
        if not 1 / _MOST_RESCALED < decompose(fitted)[0] / decompose(pose.image_from_model)[0] < _MOST_RESCALED:
            return pose
        better = _score(pyramid, model, cell, fitted)
        if better.score <= pose.score:
            return pose
        pose = better
    return pose
