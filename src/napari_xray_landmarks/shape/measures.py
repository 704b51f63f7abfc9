"""A segmentation in numbers, in mm where the spacing is known, and as a label image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan

import numpy as np

from ..errors import listed
from ..landmarks import LandmarkSet
from .segmentation import BoneContour, HeadCircle, Segmentation

OUTLYING = 0.05
"""Evidence farther off the shape than this part of the bone's size (root mean square radius) is an outlier."""

LENGTHS = ("row", "column", "radius", "semi_axis_1", "semi_axis_2", "perimeter", "area", "displacement")
COLUMNS = ("image", "structure", "kind", "view", "found", "reason", "confidence",
           *(f"{name}_{unit}{'2' if name == 'area' else ''}" for name in LENGTHS for unit in ("px", "mm")),
           "angle_deg", "label", "outliers")


@dataclass(frozen=True)
class Measures:
    """What can be said about one structure in a film.

    Parameters
    ----------
    structure
        "femur-left", "femoral-head-left", ...
    kind
        "contour", "circle" or "ellipse".
    view
        "ap", ...; "" where it is not known.
    found, reason
        Whether it is sure enough to be a result, and why not.
    confidence
        In [0, 1], NaN where there is none.
    unit
        "mm" or "px", of all lengths.
    centre
        (row, column): a circle's centre, the centroid of a contour's area.
    area, perimeter
        Of a contour the perimeter counts the edges that are bone.
    radius, semi_axes, angle_deg
        Of a circle or an ellipse, NaN for a contour: the geometric mean of the semi-axes; the longer one first, along
        `angle_deg` from the row axis towards the column axis.
    displacement
        Mean distance of a contour's vertices from those of the mean shape in the same pose; NaN for a circle.
    outliers
        Names of the vertices where the film does not show the shape, as under an implant.
    """

    structure: str
    kind: str
    view: str
    found: bool
    reason: str
    confidence: float
    unit: str
    centre: tuple[float, float]
    area: float
    perimeter: float
    radius: float = nan
    semi_axes: tuple[float, float] = (nan, nan)
    angle_deg: float = nan
    displacement: float = nan
    outliers: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """The size of a circle or an ellipse, as it stands in a markup's description."""
        radius = f"radius={self.radius:.6g} {self.unit}"
        if self.kind != "ellipse":
            return radius
        long, short = self.semi_axes
        return f"{radius}; semi-axes={long:.6g} x {short:.6g} {self.unit}; angle={self.angle_deg:.4g} deg"

    def in_words(self) -> list[tuple[str, str]]:
        """(what, how much), for a person to read."""
        found = "" if self.found else f" (not found{f': {self.reason}' if self.reason else ''})"
        rows = [("confidence", (f"{self.confidence:.2f}" if isfinite(self.confidence) else "not known") + found)]
        if self.kind != "contour":
            rows.append(("radius", f"{self.radius:.1f} {self.unit}"))
        if self.kind == "ellipse":
            rows.append(("semi-axes", f"{self.semi_axes[0]:.1f} × {self.semi_axes[1]:.1f} {self.unit}"))
        rows.append(("centre", f"{self.centre[0]:.1f}, {self.centre[1]:.1f} {self.unit}"))
        if self.kind == "contour":
            rows += [("area", f"{self.area:.0f} {self.unit}²"), ("perimeter", f"{self.perimeter:.1f} {self.unit}"),
                     ("displacement", f"{self.displacement:.2f} {self.unit}")]
        return rows


def measures(segmentation: Segmentation, spacing_mm: Sequence[float] | None = None) -> list[Measures]:
    """The numbers of every bone and circle, in mm with a (row, column) spacing, otherwise in px."""
    scale, unit = (np.ones(2), "px") if spacing_mm is None else (np.asarray(spacing_mm, dtype=float), "mm")
    found = [_of_bone(bone, scale, unit) for bone in segmentation.bones] + [
        _of_circle(circle, scale, unit) for circle in segmentation.circles]
    return [replace(m, structure=name) for m, name in zip(found, segmentation.names, strict=True)]


def _of_bone(bone: BoneContour, scale: np.ndarray, unit: str) -> Measures:
    points = bone.points_px * scale
    edges = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    centre, area = _centroid_and_area(points)
    displacement = float(np.linalg.norm(bone.displacement_px * scale, axis=1).mean())
    return Measures(bone.bone, "contour", bone.view, bone.found, bone.reason, bone.confidence, unit, centre, area,
                    float(edges[bone.drawn].sum()), displacement=displacement,
                    outliers=tuple(np.array(bone.names)[outlying(bone)].tolist()))


def _of_circle(circle: HeadCircle, scale: np.ndarray, unit: str) -> Measures:
    turn = np.deg2rad(circle.angle_deg)
    half = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * circle.semi_axes_px
    return ellipse_measures(circle.name, np.asarray(circle.centre_px) * scale, scale[:, None] * half, unit,
                            found=circle.found, reason=circle.reason, confidence=circle.confidence)


def ellipse_measures(name: str, centre, half: np.ndarray, unit: str, *, found: bool = True, reason: str = "",
                     confidence: float = nan) -> Measures:
    """The numbers of an ellipse.

    Parameters
    ----------
    name
    centre
        (row, column) in `unit`.
    half : (2, 2) array
        Any two conjugate semi-diameters as columns, in `unit`; what an affine map makes of an ellipse's semi-axes.
    unit, found, reason, confidence
        As in `Measures`.
    """
    directions, (long, short), _ = np.linalg.svd(half)
    is_circle = long - short <= 1e-6 * long
    angle_deg = 0.0 if is_circle else float(np.rad2deg(np.arctan2(directions[1, 0], directions[0, 0])) % 180)
    perimeter = np.pi * (3 * (long + short) - np.sqrt((3 * long + short) * (long + 3 * short)))  # Ramanujan 1914
    return Measures(name, "circle" if is_circle else "ellipse", "", found, reason, confidence, unit,
                    tuple(float(v) for v in centre), float(np.pi * long * short), float(perimeter),
                    float(np.sqrt(long * short)), (float(long), float(short)), angle_deg)


