"""Generalised Procrustes analysis: shapes brought together without regard to where they lie, how they are turned, how
large they are (Gower 1975)."""

import numpy as np

from ..geometry.similarity import apply, similarity_from_points

_ROUNDS, _TOLERANCE = 50, 1e-10


def align(shapes, *, scaled: bool = True, reflect: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Shapes moved, turned and scaled onto their mean.

    Scales are those of the tangent space at the mean (Cootes et al. 1995): along the mean, all shapes are equally long,
    so that what is left of their differences is linear and their mean is the mean.

    Parameters
    ----------
    shapes : (K, N, D) array
        Corresponding points of K shapes, D = 2 or 3.
    scaled
        False keeps their sizes, so that size counts as shape.
    reflect
        Whether a shape may be mirrored.

    Returns
    -------
    mean : (N, D) array
        Centred, as large as the shapes are on average, turned as the first shape is.
    aligned : (K, N, D) array

    Raises
    ------
    ValueError
        The array has another shape, is not finite, or a shape is a single point (in space: a line).
    """
    shapes = np.asarray(shapes, float)
    if shapes.ndim != 3 or shapes.shape[2] not in (2, 3) or len(shapes) < 1:
        raise ValueError(f"shapes must be (K, N, 2) or (K, N, 3), got {shapes.shape}")
    centred = shapes - shapes.mean(1, keepdims=True)
    if not np.isfinite(centred).all() or not np.ptp(centred, axis=1).any(axis=1).all():
        raise ValueError("shapes must be finite, and more than a point each")
    size = np.mean([rms_radius(shape) for shape in centred])
    mean = first = _sized(centred[0], size)
    for _ in range(_ROUNDS):
        aligned = np.array([_onto(shape, mean, scaled, reflect) for shape in centred])
        turned = aligned.mean(0)
        before, mean = mean, _sized(_onto(turned, first, False, reflect), size) if scaled else turned
        if ((mean - before) ** 2).sum() <= _TOLERANCE**2 * (mean**2).sum():
            break
    return mean, np.array([_onto(shape, mean, scaled, reflect) for shape in centred])


def rms_radius(points) -> float:
    """Root mean square distance of points from their centroid: the size of a shape."""
    points = np.asarray(points, float)
    return float(np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean()))


def _onto(shape: np.ndarray, mean: np.ndarray, scaled: bool, reflect: bool) -> np.ndarray:
    turned = apply(similarity_from_points(shape, mean, scaled=False, reflect=reflect), shape)
    return turned * ((mean**2).sum() / (turned * mean).sum()) if scaled else turned


def _sized(shape: np.ndarray, size: float) -> np.ndarray:
    return shape * (size / rms_radius(shape))
