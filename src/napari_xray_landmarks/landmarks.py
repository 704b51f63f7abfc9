"""Landmarks, contours, and the named schemas that give them their meaning."""

import re
from dataclasses import dataclass, field, replace

import numpy as np

UNITS = ("mm", "px")
_SIDES = {"left": "right", "right": "left"}
VERTEBRAE = ("C7", *(f"T{i}" for i in range(1, 13)), *(f"L{i}" for i in range(1, 6)))


def vertebral_corners(sides=("left", "right"), levels=VERTEBRAE) -> tuple[str, ...]:
    """Names of the corners of vertebral bodies in a film with these two sides, four a body, the upper ones first."""
    return tuple(f"{level}-{end}-{side}" for level in levels for end in ("top", "bottom") for side in sides)


def other_side(name: str) -> str:
    """The name of what a mirror shows: "left" for "right" and the reverse, where they are words of the name."""
    return re.sub(r"(?<![a-zA-Z])(left|right)(?![a-zA-Z])", lambda found: _SIDES[found[1]], name)


def _points(points, what: str) -> np.ndarray:
    points = np.array(points, dtype=float)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"{what} must be (N, 2) or (N, 3), got shape {points.shape}")
    points.flags.writeable = False
    return points


def _unit(unit: str) -> None:
    if unit not in UNITS:
        raise ValueError(f"unit must be 'mm' or 'px', got {unit!r}")


@dataclass(frozen=True, eq=False)
class LandmarkSet:
    """Named points in one image.

    Parameters
    ----------
    names
        One unique name a landmark.
    points : (N, 2) or (N, 3) array
        (row, column) or (plane, row, column) order, in `unit`; NaN where nothing is known.
    confidence : (N,) array
        In [0, 1]; NaN where there is none, as for a point that a person placed.
    detected : (N,) bool array
        False where the point is only a best guess.
    unit
        "mm" in the image's world frame, or "px" (pixel centres are integers).
    """

    names: tuple[str, ...]
    points: np.ndarray
    confidence: np.ndarray | None = None
    detected: np.ndarray | None = None
    unit: str = "px"

    def __post_init__(self):
        names = tuple(str(n) for n in self.names)
        points = _points(self.points if len(names) else np.empty((0, 2)), "landmark points")
        if len(names) != len(points):
            raise ValueError(f"{len(names)} names for {len(points)} points")
        if len(set(names)) != len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise ValueError(f"landmark names must be unique, found twice: {', '.join(twice)}")
        _unit(self.unit)
        confidence = np.full(len(names), np.nan) if self.confidence is None else np.array(self.confidence, dtype=float)
        detected = np.isfinite(points).all(1) if self.detected is None else np.array(self.detected, dtype=bool)
        for what, values in (("confidence", confidence), ("detected", detected)):
            if values.shape != (len(names),):
                raise ValueError(f"{what} must have shape ({len(names)},), got {values.shape}")
            values.flags.writeable = False
        if ((confidence < 0) | (confidence > 1)).any():
            raise ValueError(f"confidence must lie in [0, 1], got {confidence.tolist()}")
        for key, value in (("names", names), ("points", points), ("confidence", confidence), ("detected", detected)):
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> np.ndarray:
        """The (2,) or (3,) point of that name."""
        if name not in self.names:
            raise KeyError(name)
        return self.points[self.names.index(name)]

    def in_mm(self, spacing_mm) -> "LandmarkSet":
        """The same landmarks in mm, given the image's (row, column) spacing."""
        return self if self.unit == "mm" else replace(self, points=self.points * np.asarray(spacing_mm), unit="mm")

    def in_px(self, spacing_mm) -> "LandmarkSet":
        """The same landmarks in pixels, given the image's (row, column) spacing; inverse of `in_mm`."""
        return self if self.unit == "px" else replace(self, points=self.points / np.asarray(spacing_mm), unit="px")


def summary(confidence: np.ndarray, detected: np.ndarray) -> str:
    """How many landmarks were detected, and how sure; (N,) arrays as in `LandmarkSet`."""
    known = confidence[np.isfinite(confidence)]
    sure = f", median confidence {np.median(known):.2f}" if known.size else ""
    return f"{int(detected.sum())} of {len(detected)} landmarks detected{sure}"


@dataclass(frozen=True, eq=False)
class Contour:
    """An outline; its vertices may be landmarks.

    Parameters
    ----------
    points : (N, 2) or (N, 3) array
        Vertices in order, in `unit`.
    name
        The structure that it outlines.
    closed
        Whether the last vertex joins the first.
    unit
        "mm" or "px".
    confidence : (N,) array, optional
        One value a vertex, in [0, 1].
    names
        Landmark name of each vertex, where the vertices are landmarks.
    found
        False where the outline is only a best guess.
    """

    points: np.ndarray
    name: str = "contour"
    closed: bool = True
    unit: str = "px"
    confidence: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    found: bool = True

    def __post_init__(self):
        object.__setattr__(self, "points", _points(self.points, "contour points"))
        if len(self.points) < (3 if self.closed else 2):
            raise ValueError(f"a contour needs at least {3 if self.closed else 2} points, got {len(self.points)}")
        _unit(self.unit)
        if self.confidence is not None and np.shape(self.confidence) != (len(self.points),):
            raise ValueError(f"confidence must have one value a vertex, got shape {np.shape(self.confidence)}")
        if self.names is not None:
            object.__setattr__(self, "names", tuple(str(name) for name in self.names))
            if len(self.names) != len(self.points):
                raise ValueError(f"{len(self.names)} names for the {len(self.points)} vertices of {self.name!r}")


@dataclass(frozen=True)
class Schema:
    """The landmarks of one anatomy: names, mirror pairs, and how they group.

    Parameters
    ----------
    anatomy
        "pelvis", "proximal femur", ...
    names
        In the order of every array.
    pairs
        (left, right) names that swap in a mirrored image.
    subshapes
        Names of successive landmarks that are solved together; empty means groups of four in order.
    closed
        Whether the landmarks run round a closed contour.
    """

    anatomy: str
    names: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    subshapes: tuple[tuple[str, ...], ...] = field(default=())
    closed: bool = False

    def __post_init__(self):
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"schema {self.anatomy!r} names a landmark twice")
        unknown = {n for group in (*self.pairs, *self.subshapes) for n in group} - set(self.names)
        if unknown:
            raise ValueError(f"schema {self.anatomy!r} groups unknown landmarks: {sorted(unknown)}")