def centres(numbers: Iterable[Measures]) -> tuple[LandmarkSet, list[str]]:
    """The centres of circles and ellipses, and a remark on the size of each, as a markup file holds them."""
    round_ = [m for m in numbers if m.kind != "contour"]
    names = [m.structure for m in round_]
    names = [f"{n}-{names[:i + 1].count(n)}" if names.count(n) > 1 else n for i, n in enumerate(names)]
    points = LandmarkSet(names, [m.centre for m in round_], [m.confidence for m in round_],
                         [m.found for m in round_], round_[0].unit if round_ else "px")
    return points, [m.remark for m in round_]


def _centroid_and_area(points: np.ndarray) -> tuple[tuple[float, float], float]:
    """Of a polygon, by the shoelace formula; the mean of its vertices where it encloses nothing."""
    origin = points.mean(0)
    here, there = points - origin, np.roll(points - origin, -1, axis=0)
    cross = here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0]
    twice = cross.sum()
    offset = ((here + there) * cross[:, None]).sum(0) / (3 * twice) if abs(twice) > 1e-9 else np.zeros(2)
    return tuple(float(v) for v in origin + offset), float(abs(twice) / 2)


def outlying(bone: BoneContour) -> np.ndarray:
    """(N,) whether the film's evidence at each vertex lies far off the shape: an implant, or something in front."""
    if bone.outlier_px is None:
        return np.zeros(len(bone.names), dtype=bool)
    size = np.sqrt(((bone.points_px - bone.points_px.mean(0)) ** 2).sum(1).mean())
    return bone.outlier_px > OUTLYING * size


def outliers_in_words(segmentation: Segmentation) -> str:
    """"Implant or occlusion near: ...", or "" where the film agrees with the shapes."""
    names = [name for bone in segmentation.bones if bone.found
             for name, is_outlier in zip(bone.names, outlying(bone), strict=True) if is_outlier]
    return f"Implant or occlusion near: {listed(names)}." if names else ""


def write_measures(path, images: Iterable[tuple[str, Segmentation, Sequence[float] | None]]) -> None:
    """Write a `.csv` with one row a structure, of (image name, segmentation, spacing_mm); `COLUMNS` names its cells."""
    from ..io.tables import write_table

    write_table(path, COLUMNS, [line for image in images for line in _lines(*image)])


def _lines(image: str, segmentation: Segmentation, spacing_mm) -> list[list[str]]:
    in_px, in_mm = measures(segmentation), measures(segmentation, spacing_mm)
    if not in_px:
        return [[image, "", "", "", "false", "nothing was found", *[""] * (len(COLUMNS) - 6)]]
    masked = len(segmentation.bones) or len(segmentation.circles)  # as in `label_image`
    labels = [str(i + 1) if i < masked and m.found else "" for i, m in enumerate(in_px)]
    return [_line(image, px, mm if spacing_mm is not None else None, label)
            for label, px, mm in zip(labels, in_px, in_mm, strict=True)]


def _line(image: str, px: Measures, mm: Measures | None, label: str) -> list[str]:
    from ..io.tables import number, truth

    lengths = [number(value) for pair in zip(_lengths(px), _lengths(mm), strict=True) for value in pair]
    return [image, px.structure, px.kind, px.view, truth(px.found), px.reason, number(px.confidence), *lengths,
            number(px.angle_deg), label, "; ".join(px.outliers)]


def _lengths(of: Measures | None) -> list[float]:
    if of is None:
        return [nan] * len(LENGTHS)
    return [*of.centre, of.radius, *of.semi_axes, of.perimeter, of.area, of.displacement]


def summary(segmentation: Segmentation) -> str:
    """What was found and how sure it is, in a line."""
    parts = zip(segmentation.names, (*segmentation.bones, *segmentation.circles), strict=True)
    return "; ".join(_found_in_words(name, part) for name, part in parts) or "not found"


def _found_in_words(name: str, part: BoneContour | HeadCircle) -> str:
    sure = f" (confidence {part.confidence:.2f})" if isfinite(part.confidence) else ""
    if part.found:
        return f"{name} found{sure}"
    return f"{name} not found{f': {part.reason}' if part.reason else ''}{sure}"


def label_image(segmentation: Segmentation, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The pixels whose centres lie within each outline, and what the labels mean.

    Parameters
    ----------
    segmentation
    shape
        (rows, columns) of the film.

    Returns
    -------
    labels : (rows, columns) uint8 array
        0 is background; of two bones that overlap the later one wins. What was not found is left out.
    names
        Of labels 1, 2, ...: all bones, or the circles where there is no bone.
    """
    from skimage.draw import polygon

    outlines = [(bone.points_px, bone.found) for bone in segmentation.bones] or [
        (circle.outline_px(360), circle.found) for circle in segmentation.circles]
    labels = np.zeros(shape, dtype=np.uint8)
    for value, (points, found) in enumerate(outlines, start=1):
        if found:
            labels[polygon(*np.asarray(points).T, shape=shape)] = value
    return labels, segmentation.names[:len(outlines)]
