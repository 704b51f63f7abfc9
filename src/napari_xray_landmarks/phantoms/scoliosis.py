"""Scoliosis as surgeons describe it, and the three-dimensional curve of a spine that has it.

Three curves follow each other and alternate: proximal thoracic (PT), main thoracic (MT), thoracolumbar or lumbar
(TL/L). Where one meets the next lies an end vertebra, the most tilted one; in between the vertebrae turn their fronts
towards the convexity, and bodies and discs are wedged.

A level is the index of a vertebra from C7 downwards: 0 is the middle of C7, 17 that of L5, 18 the base of the sacrum.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from ..landmarks import VERTEBRAE

LEVELS = VERTEBRAE
CURVES = ("PT", "MT", "TL/L")
SACRUM_LEVEL = len(LEVELS)
STEEPEST_DEG = 15.0  # mean of a curve per level; beyond, neighbours would meet
STEEPEST_TURN_DEG = 11.0  # of a vertebra against the next one


@dataclass(frozen=True)
class Scoliosis:
    """The curves of one spine.

    Parameters
    ----------
    cobb_deg
        Cobb angles of PT, MT and TL/L, in [0, 100], and at most 15 for each level that the curve spans.
    end_vertebrae
        The upper end vertebra of PT, the one between PT and MT, the one between MT and TL/L, the lower of TL/L.
    convex
        The patient's side that MT bulges to, "right" or "left"; the other two bulge to the other side.
    rotation
        Axial rotation of the apex, per degree of Cobb angle; less where the next vertebra could not follow.
    wedging
        Share of a curve that is in the bodies rather than in the discs; more where a disc has no room for its own.
    """

    cobb_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    end_vertebrae: tuple[str, str, str, str] = ("T2", "T5", "T12", "L4")
    convex: str = "right"
    rotation: float = 0.35
    wedging: float = 0.4

    def __post_init__(self):
        if len(self.cobb_deg) != 3 or not all(0 <= a <= 100 for a in self.cobb_deg):
            raise ValueError(f"cobb_deg must be three angles from 0 to 100 degrees, got {self.cobb_deg}")
        unknown = [name for name in self.end_vertebrae if name not in LEVELS]
        if unknown or len(self.end_vertebrae) != 4 or (np.diff(self.nodes) < 2).any():
            raise ValueError(f"end_vertebrae must be four of C7 to L5, downwards, at least two levels apart, "
                             f"got {self.end_vertebrae}")
        for name, angle, levels in zip(CURVES, self.cobb_deg, np.diff(self.nodes), strict=True):
            if angle > STEEPEST_DEG * levels + 1e-6:
                raise ValueError(f"{name} of {angle:g} degrees is too much for {levels} levels, at most "
                                 f"{STEEPEST_DEG * levels:g} between those end vertebrae")
        if self.convex not in ("right", "left"):
            raise ValueError(f"convex must be 'right' or 'left', got {self.convex!r}")
        if not 0 <= self.wedging <= 1:
            raise ValueError(f"wedging must be a share from 0 to 1, got {self.wedging}")

    @property
    def nodes(self) -> np.ndarray:
        """Levels of the end vertebrae."""
        return np.array([LEVELS.index(name) for name in self.end_vertebrae])

    @property
    def signed_deg(self) -> np.ndarray:
        """(3,) Cobb angles, negative where a curve is convex to the left."""
        return np.array([-1.0, 1.0, -1.0]) * self.cobb_deg * (1 if self.convex == "right" else -1)


@dataclass(frozen=True, eq=False)
class Posture:
    """How each vertebra stands, C7 to L5.

    Parameters
    ----------
    upper_tilt_deg, lower_tilt_deg : (18,) arrays
        Of the endplates as an AP film shows them; positive where the patient's left end is the lower one.
    upper_lean_deg, lower_lean_deg : (18,) arrays
        Of the endplates in a lateral view; positive forwards.
    rotation_deg : (18,) array
        About the vertebra's own axis; positive turns its front to the patient's right.
    sacrum_lean_deg
        Of the sacrum's base.
    """

    upper_tilt_deg: np.ndarray
    lower_tilt_deg: np.ndarray
    upper_lean_deg: np.ndarray
    lower_lean_deg: np.ndarray
    rotation_deg: np.ndarray
    sacrum_lean_deg: float

    @property
    def tilt_deg(self) -> np.ndarray:
        return (self.upper_tilt_deg + self.lower_tilt_deg) / 2

    @property
    def lean_deg(self) -> np.ndarray:
        return (self.upper_lean_deg + self.lower_lean_deg) / 2


def posture(curves: Scoliosis, *, kyphosis_deg: float, lordosis_deg: float, balance_mm, segments_mm,
            disc_room_deg) -> Posture:
    """Tilt, lean and rotation of every vertebra.

    Parameters
    ----------
    curves
    kyphosis_deg, lordosis_deg
        T4 to T12, L1 to the sacrum.
    balance_mm
        How far C7 stands (behind, to the left of) the sacrum's base.
    segments_mm : (18,) array
        Height of each vertebra with the disc below it.
    disc_room_deg : (18,) array
        How far the endplates about the disc below each vertebra can be turned against each other.
    """
    tilts = _solve(lambda offset: _tilts(curves, offset), balance_mm[1], segments_mm, 1)
    leans = _solve(lambda offset: _leans(kyphosis_deg, lordosis_deg, offset), balance_mm[0], segments_mm, -1)
    tilt = _endplates(tilts, curves.wedging, disc_room_deg, curves.nodes)
    lean = _endplates(leans, 0.45, disc_room_deg, ())
    return Posture(*tilt, *lean, _rotations(curves), float(leans[-1]))


def _solve(angles_at, shift_mm: float, segments_mm, sign: int) -> np.ndarray:
    """(19,) angles of the family `angles_at` for which the spine's upper end is `shift_mm` away from its foot."""
    def miss(offset):
        middles = np.deg2rad(angles_at(offset))
        return sign * np.sum(np.asarray(segments_mm) * np.sin((middles[1:] + middles[:-1]) / 2)) - shift_mm
    return angles_at(brentq(miss, -60.0, 60.0, xtol=0.01))


