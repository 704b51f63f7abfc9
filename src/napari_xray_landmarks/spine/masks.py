"""From masks of vertebrae to their corners, so that segmented films can train a landmark detector (paper 003).

Corners are found by FAST (Rosten and Drummond, ECCV 2006) in each body's mask. They are matched to the four of the
smallest quadrilateral round it. Where FAST misses one, as it does where bodies are round, the pixel of the mask nearest
to the quadrilateral's corner takes its place.
"""

from collections.abc import Mapping

import numpy as np

from ..errors import InputError, listed
from ..landmarks import VERTEBRAE
from .vertebrae import BY_COUNT, CORNERS, RING, Vertebrae

FAST_PIXELS = 10  # of the 16 on the circle that must lie outside: all corners up to about 120 degrees
NEAR = 0.3  # of the quadrilateral's shortest side: how far from its corner FAST is believed
SMALLEST_PX = 12  # pixels of a body
MARGIN_PX = 5
_LEAST_AREA = 0.15  # of the median body's: smaller pieces are specks


def vertebrae_of_labels(labels, levels: Mapping[int, str] | None = None, *, first: str | None = None,
                        spacing_mm=None, subject="labels") -> Vertebrae:
    """The corners of the vertebral bodies in a label image.

    Parameters
    ----------
    labels : (rows, columns) array
        One value a vertebra, or a mask in which they do not touch.
    levels
        Level of each value; other values do not count. None orders what is there from above.
    first
        The uppermost level, where the bodies are neither 17 (T1 to L5) nor 18 (C7 to L5).
    spacing_mm
        (row, column) of the film, where it is known.
    subject
        What an error names.

    Raises
    ------
    InputError
        If there are no bodies, or they cannot be named.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2:
        raise InputError(subject, f"is {labels.ndim}D, not the labels of one film", "Give a 2D label image")
    if levels is None:
        masks = _from_above(_pieces(labels))
        names = _names(len(masks), first, subject)
    else:
        masks, names = _named(labels, levels)
    if not masks:
        raise InputError(subject, "shows no vertebra", "Paint each vertebral body with a value of its own")
    bodies, notes = [], []
    for mask, name, down in zip(masks, names, _downwards(masks), strict=True):
        corners, found = corners_of_mask(mask, down)
        bodies.append(corners)
        if not found.all():
            missed = [corner for corner, there in zip(CORNERS, found, strict=True) if not there]
            notes.append(f"{name}: {listed(missed)} from the smallest quadrilateral")
    spacing = (1.0, 1.0) if spacing_mm is None else tuple(float(s) for s in spacing_mm)
    return Vertebrae(tuple(names), np.array(bodies), spacing, notes=tuple(notes))


def corners_of_mask(mask, down=(1.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """The four corners of one body.

    Parameters
    ----------
    mask : (rows, columns) bool array
    down
        (row, column) direction of the spine here.

    Returns
    -------
    corners : (4, 2) array
        In the order of `CORNERS`.
    found : (4,) bool array
        Whether FAST found them; the others are those nearest to the quadrilateral's.
    """
    from scipy.ndimage import find_objects
    from skimage.feature import corner_fast, corner_peaks

    mask = np.asarray(mask, dtype=bool)
    box, = find_objects(mask.astype(np.uint8))
    offset = np.array([part.start for part in box]) - MARGIN_PX
    inside = np.pad(mask[box], MARGIN_PX)
    pixels = np.argwhere(inside)
    quadrilateral = _ordered(smallest_quadrilateral(pixels), np.asarray(down, float))
    peaks = corner_peaks(corner_fast(inside.astype(float), FAST_PIXELS, 0.5), min_distance=1, exclude_border=False)
    ring = quadrilateral[list(RING)]
    reach = NEAR * np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).min()
    corners, _ = _nearest(pixels, quadrilateral)
    found = np.zeros(4, dtype=bool)
    if len(peaks):
        near, away = _nearest(peaks, quadrilateral)
        found = away <= max(reach, 2.0)
        corners[found] = near[found]
    return corners + offset, found


def _nearest(points: np.ndarray, to: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The point nearest to each of the others, and how far it is."""
    away = np.linalg.norm(points[None] - to[:, None], axis=-1)
    return points[away.argmin(1)].astype(float), away.min(1)


