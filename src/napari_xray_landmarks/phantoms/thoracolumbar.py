"""An individual from C7 to the sacrum: vertebrae on a curve in space, ribs, and the landmarks of all."""

from dataclasses import dataclass

import numpy as np

from .bone import Bone
from .implants import Implant
from .pelvis import IMPLANT_LABEL, SIDES
from .pelvis import individual as pelvis_individual
from .ribs import RIBS, Cage, cage, clavicle, rib, sternum
from .scoliosis import LEVELS, Posture, Scoliosis, posture, random_scoliosis
from .solids import Solid
from .thoracolumbar_implants import screws_and_rods
from .thoracolumbar_parameters import SpineParameters, sample_spine
from .trunk import Trunk, trunk
from .vertebra import Size, arch_rows, body_row, sizes

PELVIC = ("sacrum", "hip-left", "hip-right")
STRUCTURES = (*LEVELS, *PELVIC, *(f"rib-{i + 1}-{side}" for i in range(RIBS) for side in SIDES),
              "clavicle-left", "clavicle-right", "sternum")
LABELS = {name: i + 1 if i + 1 < IMPLANT_LABEL else i + 2 for i, name in enumerate(STRUCTURES)}
DISC_CLEARANCE_MM = 1.6  # what stays of a disc at its narrowest


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One vertebra in the world.

    Parameters
    ----------
    name
    size
    solid, body
        The whole bone, and its body alone; both stand at `solid.world_from_body`.
    """

    name: str
    size: Size
    solid: Solid
    body: Solid

    @property
    def frame(self) -> np.ndarray:
        """(4, 4) world from the vertebra's own frame, about the middle of its body."""
        return self.solid.world_from_body

    @property
    def centre_mm(self) -> np.ndarray:
        return self.frame[:3, 3]

    def place(self, points) -> np.ndarray:
        """World positions of points of the vertebra's own frame."""
        return np.asarray(points, float) @ self.frame[:3, :3].T + self.frame[:3, 3]


@dataclass(frozen=True, eq=False)
class Spine:
    """One subject's spine and chest in the world, (superior, posterior, left) in mm, the sacrum's base at the origin.

    Parameters
    ----------
    parameters
    scoliosis, posture
        The truth about the curves.
    vertebrae
        C7 to L5.
    cage
    bones
        All of them, by `LABELS`.
    tissue
    implants
    """

    parameters: SpineParameters
    scoliosis: Scoliosis
    posture: Posture
    vertebrae: tuple[Vertebra, ...]
    cage: Cage
    bones: tuple[Bone, ...]
    tissue: Trunk
    implants: tuple[Implant, ...] = ()

    def vertebra(self, name: str) -> Vertebra:
        return self.vertebrae[LEVELS.index(name)]


def spine(subject: int, curves: Scoliosis | None = None, implant: bool = False) -> Spine:
    """The spine of a subject, always the same; with the subject's own scoliosis, or another one.

    Parameters
    ----------
    subject
    curves
        None draws them with `random_scoliosis`.
    implant
        Whether screws and rods hold the largest curve.
    """
    shape_seed, curve_seed, tissue_seed, implant_seed = np.random.SeedSequence([73, subject]).spawn(4)
    rng = np.random.default_rng(shape_seed)
    q = sample_spine(rng)
    measures = sizes(q.size, q.slenderness, q.disc_height, rng)
    asymmetry = rng.standard_normal((len(LEVELS), 4)) * (1.5, 0.05, 0.05, 0.06)
    curves = curves or random_scoliosis(np.random.default_rng(curve_seed))
    stance = posture(
        curves, kyphosis_deg=max(q.kyphosis_deg - q.flattening * curves.cobb_deg[1], 8.0), lordosis_deg=q.lordosis_deg,
        balance_mm=(q.sagittal_balance_mm, q.coronal_balance_mm),
        segments_mm=np.array([2 * m.height + m.disc for m in measures]), disc_room_deg=_disc_room(measures))
    vertebrae = _stack(q, measures, stance, asymmetry)
    chest = vertebrae[:RIBS + 2]
    shape = cage(q, [v.centre_mm for v in chest], [v.size.depth for v in chest], stance.rotation_deg[:RIBS + 2])
    bones = _vertebral_bones(q, vertebrae) + _pelvic_bones(subject) + _chest_bones(q, vertebrae, stance, shape, rng)
    tissue = trunk(q, vertebrae, shape, np.random.default_rng(tissue_seed))
    metal = screws_and_rods(vertebrae, curves, np.random.default_rng(implant_seed)) if implant else ()
    return Spine(q, curves, stance, vertebrae, shape, bones, tissue, metal)


def _disc_room(measures: tuple[Size, ...]) -> np.ndarray:
    """(18,) degrees by which the endplates about each disc can be turned before they meet at its rim."""
    free = np.array([m.disc for m in measures]) - DISC_CLEARANCE_MM
    return np.rad2deg(np.arctan(np.maximum(free, 0.5) / np.array([m.width for m in measures])))


