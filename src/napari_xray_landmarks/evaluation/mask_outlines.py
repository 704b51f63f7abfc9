"""Outlines of masks, so that outlines on one side can be compared with label images on the other."""

from collections.abc import Mapping

import numpy as np

from ..errors import FileError
from ..imaging import Radiograph
from ..landmarks import Contour


def outlines_of_labels(image, names: Mapping[int, str]) -> tuple[Contour, ...]:
    """The outline of the largest piece of each label of a mask, half-way between pixels, in px; holes do not count.

    Parameters
    ----------
    image
        A radiograph of labels.
    names
        By label; a label without one is called by its number.

    Raises
    ------
    FileError
        It is a volume.
    """
    if not isinstance(image, Radiograph):
        raise FileError(image.name, "is a volume, and outlines are of films", "Give masks of films")
    labels = image.pixels
    return tuple(Contour(_largest(labels == label), names.get(int(label), str(int(label))))
                 for label in np.unique(labels) if label)


def _largest(mask: np.ndarray) -> np.ndarray:
    """(N, 2) the closed line of the largest piece, without its first vertex again."""
    from scipy.ndimage import label
    from skimage.measure import find_contours

    pieces, _ = label(mask)
    piece = pieces == np.argmax(np.bincount(pieces.ravel())[1:]) + 1
    lines = find_contours(np.pad(piece, 1).astype(float), 0.5)
    return max(lines, key=lambda line: np.ptp(line, axis=0).prod())[:-1] - 1


def named_alike(found: Mapping[str, np.ndarray], known: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Curves that are called by numbers alone, called as those whose place and size are most like theirs.

    Others, and all where the known ones have no names either, stay as they are called.
    """
    from scipy.optimize import linear_sum_assignment

    if not found or not all(map(str.isdecimal, found)) or not known or any(map(str.isdecimal, known)):
        return dict(found)
    mine, theirs = ([np.concatenate([c.min(axis=0), c.max(axis=0)]) for c in curves.values()]
                    for curves in (found, known))
    alike = np.array([[_shared(one, other) for other in theirs] for one in mine])
    called = {i: list(known)[j] for i, j in zip(*linear_sum_assignment(-alike), strict=True) if alike[i, j] > 0}
    return {called.get(i, name): curve for i, (name, curve) in enumerate(found.items())}


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection by union of two boxes (first row and column, last row and column)."""
    common = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None).prod()
    both = (one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - common
    return float(common / both) if both > 0 else 0.0
