"""Landmarks along an outline: points of it in order, and others at equal distances between them."""

from collections.abc import Sequence

import numpy as np


def resampled(line: np.ndarray, step_px: float = 0.5) -> np.ndarray:
    """(M, 2) points at equal distances of about `step_px` along an (N, 2) line."""
    along = _lengths(line)
    at = np.linspace(0, along[-1], max(int(along[-1] / step_px), 3))
    return _at(line, along, at)


def spread(line: np.ndarray, anchors: Sequence[int], between: Sequence[int], end: int | None = None) -> np.ndarray:
    """The anchors and, between each and the next, a number of points at equal distances along the line.

    Parameters
    ----------
    line : (N, 2) array
    anchors
        Indices of points of the line, in order.
    between
        How many points follow each anchor.
    end
        Index up to which those of the last anchor are spread: on a closed line that of its first point, met again.

    Raises
    ------
    ValueError
        The anchors are not in order.
    """
    ends = [*anchors[1:], anchors[-1] if end is None else end]
    if (np.diff(anchors) <= 0).any() or ends[-1] < anchors[-1]:
        raise ValueError(f"the landmarks are not in order on the outline: {list(anchors)}")
    along = _lengths(line)
    stops = [np.linspace(along[a], along[b], count + 2)[: count + 1]
             for count, a, b in zip(between, anchors, ends, strict=True)]
    return _at(line, along, np.concatenate(stops))


def started(line: np.ndarray, start: np.ndarray, way: np.ndarray) -> np.ndarray:
    """A closed line, its last point the first again, turned to begin nearest to `start` and to come to `way` early."""
    ring = line[:-1]
    ring = np.roll(ring, -nearest(ring, start), 0)
    if 2 * nearest(ring, way) > len(ring):
        ring = np.roll(ring[::-1], 1, 0)
    return np.vstack([ring, ring[:1]])


def nearest(line: np.ndarray, point: np.ndarray, after: int = 0, before: int | None = None) -> int:
    """Index of the line's point nearest to another, of those from `after` up to but not including `before`."""
    return after + int(np.argmin(np.linalg.norm(line[after:before] - point, axis=1)))


def farthest(line: np.ndarray, way: np.ndarray, after: int = 0, before: int | None = None) -> int:
    """Index of the line's point that is farthest that way, of those from `after` up to but not including `before`."""
    return after + int(np.argmax(line[after:before] @ way))


def _lengths(line: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])


def _at(line: np.ndarray, along: np.ndarray, at) -> np.ndarray:
    return np.stack([np.interp(at, along, line[:, i]) for i in (0, 1)], 1)