def _stack(q: SpineParameters, measures, stance: Posture, asymmetry) -> tuple[Vertebra, ...]:
    """The vertebrae one on the other, from the sacrum upwards."""
    foot, below = np.zeros(3), _axis(0.0, stance.sacrum_lean_deg)
    stacked = []
    for level in reversed(range(len(LEVELS))):
        size = measures[level]
        across_disc = below + _axis(stance.lower_tilt_deg[level], stance.lower_lean_deg[level])
        slopes = _endplate_slopes(stance, level)
        turn = _turn(stance.tilt_deg[level] - _apparent_tilt(size, slopes, stance, level), stance.lean_deg[level],
                     stance.rotation_deg[level])
        frame = np.eye(4)
        frame[:3, :3] = turn
        frame[:3, 3] = foot + size.disc * across_disc / np.linalg.norm(across_disc) + size.height * turn[:, 0]
        body = body_row(size, *slopes, q.hollow_mm)
        rows = [body, *arch_rows(level, size, q.size, asymmetry[level])]
        stacked.append(Vertebra(LEVELS[level], size, Solid(np.array(rows), world_from_body=frame),
                                Solid(body[None], world_from_body=frame)))
        foot = frame[:3, 3] + size.height * turn[:, 0]
        below = _axis(stance.upper_tilt_deg[level], stance.upper_lean_deg[level])
    return tuple(reversed(stacked))


def _axis(tilt_deg: float, lean_deg: float) -> np.ndarray:
    """The direction upwards of something tilted and leaning so."""
    return _turn(tilt_deg, lean_deg, 0.0)[:, 0]


def _turn(tilt_deg: float, lean_deg: float, rotation_deg: float) -> np.ndarray:
    """(3, 3) rotation of the (superior, posterior, left) axes: about the own axis, then forwards, then sideways."""
    t, f, r = np.deg2rad([tilt_deg, lean_deg, rotation_deg])
    sideways = np.array([[np.cos(t), 0, -np.sin(t)], [0, 1, 0], [np.sin(t), 0, np.cos(t)]])
    forwards = np.array([[np.cos(f), np.sin(f), 0], [-np.sin(f), np.cos(f), 0], [0, 0, 1]])
    about_axis = np.array([[1, 0, 0], [0, np.cos(r), -np.sin(r)], [0, np.sin(r), np.cos(r)]])
    return sideways @ forwards @ about_axis


def _endplate_slopes(stance: Posture, level: int) -> list[np.ndarray]:
    """Rise of the upper and of the lower endplate per mm towards left and posterior, in the vertebra's own frame."""
    r = np.deg2rad(stance.rotation_deg[level])
    slopes = []
    for tilt, lean in ((stance.upper_tilt_deg[level], stance.upper_lean_deg[level]),
                       (stance.lower_tilt_deg[level], stance.lower_lean_deg[level])):
        left = -np.tan(np.deg2rad(tilt - stance.tilt_deg[level]))
        back = np.tan(np.deg2rad(lean - stance.lean_deg[level]))
        slopes.append(np.array([left * np.cos(r) - back * np.sin(r), left * np.sin(r) + back * np.cos(r)]))
    return slopes


def _apparent_tilt(size: Size, slopes, stance: Posture, level: int) -> float:
    """How much more an untilted body seems to tilt in an AP film, in degrees: its rims are ovals, seen askew."""
    around = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    left, back = size.width * np.cos(around), size.depth * np.sin(around)
    turn, seen = _turn(0.0, stance.lean_deg[level], stance.rotation_deg[level]), []
    for sign, (slope_left, slope_back) in zip((1, -1), slopes, strict=True):
        rim = np.stack([sign * size.height + slope_left * left + slope_back * back, back, left], 1) @ turn.T
        ends = [rim[np.argmax(way * rim[:, 2] + sign * rim[:, 0])] for way in (1, -1)]
        seen.append(-np.rad2deg(np.arctan2(ends[0][0] - ends[1][0], ends[0][2] - ends[1][2])))
    return float(np.mean(seen))


def _vertebral_bones(q: SpineParameters, vertebrae) -> tuple[Bone, ...]:
    thin = q.cortex_mm * q.size
    return tuple(Bone(v.name, LABELS[v.name], v.solid, (thin, thin), 1100, 205) for v in vertebrae)


def _pelvic_bones(subject: int) -> tuple[Bone, ...]:
    """Sacrum and hip bones of the pelvis of that number, with the sacrum's base at the origin."""
    person = pelvis_individual(subject)
    shift = np.eye(4)
    shift[:3, 3] = np.array([-3.0, -17.0, 0.0]) - person.landmarks["sacral-promontory"]
    bones = []
    for name in PELVIC:
        old = person.bone(name)
        solid = Solid(old.solid.rows, old.solid.polygon, shift @ old.solid.world_from_body)
        bones.append(Bone(name, LABELS[name], solid, old.cortex_mm, old.cortex_hu, old.trabecular_hu))
    return tuple(bones)


def _chest_bones(q: SpineParameters, vertebrae, stance: Posture, shape: Cage, rng) -> tuple[Bone, ...]:
    bones, thin = [], 0.9 * q.size
    for number in range(RIBS):
        v, s = vertebrae[number + 1], vertebrae[number + 1].size
        for name, side in SIDES.items():
            out = min(s.transverse, 30.0 * q.size)
            head, tubercle = v.place([(0.75 * s.height, 0.75 * s.depth, side * (s.width + 1.5)),
                                      (5 * q.size, 0.8 * s.depth + 12 * q.size, side * out)])
            solid = rib(shape, q, number, side, head, tubercle, stance.tilt_deg[number + 1])
            label = f"rib-{number + 1}-{name}"
            bones.append(Bone(label, LABELS[label], solid, (1.25 * thin,) * 2, 1100, 150))
    for name, side in SIDES.items():
        label = f"clavicle-{name}"
        bones.append(Bone(label, LABELS[label], clavicle(shape, q, side, rng), (1.6 * thin,) * 2, 1000, 110))
    bones.append(Bone("sternum", LABELS["sternum"], sternum(shape, q), (0.7 * thin,) * 2, 600, 80))
    return tuple(bones)
