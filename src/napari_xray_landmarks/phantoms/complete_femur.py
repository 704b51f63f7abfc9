"""A whole left leg's femur: the hip's proximal femur and the knee's distal one made one bone, with what is about it."""

from dataclasses import dataclass, replace

import numpy as np

from .femur import Femur
from .knee import Knee, knee
from .knee_fields import CORTEX, DENSITY, DISTANCE, Field
from .knee_parameters import sample_knee_parameters
from .parameters import PelvisParameters
from .pelvis import SIDES, Individual, individual
from .solids import Solid, half_space

SIDE = "left"
LENGTH_MM, LENGTH_SD = 392.0, 0.02  # from the head's centre to the middle of the epicondylar axis; share of it
SHAFT_ROW = 4  # of the femur's solid: the capsule that is its shaft
BLEND_MM = (66.0, 96.0)  # above the epicondylar axis: from the knee's shape to the hip's
SHARED_MM = 14  # above that, where both are alike; more than the cortex that closes the cut of the upper part


@dataclass(frozen=True, eq=False)
class Leg:
    """An individual with a whole left femur and the ends of the bones below, in the individual's world.

    Parameters
    ----------
    person
        Its left femur is cut where the lower part begins; the right one, which is only half of one, is not there.
    upper, lower
        The two parts of the femur; where they meet they are alike.
    below
        Tibia, patella and fibula by name.
    world_from_knee : (4, 4) array
        Axes upwards, backwards and lateral, from the middle of the epicondylar axis.
    knee
        The knee that the lower part is of, in a world of its own.
    """

    person: Individual
    upper: Solid
    lower: Field
    below: dict[str, Field]
    world_from_knee: np.ndarray
    knee: Knee

    @property
    def femur(self) -> Femur:
        return self.person.femurs[SIDES[SIDE]]

    def in_world(self, *knee_mm: float) -> np.ndarray:
        """World position of a point in the knee's axes."""
        return self.world_from_knee[:3, :3] @ knee_mm + self.world_from_knee[:3, 3]


def leg(subject: int, implant: bool = False) -> Leg:
    """The left leg of a subject of the pelvis phantom, always the same; with or without implants at the hip."""
    person = individual(subject, implant, SIDES[SIDE])
    q, rng = person.parameters, np.random.default_rng([75, subject])
    own = sample_knee_parameters(rng)
    size = q.size * np.clip(own.size, 0.95, 1.05)  # the knee's size goes with that of the hip
    joint = knee(subject, SIDE, replace(own, size=float(size), flexion_deg=0.35 * own.flexion_deg,
                                        femoral_shaft_mm=q.shaft_radius_mm * q.size / float(size)))
    length = LENGTH_MM * q.size * (1 + LENGTH_SD * float(np.clip(rng.standard_normal(), -2, 2)))
    femur = person.femurs[SIDES[SIDE]]
    field = joint.bones["femur"]
    world_from_knee = _placed(femur, field, joint.parameters.femoral_valgus_deg, length, q.femoral_anteversion_deg)
    moved = world_from_knee @ np.linalg.inv(field.world_from_body)
    lower = _joined(field.placed(world_from_knee), femur, q)
    up = world_from_knee[:3, 0]
    cut = world_from_knee[:3, 3] + (BLEND_MM[1] + 2.0) * up * field.spacing_mm[0]
    upper = Solid(np.vstack([femur.solid.rows, half_space(-up, -up @ cut, 0.0)]), femur.solid.polygon)
    bones = tuple(replace(b, solid=upper) if b.name == f"femur-{SIDE}" else b
                  for b in person.bones if b.name != "femur-right")
    below = {n: b.placed(moved @ b.world_from_body) for n, b in joint.bones.items() if n != "femur"}
    return Leg(replace(person, bones=bones), upper, lower, below, world_from_knee, joint)


def _placed(femur: Femur, field: Field, valgus_deg: float, length_mm: float, anteversion_deg: float) -> np.ndarray:
    """(4, 4) world from knee: the shafts' axes in one line, the condyles turned back by the neck's anteversion."""
    start, end = femur.solid.rows[SHAFT_ROW, 3:9].reshape(2, 3)
    axis = (start - end) / np.linalg.norm(start - end)
    backwards = np.cross(femur.lateral, axis)
    backwards /= np.linalg.norm(backwards)
    frame = np.stack([axis, backwards, np.cross(axis, backwards)], 1)
    a = np.deg2rad(-anteversion_deg)
    frame = frame @ np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    level, lean = BLEND_MM[1], np.tan(np.deg2rad(valgus_deg))  # of the knee's shaft, see `knee_femur`
    middle = np.array([level, -12.5 - 0.00035 * level**2, lean * (level - 15)]) * field.spacing_mm
    along = np.array([1, -0.0007 * level, lean]) * field.spacing_mm
    turn = frame @ _shortest_turn(along / np.linalg.norm(along))
    down = length_mm - middle[0] - (femur.head_centre - start) @ axis  # of the joint of the parts, below `start`
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, start - down * axis - turn @ middle
    return matrix


def _shortest_turn(way: np.ndarray) -> np.ndarray:
    """(3, 3) rotation that brings a unit vector to the first axis."""
    v, c = np.cross(way, [1.0, 0, 0]), way[0]
    skew = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + skew + skew @ skew / (1 + c)


def _joined(field: Field, femur: Femur, q: PelvisParameters) -> Field:
    """The distal femur up to the upper end of the blend, where it has become the hip's femur."""
    low, high = (round(float((x * field.spacing_mm[0] - field.origin_mm[0]) / field.spacing_mm[0])) for x in BLEND_MM)
    values = field.values[:, : high + SHARED_MM].copy()
    planes = np.arange(low, high + SHARED_MM)
    nodes = np.stack(np.meshgrid(planes, *(np.arange(n) for n in values.shape[2:]), indexing="ij"), -1).reshape(-1, 3)
    body = field.origin_mm + nodes * field.spacing_mm
    world = body @ field.world_from_body[:3, :3].T + field.world_from_body[:3, 3]
    hip = femur.solid.distance_mm(world).reshape(len(planes), *values.shape[2:])
    share = np.clip((planes - low) / (high - low), 0, 1)
    share = (share * share * (3 - 2 * share))[:, None, None]
    for channel, there in ((DISTANCE, hip), (CORTEX, q.shaft_cortex_mm * q.size), (DENSITY, 0.0)):
        values[channel, low:] = (1 - share) * values[channel, low:] + share * there
    return Field(values, field.origin_mm, field.spacing_mm, field.world_from_body)