def _tilts(curves: Scoliosis, offset: float) -> np.ndarray:
    """(19,) coronal tilt in degrees at the middle of each vertebra and at the sacrum, which lies level."""
    at_nodes = np.cumsum([0.0, *(-curves.signed_deg)])
    at_nodes += offset - at_nodes.mean()
    levels = [-1.0, *curves.nodes, SACRUM_LEVEL]
    return _eased(np.arange(SACRUM_LEVEL + 1.0), levels, [0.4 * at_nodes[0], *at_nodes, 0.0])


def _leans(kyphosis_deg: float, lordosis_deg: float, offset: float) -> np.ndarray:
    """(19,) forward lean in degrees at the middle of each vertebra and at the sacrum."""
    back = -15.0 + offset  # that of the thoracolumbar junction, which leans backwards
    levels = [-1.0, 1.5, 3.5, 12.5, 15.3, 17.0, 18.0]
    thoracic = [kyphosis_deg + more for more in (2.0, 4.0, 0.0)]
    lumbar = [lordosis_deg * share for share in (0.0, 0.33, 0.7, 1.0)]
    return PchipInterpolator(levels, np.array(thoracic + lumbar) + back)(np.arange(SACRUM_LEVEL + 1.0))


def _endplates(middles: np.ndarray, wedging: float, disc_room_deg, nodes) -> tuple[np.ndarray, np.ndarray]:
    """Angles of the upper and the lower endplates from those of the middles; vertebrae at the nodes have no wedge."""
    steps = np.diff(middles)
    room = 0.5 * np.asarray(disc_room_deg)
    in_bodies = steps - np.clip((1 - wedging) * steps, -room, room)
    upper, lower = middles[:-1].copy(), middles[:-1].copy()
    wedged = ~np.isin(np.arange(SACRUM_LEVEL), nodes)
    lower += np.where(wedged, in_bodies / 2, 0.0)
    upper[1:] -= np.where(wedged[1:], in_bodies[:-1] / 2, 0.0)
    return upper, lower


