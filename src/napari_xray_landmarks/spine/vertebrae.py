"""Vertebral bodies as a film shows them: four corners each, top-left, top-right, bottom-left, bottom-right.

Left and right are those of the film, as in the AASCE data. Landmarks come by name (`T1-top-left`, also `T1_TL` or
`Th1 upper left`), or as 68 or 72 points in order, from T1 or from C7 down to L5.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError, listed
from ..landmarks import VERTEBRAE, LandmarkSet

CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")
RING = (0, 1, 3, 2)  # the corners as they follow each other round a body, clockwise on the film
BY_COUNT = {4 * len(levels): levels for levels in (VERTEBRAE[1:], VERTEBRAE)}
_NAME = re.compile(r"(?i)^\s*(C7|TH?\d{1,2}|L\d)[\W_]*(top|upper|superior|bottom|lower|inferior|[tub])"
                   r"[\W_]*(left|right|[lr])\s*$")
_TOP, _LEFT = ("t", "u", "s"), "l"
LEAST_STEP = 0.35  # of a body's height, from its centre to the next one's; the AASCE films have 1.0 and more


@dataclass(frozen=True, eq=False)
class Vertebrae:
    """The vertebral bodies in one film, from above downwards.

    Parameters
    ----------
    levels
        Their names, of `VERTEBRAE`.
    corners_px : (V, 4, 2) array
        (row, column), in the order of `CORNERS`.
    spacing
        (row, column) size of a pixel in any unit: angles need its proportions.
    covariance_px : (V, 4, 2, 2) array, optional
        Of each corner's place, as far as it does not go with those of other corners.
    notes
        What was left out or put right.
    """

    levels: tuple[str, ...]
    corners_px: np.ndarray
    spacing: tuple[float, float] = (1.0, 1.0)
    covariance_px: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        corners = np.array(self.corners_px, dtype=float)
        if corners.shape != (len(self.levels), 4, 2) or not np.isfinite(corners).all():
            raise ValueError(f"corners_px must be ({len(self.levels)}, 4, 2) and finite, got shape {corners.shape}")
        unknown = [level for level in self.levels if level not in VERTEBRAE]
        if unknown or (np.diff([VERTEBRAE.index(level) for level in self.levels]) <= 0).any():
            raise ValueError(f"levels must be of C7 to L5 from above downwards, got {self.levels}")
        if len(self.spacing) != 2 or not all(0 < s < np.inf for s in self.spacing):
            raise ValueError(f"spacing must be two positive numbers, got {self.spacing}")
        if self.covariance_px is not None and np.shape(self.covariance_px) != (*corners.shape, 2):
            raise ValueError(f"covariance_px must be {(*corners.shape, 2)}, got {np.shape(self.covariance_px)}")
        corners.flags.writeable = False
        object.__setattr__(self, "corners_px", corners)

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def corners(self) -> np.ndarray:
        """(V, 4, 2) corners in the unit of `spacing`, in which angles are true."""
        return self.corners_px * np.asarray(self.spacing)

    @property
    def numbers(self) -> np.ndarray:
        """(V,) index of each level in `VERTEBRAE`: C7 is 0, L5 is 17."""
        return np.array([VERTEBRAE.index(level) for level in self.levels])

    @property
    def missing(self) -> tuple[str, ...]:
        """Levels between the first and the last one that are not there."""
        first, last = self.numbers[[0, -1]]
        return tuple(level for level in VERTEBRAE[first:last + 1] if level not in self.levels)

    @property
    def width(self) -> float:
        """Mean length of an endplate, in the unit of `spacing`."""
        return float(np.linalg.norm(self.corners[:, [1, 3]] - self.corners[:, [0, 2]], axis=-1).mean())

    def describe(self) -> str:
        """Which vertebrae there are, such as "T1 to L5 without T7"."""
        text = self.levels[0] if len(self) == 1 else f"{self.levels[0]} to {self.levels[-1]}"
        return text + (f" without {listed(self.missing)}" if self.missing else "")


def spans(levels) -> str:
    """Levels, given from above, in words: "T1 to L5", or "T4 to T9 and T11"."""
    runs: list[list[str]] = []
    for level in levels:
        if runs and VERTEBRAE.index(level) == VERTEBRAE.index(runs[-1][-1]) + 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    return " and ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def shown(landmarks: LandmarkSet) -> str:
    """The vertebrae with all their corners detected in words: "T4 to L2"; "" where not all landmarks are corners."""
    if landmarks.unit != "px" or not all(corner_of(name) for name in landmarks.names):
        return ""
    bodies, detected = bodies_of(landmarks)
    return spans([level for level in bodies if detected[level]]) or "no vertebra"


def corner_of(name: str) -> tuple[str, int] | None:
    """(level, number of the corner in `CORNERS`) that a landmark's name tells; None where it is no corner's name."""
    found = _NAME.match(str(name))
    if found is None:
        return None
    level, end, side = found.groups()
    level = level.upper().replace("TH", "T")
    if level not in VERTEBRAE:
        return None
    return level, 2 * (end[0].lower() not in _TOP) + (side[0].lower() != _LEFT)


def has_corners(names) -> bool:
    """Whether landmarks of these names can be vertebral corners: four of them are called so, or 68 or 72 in order."""
    return sum(corner_of(name) is not None for name in names) >= 4 or len(names) in BY_COUNT


def vertebrae_of(landmarks: LandmarkSet, *, spacing_mm=None, shape=None, subject="landmarks",
                 lenient: bool = False) -> Vertebrae:
    """The vertebral bodies that landmarks in pixels give.

    Bodies without a place, or with a corner that was not detected or has a row without a place, are not there. Where
    all bodies have left and right the other way round, as with the patient's sides, they are turned round.

    Parameters
    ----------
    landmarks
        In pixels.
    spacing_mm
        (row, column) of the film, where it is known.
    shape
        Rows and columns of the film, where they are known: nothing can be marked outside.
    subject
        What an error names.
    lenient
        Leave out bodies whose corners cannot be, with a note, instead of refusing them all.

    Raises
    ------
    InputError
        If the landmarks are no corners, a body has fewer than four, corners are crossed or outside the film, bodies lie
        on each other or in the wrong order, or fewer than two are left.
    """
    bodies, detected = bodies_of(landmarks, subject)
    notes: list[str] = []
    partly = [level for level, every in detected.items() if not every]
    _leave_out(bodies, dict.fromkeys(partly, "not all corners detected"), notes)
    _complete(bodies, subject, notes, lenient)
    _judge(bodies, _outside(bodies, shape), subject, notes, lenient, "Mark only what the film shows")
    _turn_round(bodies, notes)
    for faults in (crossed, misplaced):
        _judge(bodies, faults(bodies), subject, notes, lenient)
    if len(bodies) < 2:
        there = f"shows {listed(bodies)} only" if bodies else "shows no vertebra with four corners"
        raise InputError(subject, there + (f" ({'; '.join(notes)})" if notes else ""), "An angle needs two vertebrae")
    spacing = (1.0, 1.0) if spacing_mm is None else tuple(float(s) for s in spacing_mm)
    return Vertebrae(tuple(bodies), np.array(list(bodies.values())), spacing, notes=tuple(notes))


def landmarks_of(vertebrae: Vertebrae) -> LandmarkSet:
    """The corners as named landmarks in pixels; inverse of `vertebrae_of`."""
    names = tuple(f"{level}-{corner}" for level in vertebrae.levels for corner in CORNERS)
    return LandmarkSet(names, vertebrae.corners_px.reshape(-1, 2))


def with_covariance(vertebrae: Vertebrae, covariance_px) -> Vertebrae:
    """The same bodies with other covariances of their corners: (V, 4, 2, 2), or anything that broadcasts to it."""
    return replace(vertebrae, covariance_px=np.broadcast_to(covariance_px, (*vertebrae.corners_px.shape, 2)))


def bodies_of(landmarks: LandmarkSet, subject="landmarks") -> tuple[dict[str, np.ndarray], dict[str, bool]]:
    """(4, 2) corners of each level from above, NaN where there is none; and whether all that are given are detected.

    Raises
    ------
    InputError
        If the landmarks are no corners, or one comes twice.
    """
    if landmarks.unit != "px" or landmarks.points.shape[1] != 2:
        raise InputError(subject, "holds points that are not in pixels of a film", "Give a detections table of films")
    places = [corner_of(name) for name in landmarks.names]
    if not any(places):
        levels = BY_COUNT.get(len(landmarks))
        if levels is None:
            problem = f"has {len(landmarks)} landmarks, and none is called as a vertebra's corner is"
            raise InputError(subject, problem, "Call them T1-top-left ..., or give 68 (from T1) or 72 (from C7)")
        places = [(level, corner) for level in levels for corner in range(4)]
    bodies, detected = {}, {}
    for level in VERTEBRAE:
        rows = [(corner, i) for i, (own, corner) in ((i, p) for i, p in enumerate(places) if p) if own == level]
        body = np.full((4, 2), np.nan)
        for corner, i in rows:
            if np.isfinite(body[corner]).all():
                raise InputError(subject, f"has the corner {level}-{CORNERS[corner]} twice", "Keep one of them")
            body[corner] = landmarks.points[i]
        if np.isfinite(body).all(1).any():
            bodies[level] = body
            detected[level] = all(landmarks.detected[i] for _, i in rows)
    return bodies, detected


def _leave_out(bodies: dict, reasons: dict[str, str], notes: list[str]) -> None:
    for reason in dict.fromkeys(reasons.values()):
        levels = [level for level, own in reasons.items() if own == reason]
        notes.append(f"{spans(levels)} left out: {reason}")
        for level in levels:
            bodies.pop(level)


def _complete(bodies: dict, subject, notes: list[str], lenient: bool) -> None:
    faults = {}
    for level, body in bodies.items():
        known = np.isfinite(body).all(1)
        if not known.all():
            absent = ", ".join(corner for corner, there in zip(CORNERS, known, strict=True) if not there)
            faults[level] = f"it has {known.sum()} of its four corners, no {absent}"
    _judge(bodies, faults, subject, notes, lenient, "Mark them, or remove the other corners of that vertebra")


def _judge(bodies: dict, faults: dict[str, str], subject, notes: list[str], lenient: bool,
           remedy: str = "Correct the corners, in order top-left, top-right, bottom-left, bottom-right") -> None:
    """Refuse the bodies with faults, or leave them out; more than a third of them is no spine."""
    if not faults:
        return
    if len(faults) > max(len(bodies) / 3, 2):
        problem = f"does not show a spine: {len(faults)} of {len(bodies)} vertebrae cannot be"
        raise InputError(subject, f"{problem} ({listed([f'{k}: {v}' for k, v in faults.items()], 2, '; ')})", remedy)
    if not lenient:
        raise InputError(subject, listed([f"{level}: {fault}" for level, fault in faults.items()], 3, "; "), remedy)
    _leave_out(bodies, faults, notes)


def _outside(bodies: dict, shape) -> dict[str, str]:
    limits = np.full(2, np.inf) if shape is None else np.array(shape) - 0.5
    size = "" if shape is None else f" of {shape[0]} rows and {shape[1]} columns"
    faults = {}
    for level, body in bodies.items():
        out = ((body < -0.5) | (body > limits)).any(1)
        if out.any():
            corner = int(np.argmax(out))
            row, column = body[corner]
            faults[level] = f"{CORNERS[corner]} lies outside the film{size}, at row {row:g}, column {column:g}"
    return faults


def _turn_round(bodies: dict, notes: list[str]) -> None:
    """Swap left and right of all bodies where most have them the other way round."""
    areas = [signed_area(body) for body in bodies.values()]
    if len(areas) > 1 and np.mean(np.array(areas) < 0) > 0.8:
        for level, body in bodies.items():
            bodies[level] = body[[1, 0, 3, 2]]
        notes.append("left and right taken the other way round, as the film shows them")


def crossed(bodies: dict[str, np.ndarray]) -> dict[str, str]:
    """What is wrong with the (4, 2) corners of bodies, by level, where they cross or run the wrong way round."""
    faults = {}
    for level, body in bodies.items():
        tl, tr, bl, br = body
        if _cross(tl, tr, bl, br) or _cross(tl, bl, tr, br):
            faults[level] = "its corners are crossed"
        elif signed_area(body) <= 0:
            faults[level] = "its left and right corners are swapped, or it stands on its head"
    return faults


def misplaced(bodies: dict[str, np.ndarray]) -> dict[str, str]:
    """Which bodies, given from above downwards, do not lie below the one before them, and where they lie."""
    faults, levels = {}, list(bodies)
    heights = [np.linalg.norm(body[2:].mean(0) - body[:2].mean(0)) for body in bodies.values()]
    before = levels[0] if levels else ""
    for level in levels[1:]:
        above, body = bodies[before], bodies[level]
        down = above[2:].mean(0) - above[:2].mean(0)
        step = (body.mean(0) - above.mean(0)) @ down / max(np.linalg.norm(down) * np.median(heights), 1e-12)
        if step < LEAST_STEP:
            faults[level] = f"it lies above {before}" if step < -LEAST_STEP else f"it lies on {before}"
        else:
            before = level
    return faults


def signed_area(body: np.ndarray) -> float:
    """Area inside the (4, 2) corners of a body; negative where they run the wrong way round."""
    rows, columns = (body - body.mean(0))[list(RING)].T
    return float(columns @ np.roll(rows, -1) - rows @ np.roll(columns, -1)) / 2


def _cross(a, b, c, d) -> bool:
    """Whether the segments from a to b and from c to d meet."""
    def side(p, q, r):
        return np.sign((q[1] - p[1]) * (r[0] - p[0]) - (q[0] - p[0]) * (r[1] - p[1]))
    return bool(side(a, b, c) != side(a, b, d) and side(c, d, a) != side(c, d, b))
