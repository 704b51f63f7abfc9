"""A shape model morphed onto a map of where the outline is (paper 001, section 3.2)."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from ..geometry.similarity import apply, similarity_from_points
from ..shape import fitted
from ..shape.fitted import FittedShape
from ..shape.point_distribution import PointDistributionModel
from .settings import DeepMorphingSettings

FAINT = 0.1  # least confidence that moves a vertex
STILL_PX = 0.1
ISOTROPIC = 0.02  # of a vertex' weight: what its evidence says along the outline
_STEP_PX = 0.5
_SHRINK, _LEAST_PX = 0.75, 3.0  # of the reach from one round to the next


@dataclass(frozen=True, eq=False)
class OutlineModel:
    """A shape model of one view.

    Parameters
    ----------
    view
    has_shaft
    shapes
        In mm, of a left femur; the edge from the last vertex to the first is no bone.
    head
        The vertices on the head.
    """

    view: str
    has_shaft: bool
    shapes: PointDistributionModel
    head: slice

    @property
    def label(self) -> str:
        return f"{self.view or 'any view'}{'' if self.has_shaft else ', without shaft'}"


def normals(points: np.ndarray) -> np.ndarray:
    """(N, 2) unit normals of an open line at its vertices."""
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    return np.column_stack([along[:, 1], -along[:, 0]])


def observe(points: np.ndarray, confidence: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the confidence is highest along the normal of each vertex, and how high it is there.

    Parameters
    ----------
    points : (N, 2) array
        Vertices of an open line, px of the map.
    confidence : (rows, columns) array
        Sigmoid output of the network, not thresholded.
    reach
        How far to either side, px; farther places count for less.

    Returns
    -------
    (N, 2) array
        To a part of a pixel: the centroid about the maximum.
    (N,) array
    """
    offsets = np.arange(-reach, reach + 0.5 * _STEP_PX, _STEP_PX)
    way = normals(points)
    places = points[:, None] + offsets[:, None] * way[:, None]
    values = map_coordinates(confidence, places.reshape(-1, 2).T, order=1, mode="constant").reshape(len(points), -1)
    near = values * np.exp(-0.5 * (offsets / reach) ** 2)
    best = near.argmax(1)
    weights = values**2 * (np.abs(offsets - offsets[best][:, None]) <= 2.5)
    total = weights.sum(1)
    at = np.where(total > 0, (weights @ offsets) / np.maximum(total, 1e-9), 0.0)
    return points + at[:, None] * way, values[np.arange(len(points)), best]


def morph(model: OutlineModel, start: np.ndarray, confidence: np.ndarray, settings: DeepMorphingSettings,
          rounds: int | None = None) -> FittedShape:
    """Move a shape onto a map: look along the normals, hold to the shape model, until it stays.

    Parameters
    ----------
    model
    start : (3, 3) array
        The first pose, map_from_model.
    confidence : (rows, columns) array
    settings
    rounds
        At most; by default the settings'.
    """
    pose, reach = start, settings.reach
    points = apply(pose, model.shapes.mean)
    for _ in range(settings.rounds if rounds is None else rounds):
        observed, height = observe(points, confidence, reach)
        shape = _constrained(model.shapes, observed, height, normals(points), pose, settings)
        before, points = points, shape.points_px
        pose, reach = shape.image_from_model, max(_SHRINK * reach, _LEAST_PX)
        if reach == _LEAST_PX and np.abs(points - before).max() < STILL_PX:
            break
    return shape


def _constrained(model: PointDistributionModel, observed, height, way, pose, settings) -> FittedShape:
    """The shape nearest to what was observed that the model allows."""
    weights = np.where(height > FAINT, height, 0.0)
    if (weights > 0).sum() < 4:
        weights = np.full(len(observed), FAINT)
    if settings.constraint == "map":
        precision = weights[:, None, None] * (way[:, :, None] * way[:, None, :] + ISOTROPIC * np.eye(2))
        return fitted.fit(model, observed, precision, noise_px=settings.noise, start=pose)
    coefficients = np.zeros(len(model.variances))
    for _ in range(3):
        target = model.shape(coefficients)
        pose = similarity_from_points(target, observed, weights, reflect=np.linalg.det(pose[:2, :2]) < 0)
        coefficients = model.clip(model.coefficients(apply(np.linalg.inv(pose), observed)), settings.deviations)
    return FittedShape(model, pose, coefficients, observed, weights, settings.noise)