def smallest_quadrilateral(points: np.ndarray) -> np.ndarray:
    """(4, 2) corners, in a ring, of the quadrilateral round points that is left of their convex hull.

    The hull's edges are taken away one by one, each time the one for which the two beside it, made longer until they
    meet, add the least area.
    """
    from scipy.spatial import ConvexHull, QhullError

    points = np.asarray(points, dtype=float)
    try:
        hull = points[ConvexHull(points).vertices]
    except QhullError:
        hull = np.repeat([points.min(0), points.max(0)], 2, axis=0)
    hull = list(hull)
    while len(hull) > 4:
        costs = [_without_edge(hull, i) for i in range(len(hull))]
        i = int(np.argmin([cost for cost, _ in costs]))
        if not np.isfinite(costs[i][0]):
            break
        hull[i] = costs[i][1]
        hull.pop((i + 1) % len(hull))
    low, high = points.min(0), points.max(0)
    box = np.array([low, (low[0], high[1]), high, (high[0], low[1])])
    return np.array(hull) if len(hull) == 4 else box


def _without_edge(hull: list, i: int) -> tuple[float, np.ndarray | None]:
    """The area added, and the corner that replaces edge i, when its neighbours are made longer until they meet."""
    before, a, b, after = (hull[(i + k) % len(hull)] for k in (-1, 0, 1, 2))
    along, back = a - before, b - after
    determinant = along[0] * back[1] - along[1] * back[0]
    if abs(determinant) < 1e-9:
        return np.inf, None
    gap = after - before
    t = (gap[0] * back[1] - gap[1] * back[0]) / determinant
    s = (gap[0] * along[1] - gap[1] * along[0]) / determinant
    if t < 1 or s < 1:  # they meet on the other side
        return np.inf, None
    corner = before + t * along
    edge, far = b - a, corner - a
    return abs(edge[0] * far[1] - edge[1] * far[0]) / 2, corner


def _ordered(ring: np.ndarray, down: np.ndarray) -> np.ndarray:
    """A ring of four points in the order of `CORNERS`."""
    rows, columns = (ring - ring.mean(0)).T
    if columns @ np.roll(rows, -1) - rows @ np.roll(columns, -1) < 0:
        ring = ring[::-1]
    heights = [(ring[i] + ring[(i + 1) % 4]) @ down for i in range(4)]
    return np.roll(ring, -int(np.argmin(heights)), axis=0)[list(RING)]


def _pieces(labels: np.ndarray) -> list[np.ndarray]:
    """A mask for each body: one a value, or one a connected part where there is only one value."""
    from scipy.ndimage import label

    values = np.unique(labels[labels != 0])
    parts = [_largest_part(labels == value) for value in values]
    if len(values) == 1:
        numbered, count = label(labels != 0)
        parts = [numbered == i + 1 for i in range(count)]
    sizes = [part.sum() for part in parts]
    least = max(SMALLEST_PX, _LEAST_AREA * np.median(sizes)) if sizes else 0
    return [part for part, size in zip(parts, sizes, strict=True) if size >= least]


def _largest_part(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import label

    numbered, count = label(mask)
    return mask if count < 2 else numbered == 1 + np.argmax(np.bincount(numbered.ravel())[1:])


def _from_above(masks: list[np.ndarray]) -> list[np.ndarray]:
    return sorted(masks, key=lambda mask: np.nonzero(mask)[0].mean())


def _named(labels: np.ndarray, levels: Mapping[int, str]) -> tuple[list[np.ndarray], list[str]]:
    masks, names = [], []
    for level, value in sorted(((level, value) for value, level in levels.items() if level in VERTEBRAE),
                               key=lambda pair: VERTEBRAE.index(pair[0])):
        mask = labels == value
        if mask.sum() >= SMALLEST_PX:
            masks.append(_largest_part(mask))
            names.append(level)
    return masks, names


def _names(count: int, first: str | None, subject) -> tuple[str, ...]:
    if first is not None:
        if first not in VERTEBRAE or VERTEBRAE.index(first) + count > len(VERTEBRAE):
            raise InputError(subject, f"{count} vertebrae cannot begin with {first!r}", f"It is one of {VERTEBRAE}")
        return VERTEBRAE[VERTEBRAE.index(first):][:count]
    if 4 * count not in BY_COUNT:
        raise InputError(subject, f"shows {count} vertebrae, neither 17 (T1 to L5) nor 18 (C7 to L5)",
                         "Paint all of them, each with its own value, or say which is the first")
    return BY_COUNT[4 * count]


def _downwards(masks: list[np.ndarray]) -> np.ndarray:
    """(V, 2) direction of the spine at each body, from the centres of those beside it."""
    if len(masks) == 1:
        return np.array([[1.0, 0.0]])
    centres = np.array([np.argwhere(mask).mean(0) for mask in masks])
    return np.gradient(centres, axis=0)
