"""Where a landmark may be expected in a film, from the films that are marked already, and the edge next to a click."""

from collections.abc import Mapping

import numpy as np

from ..geometry.similarity import apply, decompose, similarity_from_points

MOST_FILMS = 50
SMOOTHING_PX = 1.5
_SCALES = (0.5, 2.0)
_TURN_DEG = 60.0
_NEIGHBOURS = 6

Marks = Mapping[str, tuple[float, float]]


def expected_place(name: str, here: Marks, others: list[tuple[Marks, tuple[int, int] | None]],
                   shape: tuple[int, int]) -> np.ndarray | None:
    """Where a landmark may be: the median of where other films have it, each film moved onto what is marked here.

    Parameters
    ----------
    name
        The landmark.
    here
        Marks of this film, (row, column) in pixels; NaN for what is not visible.
    others
        Marks of other films, and those films' (rows, columns) where they are known.
    shape
        (rows, columns) of this film.

    Returns
    -------
    (2,) array within the film, or None where no other film has the landmark
    """
    here = _visible(here)
    guesses = [guess for marks, size in others[-MOST_FILMS:]
               if (guess := _moved(name, here, _visible(marks), size, shape)) is not None]
    if not guesses:
        return None
    return np.clip(np.median(guesses, axis=0), 0, np.array(shape) - 1.0)


def _moved(name: str, here: Mapping[str, np.ndarray], there: Mapping[str, np.ndarray], size, shape):
    if name not in there:
        return None
    shared = [n for n in here if n in there and n != name]
    if not shared:
        scale = np.array(shape) / np.array(size) if size is not None else np.ones(2)
        return there[name] * scale
    shared = sorted(shared, key=lambda n: float(np.linalg.norm(there[n] - there[name])))[:_NEIGHBOURS]
    source, target = np.array([there[n] for n in shared]), np.array([here[n] for n in shared])
    try:
        matrix = similarity_from_points(source, target)
    except ValueError:  # too few, or all in one place
        matrix = None
    if matrix is None or not _plausible(matrix):
        return there[name] + (target - source).mean(0)
    return apply(matrix, there[name][None])[0]


def _plausible(matrix: np.ndarray) -> bool:
    scale, turn = decompose(matrix)[:2]
    return _SCALES[0] < scale < _SCALES[1] and abs(turn) < _TURN_DEG


def _visible(marks: Marks) -> dict[str, np.ndarray]:
    return {name: np.array(point) for name, point in marks.items() if np.isfinite(point).all()}


def nearest_edge(pixels: np.ndarray, point, radius_px: float) -> np.ndarray:
    """The edge next to a point, to a part of a pixel; the point itself where there is none within the radius.

    Edges are Canny's in the neighbourhood: ridges of the smoothed gradient, placed between pixels by a parabola across.

    Parameters
    ----------
    pixels : (rows, columns) array
    point
        (row, column) in pixels.
    radius_px
        How far to look.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.feature import canny

    point = np.asarray(point, dtype=float)
    margin = int(np.ceil(radius_px + 4 * SMOOTHING_PX)) + 2
    low = np.maximum(np.floor(point).astype(int) - margin, 0)
    high = np.minimum(np.floor(point).astype(int) + margin + 1, pixels.shape)
    if (high - low < 5).any():
        return point
    part = np.nan_to_num(pixels[low[0]:high[0], low[1]:high[1]].astype(float))
    edges = np.argwhere(canny(part, SMOOTHING_PX, low_threshold=0.5, high_threshold=0.8, use_quantiles=True))
    slopes = np.stack([gaussian_filter(part, SMOOTHING_PX, order=order) for order in ((1, 0), (0, 1))])
    if not len(edges) or not slopes.any():
        return point
    fine = np.array([_between_pixels(slopes, edge) for edge in edges]) + low
    away = np.linalg.norm(fine - point, axis=1)
    return fine[away.argmin()] if away.min() <= radius_px else point


def _between_pixels(slopes: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """An edge pixel moved along its gradient to the peak of the gradient's length; `slopes` is (2, rows, columns)."""
    from scipy.ndimage import map_coordinates

    slope = slopes[:, *edge]
    length = np.linalg.norm(slope)
    if length == 0:
        return edge.astype(float)
    normal = slope / length
    across = (edge + np.outer((-1, 0, 1), normal)).T
    before, here, after = map_coordinates(np.hypot(*slopes), across, order=1, mode="nearest")
    bend = before - 2 * here + after
    return edge + normal * (np.clip(0.5 * (before - after) / bend, -0.5, 0.5) if bend < 0 else 0.0)
