"""The AASCE data set: its files, and its own algorithm for the angles in `angles.csv`.

The angles of that data set are not taken from endplates but from midlines, from the middle of a body's left side to
that of its right side, between any two bodies, and they come in an order of their own:

1. the largest angle between any two midlines, whichever region it lies in;
2. the angle above it: of a curve in one direction (C) that between the upper of the two and the first body, otherwise
   (S) the largest between the upper of the two and any body above it;
3. the angle below it: of a C that between the lower of the two and the last body, of an S the largest between the
   lower of the two and any body below it. Where the largest curve lies low in the film, so that the rows of its two
   ends add up to the film's height or more, it is instead the largest angle between the upper end of the second angle
   and any body above that.

A spine is a C where all middles of endplates lie on the same side of the line from the first to the last. The data set
calls the three PT, MT and TL/L. The rules were found by trying until they gave `angles.csv` from `landmarks.csv`; the
row of an end in the third rule is that of its lower endplate's middle. From whole pixels, which is what was marked,
they give every angle of the 481 films to the last digit printed.
"""

from dataclasses import dataclass

import numpy as np

from ..landmarks import VERTEBRAE
from .uncertainty import HAND_SD, drawn, with_corner_sd
from .vertebrae import CORNERS, LEAST_STEP, Vertebrae, crossed, misplaced, signed_area

LEVELS = VERTEBRAE[1:]
BODIES = len(LEVELS)
STRAIGHT = 1e-4
DRAWS = 200


@dataclass(frozen=True)
class AasceAngles:
    """The three angles of a film as the data set gives them.

    Parameters
    ----------
    angles_deg
        Largest, above, below: the columns of `angles.csv`.
    ends
        Positions (0 for the first body) of the two bodies of the largest angle.
    kind
        "C", "S" or "S, low".
    """

    angles_deg: tuple[float, float, float]
    ends: tuple[int, int]
    kind: str


def aasce_angles(corners_px, rows: int) -> AasceAngles:
    """The angles of the data set from its landmarks.

    Parameters
    ----------
    corners_px : (17, 4, 2) array
        (row, column) in the data set's order, also where its annotators made mistakes.
    rows
        Height of the film.
    """
    corners = np.asarray(corners_px, dtype=float)
    if corners.shape != (BODIES, 4, 2) or not np.isfinite(corners).all():
        raise ValueError(f"the data set's angles need (17, 4, 2) corners without gaps, got shape {corners.shape}")
    angles = _midline_angles_deg(corners)
    upper = int(np.argmax(angles.max(1)))
    lower = int(np.argmax(angles[upper]))
    middles = corners.reshape(BODIES, 2, 2, 2).mean(2)  # of the endplates
    if not _is_s(middles.reshape(-1, 2)):
        return AasceAngles((angles[upper, lower], angles[0, upper], angles[-1, lower]), (upper, lower), "C")
    above = int(np.argmax(angles[upper, :upper + 1]))
    if middles[upper, 1, 0] + middles[lower, 1, 0] < rows:
        third, kind = angles[lower, lower:].max(), "S"
    else:
        third, kind = angles[above, :above + 1].max(), "S, low"
    return AasceAngles((angles[upper, lower], angles[upper, above], third), (upper, lower), kind)


def expected_angles(corners_px, rows: int) -> np.ndarray:
    """(3,) mean angles in degrees that the data set would give if a person marked these corners.

    The data set's corners are a person's, so the largest of its angles are larger than between exact corners, and its
    rules jump where an end moves by one body. This is the mean over corners drawn about those given, as exactly as
    people place them (`uncertainty.HAND_SD`); always the same draws.

    Parameters
    ----------
    corners_px : (17, 4, 2) array
        As a model finds them.
    rows
        Height of the film.
    """
    spine = Vertebrae(LEVELS, corners_px)
    marked = drawn(with_corner_sd(spine, HAND_SD * spine.width), DRAWS, np.random.default_rng(0))
    return np.mean([aasce_angles(corners, rows).angles_deg for corners in marked], axis=0)


def _midline_angles_deg(corners: np.ndarray) -> np.ndarray:
    """(V, V) angles between the midlines of any two bodies, 0 to 180."""
    midlines = corners[:, [1, 3]].mean(1) - corners[:, [0, 2]].mean(1)
    unit = midlines / np.linalg.norm(midlines, axis=1, keepdims=True)
    return np.rad2deg(np.arccos(np.clip(unit @ unit.T, -1.0, 1.0)))


def _is_s(middles: np.ndarray) -> bool:
    """Whether the middles lie on both sides of the line from the first to the last."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rows, columns = ((middles[:-2] - middles[-1]) / (middles[0] - middles[-1])).T
        beside = rows - columns
        products = np.outer(beside, beside)
        return not abs(products.sum() - np.abs(products).sum()) < STRAIGHT  # NaN, where the line is upright, is an S


def corners_from_fractions(values, shape: tuple[int, int]) -> np.ndarray:
    """(17, 4, 2) corners in whole pixels from a row of `landmarks.csv`, 68 x and then 68 y as parts of the film."""
    columns, rows = np.asarray(values, dtype=float).reshape(2, BODIES, 4)
    return np.round(np.stack([rows * shape[0], columns * shape[1]], axis=-1))


def corrected(corners_px, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The data set's corners without the mistakes of its annotators, and what was wrong.

    In a score of films the last body is the one above the first; some bodies stand on their heads, are crossed, lie on
    another one, or have a corner outside the film. The first two are put right, the others become NaN.

    Parameters
    ----------
    corners_px : (17, 4, 2) array
    shape
        Rows and columns of the film.
    """
    corners, notes = np.array(corners_px, dtype=float), []
    outside = ((corners < -0.5) | (corners > np.array(shape) - 0.5)).any(-1)
    for body in range(BODIES):
        if _on_its_head(corners, body):
            corners[body] = corners[body][[2, 3, 0, 1]]
            notes.append(f"{LEVELS[body]}: top and bottom corners were swapped")
    if _below(corners[-1], corners[0]):
        corners, outside = np.roll(corners, 1, axis=0), np.roll(outside, 1, axis=0)
        notes.append("the last vertebra lay above the first: all moved down by one")
    for body, corner in np.argwhere(outside):
        row, column = corners[body, corner]
        notes.append(f"{LEVELS[body]}-{CORNERS[corner]} left out: outside the film at row {row:g}, column {column:g}")
        corners[body, corner] = np.nan
    for fault_of in (crossed, misplaced):
        bodies = {level: body for level, body in zip(LEVELS, corners, strict=True) if np.isfinite(body).all()}
        for level, fault in fault_of(bodies).items():
            corners[LEVELS.index(level)] = np.nan
            notes.append(f"{level} left out: {fault}")
    return corners, tuple(notes)


def _on_its_head(corners: np.ndarray, body: int) -> bool:
    """Whether a body's ring runs the wrong way round while its left and right are those of the others."""
    across = corners[:, [1, 3]].mean(1) - corners[:, [0, 2]].mean(1)
    return signed_area(corners[body]) < 0 and across[body] @ np.median(across, axis=0) > 0


def _below(upper: np.ndarray, lower: np.ndarray) -> bool:
    """Whether one body lies wholly below another."""
    return lower[:2, 0].max() > upper[:2, 0].max() and lower[2:, 0].min() > upper[2:, 0].min() \
        and lower.mean(0)[0] - upper.mean(0)[0] > LEAST_STEP * (lower[2:, 0] - lower[:2, 0]).mean()
