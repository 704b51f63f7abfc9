"""Films turned, mirrored and spoilt in known ways: what results are judged on, and confidence is calibrated with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from ..drr.collimation import Collimation, field
from ..geometry.similarity import apply
from ..imaging import Radiograph
from ..landmarks import Contour
from ..shape import conics
from ..shape.conics import Conic
from ..shape.segmentation import BoneContour, HeadCircle
from .films import BONE, HEAD, drawn, of_map

KINDS = ("whole", "half", "covered", "none", "inverted")
RIGHT_MM, RIGHT_HEAD_MM = 2.0, 3.0  # an outline and a circle no farther off are right
_COVERED, _TILE = 0.45, 56
_SIDES = {"left": "right", "right": "left"}


@dataclass(frozen=True, eq=False)
class Trial:
    """A film and the truth about it.

    Parameters
    ----------
    kind
        One of `KINDS`.
    radiograph
    lines
        (N, 2) close points of each femur's outline inside of the field, px, by name.
    heads
        Circles by name, those of which some of the outline lies in the field.
    """

    kind: str
    radiograph: Radiograph
    lines: dict[str, np.ndarray]
    heads: dict[str, Conic]


def trial(radiograph: Radiograph, contours: Sequence[Contour], kind: str, rng: np.random.Generator, *,
          mirrored: bool | None = None) -> Trial:
    """A film at a random rotation in a round field, mirrored half of the times, whole or spoilt.

    Parameters
    ----------
    radiograph
    contours
        Of the femurs and their heads.
    kind
        "whole"; "half": moved until half of the hip is outside; "covered": a square over much of it; "none": cut into
        shuffled squares; "inverted".
    rng
    mirrored
        None leaves it to chance.
    """
    from skimage.transform import warp

    if kind not in KINDS:
        raise ValueError(f"a trial is {', '.join(KINDS)}, got {kind!r}")
    size = np.array(radiograph.shape)
    flip = -1.0 if (rng.random() < 0.5 if mirrored is None else mirrored) else 1.0
    matrix = _turn(rng.uniform(0, 2 * np.pi), flip, (size - 1) / 2)
    if kind == "half":
        way = rng.uniform(0, 2 * np.pi)
        matrix[:2, 2] += 0.38 * size.min() * np.array([np.cos(way), np.sin(way)])
    pixels = np.asarray(radiograph.pixels, np.float32)
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    grey = warp(pixels, swap @ np.linalg.inv(matrix) @ swap, order=1, preserve_range=True)
    seen = field(Collimation("circle", penumbra_mm=0.0), radiograph.shape, (1.0, 1.0)) > 0.5
    grey = _spoilt(grey, kind, rng)
    blank = pixels.max() if kind == "inverted" else pixels.min()
    made = replace(radiograph, pixels=np.where(seen, grey, blank).astype(np.float32))
    if kind == "none":
        return Trial(kind, made, {}, {})
    return Trial(kind, made, *_truth(contours, matrix, flip, radiograph.shape, seen))


def _turn(angle: float, flip: float, middle: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.eye(3)
    matrix[:2, :2] = np.array([[cos, -sin], [sin, cos]]) * (1.0, flip)
    matrix[:2, 2] = middle - matrix[:2, :2] @ middle
    return matrix


def _spoilt(grey: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    if kind == "inverted":
        return grey.max() + grey.min() - grey
    if kind == "covered":
        side = (_COVERED * np.array(grey.shape)).astype(int)
        row, column = (rng.integers(int(0.2 * n), int(0.8 * n) - s + 1) for n, s in zip(grey.shape, side, strict=True))
        grey[row : row + side[0], column : column + side[1]] = rng.uniform(grey.min(), grey.max())
    if kind == "none":
        rows, columns = (n // _TILE for n in grey.shape)
        tiles = grey[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE).swapaxes(1, 2)
        tiles = rng.permutation(tiles.reshape(-1, _TILE, _TILE)).reshape(rows, columns, _TILE, _TILE)
        grey = np.pad(tiles.swapaxes(1, 2).reshape(rows * _TILE, columns * _TILE),
                      [(0, grey.shape[0] - rows * _TILE), (0, grey.shape[1] - columns * _TILE)])
    return grey


def _truth(contours: Sequence[Contour], matrix: np.ndarray, flip: float, shape, seen: np.ndarray):
    lines: dict[str, list] = {}
    heads = {}
    for contour in contours:
        name, kind = contour.name if flip > 0 else _other_side(contour.name), of_map(contour.name)
        if kind == HEAD and len(contour.points) > 8 and len(drawn(contour.points, shape)):
            points = apply(matrix, drawn(contour.points, shape))
            if _on(points, seen).any():
                heads[name] = conics.fit(points)
        elif kind == BONE:
            points = apply(matrix, drawn(contour.points, shape))
            lines.setdefault(name, []).append(points[_on(points, seen)])
    whole = {name: np.concatenate(parts) for name, parts in lines.items()}
    return {name: points for name, points in whole.items() if len(points) > 100}, heads


def _other_side(name: str) -> str:
    start, _, side = name.rpartition("-")
    return f"{start}-{_SIDES[side]}" if side in _SIDES else name


def _on(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    cells = np.round(points).astype(int)
    on = ((cells >= 0) & (cells < seen.shape)).all(1)
    on[on] = seen[tuple(cells[on].T)]
    return on


def contour_error(found: BoneContour, truth: Trial, margin_px: float = 4.0) -> float:
    """Root mean square distance, px, of a found outline inside of the round field from the femur's of its name.

    Infinite where there is no such femur, or none of the outline lies in the field.
    """
    line = truth.lines.get(found.contour.name)
    points = drawn_points(found)
    size = np.array(truth.radiograph.shape)
    points = points[np.linalg.norm(points - (size - 1) / 2, axis=1) < size.min() / 2 - margin_px]
    if line is None or not len(points):
        return float("inf")
    return float(np.sqrt((cKDTree(line).query(points)[0] ** 2).mean()))


def drawn_points(found: BoneContour, step_px: float = 0.5) -> np.ndarray:
    """Close points on the edges of an outline that are bone."""
    points = found.points_px
    following = np.roll(points, -1, axis=0)
    parts = [a + np.linspace(0, 1, int(np.hypot(*(b - a)) / step_px) + 2)[:-1, None] * (b - a)
             for a, b, bone in zip(points, following, found.drawn, strict=True) if bone]
    return np.concatenate(parts)


def circle_error(found: HeadCircle, truth: Trial) -> float:
    """Distance, px, between the parameters (row, column, radius) of a circle and those of the nearest head's."""
    own = np.array([*found.centre_px, found.radius_px])
    return float(min((np.linalg.norm(own - [*c.centre, c.radius]) for c in truth.heads.values()), default=np.inf))
