"""Cobb angles by the standard definition: proximal thoracic (PT), main thoracic (MT), thoracolumbar or lumbar (TL/L).

A curve's angle lies between the upper endplate of its upper end vertebra and the lower endplate of its lower one, the
vertebrae that are tilted most towards the curve's concavity (Cobb 1948). Where two curves meet they share the end
vertebra.

The major curve comes first: the one with the largest angle of all, without another of 10 degrees or more to the other
side between its end vertebrae. It is named by its apex (Scoliosis Research Society; Lenke et al., J Bone Joint Surg Am
83:1169, 2001): PT down to the disc T5/6, MT down to the disc T11/12, TL/L below. From its end vertebrae the curves
above and below follow, each the largest one that bulges to the other side. A curve of which nothing is left is 0.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..landmarks import VERTEBRAE
from .uncertainty import angle_sd_deg
from .vertebrae import Vertebrae

CURVES = ("PT", "MT", "TL/L")
LOWEST_APEX = (5.5, 11.5)  # of PT and of MT: the discs T5/6 and T11/12; C7 is 0
CORE = {"PT": ("T2", "T5"), "MT": ("T6", "T11"), "TL/L": ("T12", "L3")}  # without them a curve cannot be judged
FEWEST_LEVELS = 2  # from one end vertebra of a curve to the other
SCOLIOSIS_DEG, MODERATE_DEG, SEVERE_DEG = 10.0, 25.0, 40.0


@dataclass(frozen=True)
class Curve:
    """One curve of a spine.

    Parameters
    ----------
    name
        "PT", "MT" or "TL/L".
    angle_deg
        0 where there is no such curve, NaN where the film does not show its region.
    upper, lower
        The end vertebrae; empty where there is no curve.
    apex
        The vertebra ("T8") or disc ("T8/9") farthest from the line between the end vertebrae.
    convex
        The side of the film that the curve bulges to, "left" or "right".
    sd_deg
        Standard deviation of the angle, from those of the corners; NaN where they are unknown.
    """

    name: str
    angle_deg: float
    upper: str = ""
    lower: str = ""
    apex: str = ""
    convex: str = ""
    sd_deg: float = float("nan")

    @property
    def there(self) -> bool:
        return bool(self.upper)

    def describe(self) -> str:
        """The curve in a line, such as "MT 42.1° ± 1.9° (T5 to T12, apex T8/9, convex to the right)"."""
        if not self.there:
            return f"{self.name}: " + ("no curve" if self.angle_deg == 0 else "not on the film")
        spread = f" ± {self.sd_deg:.1f}°" if np.isfinite(self.sd_deg) else ""
        return (f"{self.name} {self.angle_deg:.1f}°{spread} ({self.upper} to {self.lower}, apex {self.apex}, "
                f"convex to the film's {self.convex})")


@dataclass(frozen=True, eq=False)
class Curvature:
    """The curves of one film.

    Parameters
    ----------
    curves
        PT, MT, TL/L.
    vertebrae
        What they were measured on.
    """

    curves: tuple[Curve, Curve, Curve]
    vertebrae: Vertebrae

    def __getitem__(self, name: str) -> Curve:
        return self.curves[CURVES.index(name)]

    @property
    def angles_deg(self) -> np.ndarray:
        """(3,) PT, MT, TL/L."""
        return np.array([curve.angle_deg for curve in self.curves])

    @property
    def largest(self) -> Curve:
        """The curve with the largest angle."""
        return self.curves[int(np.argmax(np.nan_to_num(self.angles_deg, nan=-1.0)))]

    @property
    def severity(self) -> str:
        return severity(self.largest.angle_deg)

    @property
    def verdict(self) -> str:
        """The severity in words: "moderate scoliosis", "no scoliosis"."""
        if not self.severity:
            return "no curve can be judged"
        return "no scoliosis" if self.severity == "none" else f"{self.severity} scoliosis"


def measure(vertebrae: Vertebrae) -> Curvature:
    """PT, MT and TL/L of the vertebrae in a film, by the standard definition."""
    angles = signed_angles_deg(endplate_tilts_deg(vertebrae.corners))
    apexes = _apexes(vertebrae, angles)
    ends = _end_vertebrae(vertebrae, angles, np.searchsorted(LOWEST_APEX, np.nan_to_num(apexes), side="left"))
    curves = []
    for name in CURVES:
        if name in ends:
            curves.append(_curve(vertebrae, name, ends[name], angles, apexes))
        else:
            curves.append(Curve(name, 0.0 if _shows(vertebrae, name) else float("nan")))
    return Curvature(tuple(curves), vertebrae)


def measure_between(vertebrae: Vertebrae, name: str, upper: str, lower: str) -> Curve:
    """One curve between end vertebrae that were chosen before, as on an earlier film.

    Its angle is NaN where one of them is not on the film.
    """
    if upper not in vertebrae.levels or lower not in vertebrae.levels:
        return Curve(name, float("nan"))
    angles = signed_angles_deg(endplate_tilts_deg(vertebrae.corners))
    ends = vertebrae.levels.index(upper), vertebrae.levels.index(lower)
    return _curve(vertebrae, name, ends, angles, _apexes(vertebrae, angles))


def _curve(vertebrae: Vertebrae, name: str, ends: tuple[int, int], angles, apexes) -> Curve:
    angle = float(angles[ends])
    return Curve(name, abs(angle), *(vertebrae.levels[i] for i in ends), _level_name(apexes[ends]),
                 "right" if angle >= 0 else "left", angle_sd_deg(vertebrae, *ends))


def endplate_tilts_deg(corners: np.ndarray) -> np.ndarray:
    """(..., V, 2) tilt of the upper and the lower endplates against their mean direction.

    Positive where the end at the film's right is the lower one.

    Parameters
    ----------
    corners : (..., V, 4, 2) array
        In a unit that is the same along rows and columns.
    """
    plates = corners[..., [1, 3], :] - corners[..., [0, 2], :]
    direction = plates[..., 1] + 1j * plates[..., 0]
    unit = direction / np.abs(direction)
    return np.rad2deg(np.angle(unit * np.conj(unit.sum((-1, -2), keepdims=True))))


def signed_angles_deg(tilts_deg: np.ndarray) -> np.ndarray:
    """(V, V) angle from the upper endplate of each vertebra to the lower one of each; positive bulges to the right."""
    return tilts_deg[None, :, 1] - tilts_deg[:, None, 0]


def severity(angle_deg: float) -> str:
    """"none", "mild", "moderate" or "severe".

    Scoliosis begins at 10° (Scoliosis Research Society); from 25° to 40° is where braces are studied (Richards et al.,
    Spine 30:2068, 2005), above that surgery is considered.
    """
    if not np.isfinite(angle_deg):
        return ""
    return ("none", "mild", "moderate", "severe")[np.searchsorted((SCOLIOSIS_DEG, MODERATE_DEG, SEVERE_DEG),
                                                                  angle_deg, side="right")]


def _shows(vertebrae: Vertebrae, name: str) -> bool:
    """Whether the film shows the vertebrae without which a curve of that name cannot be judged."""
    first, last = (VERTEBRAE.index(level) for level in CORE[name])
    return bool(vertebrae.numbers[0] <= first and last <= vertebrae.numbers[-1])


def _end_vertebrae(vertebrae: Vertebrae, angles, regions) -> dict[str, tuple[int, int]]:
    """Positions of the upper and lower end vertebra of each curve that there is.

    Parameters
    ----------
    angles, regions : (V, V) arrays
        `signed_angles_deg`, and which of `CURVES` the curve between two vertebrae is by its apex.
    """
    fits = _single(angles, vertebrae.numbers[None] - vertebrae.numbers[:, None] >= FEWEST_LEVELS)
    shown = np.array([_shows(vertebrae, name) for name in CURVES])
    sizes = np.where(fits & shown[regions], np.abs(angles), 0.0)
    if not sizes.any():
        return {}
    a, b = (int(i) for i in np.unravel_index(np.argmax(sizes), sizes.shape))
    found = {int(regions[a, b]): (a, b)}
    for below in (False, True):
        place, ends, way = int(regions[a, b]), (a, b), np.sign(angles[a, b])
        while place != (2 if below else 0):
            way = -way
            gains = np.where(fits, way * angles, 0.0)
            ends = (ends[1], int(np.argmax(gains[ends[1]]))) if below else (int(np.argmax(gains[:, ends[0]])), ends[0])
            place = max(place + 1, regions[ends]) if below else min(place - 1, regions[ends])
            if gains[ends] <= 0:
                break
            if shown[place]:
                found[int(place)] = ends
    return {CURVES[place]: ends for place, ends in found.items()}


def _single(angles, far) -> np.ndarray:
    """(V, V) whether two vertebrae are `far` enough apart and nothing between them is a curve to the other side."""
    reverse = []
    for way in (-1, 1):
        most = np.maximum.accumulate(np.where(far, way * angles, 0.0), axis=1)
        reverse.append(np.maximum.accumulate(most[::-1], axis=0)[::-1])
    return far & (np.where(angles >= 0, *reverse) < SCOLIOSIS_DEG)


def _apexes(vertebrae: Vertebrae, angles) -> np.ndarray:
    """(V, V) level of the body or disc farthest from the line between two vertebrae's centres, where the curve bulges.

    Half a level is a disc; NaN where nothing lies between.
    """
    corners = vertebrae.corners
    centres = corners.mean(1)
    discs = (corners[:-1, 2:].mean(1) + corners[1:, :2].mean(1)) / 2
    places, levels = np.empty((2 * len(centres) - 1, 2)), np.empty(2 * len(centres) - 1)
    places[::2], places[1::2] = centres, discs
    levels[::2], levels[1::2] = vertebrae.numbers, (vertebrae.numbers[1:] + vertebrae.numbers[:-1]) / 2
    chord = centres[None] - centres[:, None]
    normal = np.stack([-chord[..., 1], chord[..., 0]], -1)  # to the film's right of a chord that runs downwards
    along = np.sum(normal * centres[:, None], -1, keepdims=True)
    away = np.where(angles >= 0, 1, -1)[..., None] * (normal @ places.T - along)
    position, ends = np.arange(len(levels)), 2 * np.arange(len(centres))
    between = (position > ends[:, None, None]) & (position < ends[None, :, None])
    apex = levels[np.argmax(np.where(between, away, -np.inf), axis=-1)]
    return np.where(between.any(-1), apex, np.nan)


def _level_name(level: float) -> str:
    """"T8" for a body, "T8/9" or "T12/L1" for a disc."""
    if not np.isfinite(level):
        return ""
    upper = VERTEBRAE[int(np.floor(level))]
    if level == np.floor(level):
        return upper
    lower = VERTEBRAE[int(np.floor(level)) + 1]
    return f"{upper}/{lower[1:] if lower[0] == upper[0] else lower}"


def with_uncertainty(curvature: Curvature, vertebrae: Vertebrae) -> Curvature:
    """The same curves with the uncertainty that other covariances of the corners give."""
    levels = vertebrae.levels
    curves = tuple(replace(c, sd_deg=angle_sd_deg(vertebrae, levels.index(c.upper), levels.index(c.lower)))
                   if c.there else c for c in curvature.curves)
    return Curvature(curves, vertebrae)
