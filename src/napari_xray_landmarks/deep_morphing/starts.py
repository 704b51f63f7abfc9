"""Where a shape model starts in a map: about a head that was found, or by coherent point drift from many rotations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from ..geometry.similarity import apply
from ..shape import conics
from .morphing import OutlineModel

BLUR_PX = 2.5  # how far a start may be off the outline and still be told from a worse one
SIZES = (0.92, 1.0, 1.09)  # of the shape's head by the head that was found
STEP_DEG = 5.0
UNSEEN = 0.1  # what a vertex outside of the film counts
DRIFT_OUTLIERS = 0.3


@dataclass(frozen=True, eq=False)
class Start:
    """A model in a first pose, map_from_model, and how well it lies on the map."""

    model: OutlineModel
    pose: np.ndarray
    score: float

    @property
    def mirrored(self) -> bool:
        return np.linalg.det(self.pose[:2, :2]) < 0


def about_head(models: Sequence[OutlineModel], confidence: np.ndarray, inside: np.ndarray, centre, radius: float
               ) -> list[Start]:
    """The best start of each model, mirrored and not, with its head on a circle; the best first.

    Parameters
    ----------
    models
    confidence : (rows, columns) array
    inside : (rows, columns) bool array
        Where the map shows film.
    centre, radius
        Of the head, px of the map.
    """
    blurred = blurred_map(confidence)
    angles = np.deg2rad(np.arange(0.0, 360.0, STEP_DEG))
    turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(2, 0, 1)
    turns = np.concatenate([turns, turns * (1.0, -1.0)])
    found = []
    for model in models:
        head = conics.fit(model.shapes.mean[model.head])
        linear = np.concatenate([turns * (size * radius / head.radius) for size in SIZES])
        shifts = np.asarray(centre) - linear @ np.asarray(head.centre)
        scores = scores_of(np.einsum("pij,nj->pni", linear, model.shapes.mean) + shifts[:, None], blurred, inside)
        for mirrored in (False, True):
            own = np.where((np.linalg.det(linear) < 0) == mirrored, scores, -1.0)
            best = int(own.argmax())
            found.append(Start(model, _pose(linear[best], shifts[best]), float(own[best])))
    return sorted(found, key=lambda start: -start.score)


def by_drift(models: Sequence[OutlineModel], confidence: np.ndarray, inside: np.ndarray, rotations: int,
             seed: int = 0) -> list[Start]:
    """Starts by similarity coherent point drift of each mean shape onto the map's pixels above one half.

    From so many rotations, each also mirrored (paper 001, section 3.1); pixels weigh by their confidence.
    """
    from ..shape import drift

    pixels = np.argwhere(confidence > 0.5)
    if len(pixels) < 20:
        return []
    target, blurred = pixels.astype(float), blurred_map(confidence)
    weights, found = confidence[tuple(pixels.T)], []
    for model in models:
        for unit in (np.diag([1.0, 1.0, 1.0]), np.diag([1.0, -1.0, 1.0])):
            moved = drift.register(apply(unit, model.shapes.mean), target, weights, starts=rotations,
                                   outliers=DRIFT_OUTLIERS, seed=seed)
            pose = moved.matrix @ unit
            score = float(scores_of(apply(pose, model.shapes.mean)[None], blurred, inside)[0])
            found.append(Start(model, pose, score))
    return sorted(found, key=lambda start: -start.score)


def blurred_map(confidence: np.ndarray) -> np.ndarray:
    """A map in which an outline is felt from farther off."""
    return gaussian_filter(confidence, BLUR_PX, mode="constant")


def scores_of(points: np.ndarray, blurred: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(P,) mean of the blurred map at the vertices of (P, N, 2) shapes; those outside of the film count `UNSEEN`."""
    places = points.reshape(-1, 2).T
    values = map_coordinates(blurred, places, order=1, mode="constant")
    seen = map_coordinates(inside.astype(np.float32), places, order=0, mode="constant") > 0.5
    peak = max(float(np.quantile(blurred, 0.995)), 1e-3)
    return np.where(seen, np.minimum(values / peak, 1.0), UNSEEN).reshape(points.shape[:2]).mean(1)


def _pose(linear: np.ndarray, shift: np.ndarray) -> np.ndarray:
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, shift
    return matrix