def _rotations(curves: Scoliosis) -> np.ndarray:
    """(18,) axial rotation in degrees: a half wave a curve, none at the end vertebrae."""
    levels = np.arange(SACRUM_LEVEL)
    rotation = np.zeros(SACRUM_LEVEL)
    for angle, first, last in zip(curves.signed_deg, curves.nodes, curves.nodes[1:], strict=False):
        inside = (levels > first) & (levels < last)
        most = STEEPEST_TURN_DEG * (last - first) / np.pi
        apex = np.clip(curves.rotation * angle, -most, most)
        rotation[inside] += apex * np.sin(np.pi * (levels[inside] - first) / (last - first))
    return rotation


def _eased(at: np.ndarray, nodes, values) -> np.ndarray:
    """Interpolation that is level at every node."""
    nodes, values = np.asarray(nodes, float), np.asarray(values, float)
    i = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    t = (at - nodes[i]) / (nodes[i + 1] - nodes[i])
    return values[i] + (values[i + 1] - values[i]) * t * t * (3 - 2 * t)


# How often each type is drawn, which share of the largest angle PT, MT and TL/L have, where the end vertebrae lie.
TYPES = {
    "straight": (0.10, ((0.2, 1.0), (0.4, 1.0), (0.2, 1.0)), (("T1", "T2"), ("T5", "T6"), ("T11", "L1"), ("L3", "L4"))),
    "single thoracic": (0.33, ((0.2, 0.6), (1.0, 1.0), (0.2, 0.7)),
                        (("T1", "T2"), ("T4", "T6"), ("T11", "L1"), ("L3", "L4"))),
    "double thoracic": (0.17, ((0.6, 0.95), (1.0, 1.0), (0.2, 0.6)),
                        (("T1", "T2"), ("T4", "T6"), ("T11", "L1"), ("L3", "L4"))),
    "double major": (0.20, ((0.2, 0.6), (0.85, 1.0), (0.75, 1.0)),
                     (("T1", "T2"), ("T4", "T6"), ("T10", "T12"), ("L3", "L4"))),
    "thoracolumbar": (0.20, ((0.05, 0.4), (0.3, 0.75), (1.0, 1.0)),
                      (("T1", "T2"), ("T4", "T6"), ("T9", "T11"), ("L2", "L4"))),
}


def random_scoliosis(rng: np.random.Generator, largest_deg: float | None = None, kind: str | None = None) -> Scoliosis:
    """The curves of a random patient.

    Parameters
    ----------
    rng
    largest_deg
        The largest of the three Cobb angles; None draws one, with half of the patients between 24 and 52 degrees.
    kind
        One of `TYPES`; None draws one.
    """
    if kind is not None and kind not in TYPES:
        raise ValueError(f"there is no scoliosis {kind!r}, only {', '.join(TYPES)}")
    chances = np.array([chance for chance, _, _ in TYPES.values()])
    kind = kind or str(rng.choice(list(TYPES), p=chances / chances.sum()))
    _, shares, ends = TYPES[kind]
    drawn = rng.uniform(0, 9) if kind == "straight" else np.clip(rng.lognormal(np.log(36), 0.55), 10, 100)
    largest = drawn if largest_deg is None else largest_deg
    nodes = np.array([rng.integers(LEVELS.index(a), LEVELS.index(b) + 1) for a, b in ends])
    cobb = [float(largest * rng.uniform(*share)) for share in shares]
    _lengthen(nodes, cobb)
    convex = "right" if rng.random() < 0.85 else "left"
    names = tuple(LEVELS[n] for n in nodes)
    return Scoliosis(tuple(cobb), names, convex, rng.uniform(0.22, 0.45), rng.uniform(0.3, 0.5))


def _lengthen(nodes: np.ndarray, cobb: list[float]) -> None:
    """Move end vertebrae apart until the largest curve has the levels that it needs; lessen the others to theirs."""
    main = int(np.argmax(cobb))
    first, last = main, main + 1
    above = nodes[first - 1] if main > 0 else -1
    below = nodes[last + 1] if main < 2 else SACRUM_LEVEL
    while STEEPEST_DEG * (nodes[last] - nodes[first]) < cobb[main]:
        if nodes[first] - above > 2:
            nodes[first] -= 1
        elif below - nodes[last] > 2:
            nodes[last] += 1
        else:
            cobb[main] = STEEPEST_DEG * (nodes[last] - nodes[first])
    cobb[:] = [min(angle, STEEPEST_DEG * levels) for angle, levels in zip(cobb, np.diff(nodes), strict=True)]
