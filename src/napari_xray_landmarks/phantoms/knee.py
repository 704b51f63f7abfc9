"""A knee: femur, tibia, fibula and patella put together as their cartilages meet, soft parts, landmarks.

The anatomy is that of a left knee, (superior, posterior, left) mm with the joint near the origin; a right knee is its
mirror image, voxel by voxel.

Landmarks, each on the surface of its bone and extreme in the bone's own axes unless said otherwise. Femur:
`medial-epicondyle`, `lateral-epicondyle`, `medial-condyle-distal`, `lateral-condyle-distal`,
`medial-condyle-posterior`, `lateral-condyle-posterior`; `trochlea-medial` and `trochlea-lateral`, the most anterior
points of the trochlear ridges; `trochlea-groove`, the bottom of the groove between them; `intercondylar-notch`, in the
middle of the notch's roof. Tibia: `medial-eminence`, `lateral-eminence`, the tips of the intercondylar tubercles;
`plateau-medial`, `plateau-lateral`, `plateau-posterior-medial`, `plateau-posterior-lateral`, the rims of the plateaus;
`plateau-centre-medial`, `plateau-centre-lateral`, the bone at the plateaus' middle; `tuberosity`, its most anterior
point. Patella: `patella-apex`, `patella-base`, `patella-medial`,
`patella-lateral`. Fibula: `fibula-apex`, its highest point.
"""

from dataclasses import dataclass

import numpy as np

from ..mesh import Mesh
from .knee_femur import femur
from .knee_fields import CARTILAGE, Field
from .knee_parameters import KneeParameters, sample_knee_parameters
from .knee_patella import patella
from .knee_tibia import fibula, meniscus_ring, tibia

SIDES = {"left": 1, "right": -1}
BONES = ("femur", "tibia", "patella", "fibula")
JOINT_GAP_MM = 0.35


@dataclass(frozen=True, eq=False)
class Knee:
    """One subject's knee in the world of a left knee.

    Parameters
    ----------
    parameters
    side
        "left" or "right": which the images and landmarks that are made of it show.
    bones
        By name.
    ring
        Where the menisci are, see `knee_tibia.meniscus_ring`.
    landmarks
        (3,) points by name, of the left knee.
    """

    parameters: KneeParameters
    side: str
    bones: dict[str, Field]
    ring: Field
    landmarks: dict[str, np.ndarray]

    def surface(self, bone: str) -> Mesh:
        """A bone's true surface on the knee's side, open where its shaft is cut."""
        vertices, triangles = self.bones[bone].mesh()
        if SIDES[self.side] < 0:
            vertices, triangles = vertices * (1, 1, -1), triangles[:, ::-1]
        return Mesh(vertices, triangles, bone)


def knee(subject: int, side: str | None = None, parameters: KneeParameters | None = None) -> Knee:
    """The knee of that number, always the same.

    Parameters
    ----------
    subject
    side
        "left" or "right"; None leaves it to the subject.
    parameters
        In place of the subject's own.
    """
    if side not in (None, *SIDES):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    own, shapes, pose = (np.random.default_rng(s) for s in np.random.SeedSequence([72, subject]).spawn(3))
    drawn, side = sample_knee_parameters(own), side or str(own.choice(list(SIDES)))
    q = parameters or drawn
    rngs = dict(zip(BONES, shapes.spawn(len(BONES)), strict=True))
    bones = {"femur": femur(q, rngs["femur"]), "tibia": tibia(q, rngs["tibia"]),
             "patella": patella(q, rngs["patella"]), "fibula": fibula(q, rngs["fibula"])}
    bones = _put_together(q, bones)
    lying = _lying(q, pose)
    bones = {name: bone.placed(lying @ bone.world_from_body) for name, bone in bones.items()}
    return Knee(q, side, bones, meniscus_ring(q).placed(lying), _landmarks(q, bones))


def _put_together(q: KneeParameters, bones: dict[str, Field]) -> dict[str, Field]:
    """The bones in the tibia's frame, moved until their cartilages all but touch."""
    shin, g = bones["tibia"], q.size
    thigh = _settle_femur(q, bones["femur"], shin)
    pull_s = -30 * g + (0.94 * q.patellar_tendon * 43 + 23) * g * q.patella_height
    turn = _turn(0.65 * q.flexion_deg + 4, 0) @ _turn(0, -4)
    cap = bones["patella"].placed(_rigid(turn, (pull_s, -75 * g, 2 * g)))
    cap = _push(cap, thigh, (0, 1, 0), JOINT_GAP_MM, 1.0)
    head = bones["fibula"].placed(_rigid(np.eye(3), (0, 2 * g, 14 * g)))
    head = _push(head, shin, (0, -0.4, -0.9), 1.2, -1.0)
    return {"femur": thigh, "tibia": shin, "patella": cap, "fibula": head}


def _settle_femur(q: KneeParameters, thigh: Field, shin: Field) -> Field:
    """Femur on tibia: height and tilt such that both compartments close."""
    turn = _turn(q.flexion_deg, -q.rotation_deg)
    points = thigh.outer_mm(0.8)
    points = points[points[:, 0] < -8 * q.size]
    at, tilt = np.array([31.0, q.rollback_mm, 0]) * q.size, 0.0
    for _ in range(12):
        lean = np.array([[1, 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, 1]])
        lean, _ = np.linalg.qr(lean)
        lean *= np.sign(np.diag(lean))
        world = points @ (lean @ turn).T + at
        gap = shin.distance_mm(world) - shin.read(world, CARTILAGE)
        sides = [gap[world[:, 2] < 0].min(), gap[world[:, 2] > 0].min()]
        at = at - [0.9 * (np.mean(sides) - JOINT_GAP_MM), 0, 0]
        tilt -= 0.8 * (sides[1] - sides[0]) / (44 * q.size)
    return thigh.placed(_rigid(lean @ turn, at))


def _push(bone: Field, against: Field, way, gap_mm: float, least_mm: float) -> Field:
    """Move a bone along `way` until its surface is `gap_mm` from the other's."""
    way = np.asarray(way, float) / np.linalg.norm(way)
    points = bone.outer_mm(least_mm)
    moved = 0.0
    for _ in range(30):
        at = points + moved * way
        gap = (against.distance_mm(at) - against.read(at, CARTILAGE)).min()
        moved += 0.9 * (gap - gap_mm)
        if abs(gap - gap_mm) < 0.02:
            break
    shift = np.eye(4)
    shift[:3, 3] = moved * way
    return bone.placed(shift @ bone.world_from_body)


def _turn(flexion_deg: float, rotation_deg: float) -> np.ndarray:
    """(3, 3) turn whose upper end goes back by the flexion, after a turn about the long axis."""
    f, r = np.deg2rad([flexion_deg, rotation_deg])
    about_left = [[np.cos(f), -np.sin(f), 0], [np.sin(f), np.cos(f), 0], [0, 0, 1]]
    about_long = [[1, 0, 0], [0, np.cos(r), -np.sin(r)], [0, np.sin(r), np.cos(r)]]
    return np.array(about_left) @ np.array(about_long)


def _rigid(turn: np.ndarray, at) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, at
    return matrix


def _lying(q: KneeParameters, rng: np.random.Generator) -> np.ndarray:
    """World from tibia: as the leg lies in the coil, half the flexion in the thigh and half in the shank."""
    pitch, roll, lean = np.clip(rng.standard_normal(3), -2, 2) * (2.0, 4.0, 2.0)
    c, n = np.cos(np.deg2rad(lean)), np.sin(np.deg2rad(lean))
    about_back = np.array([[c, 0, -n], [0, 1, 0], [n, 0, c]])
    shift = np.clip(rng.standard_normal(3), -2, 2) * (4, 3, 3)
    return _rigid(about_back @ _turn(pitch - q.flexion_deg / 2, roll), shift)


def _landmarks(q: KneeParameters, bones: dict[str, Field]) -> dict[str, np.ndarray]:
    found = {}
    for name, bone, start, way, reach in _extremes(q):
        solid = bones[bone]
        scale = solid.spacing_mm
        direction = solid.world_from_body[:3, :3] @ np.asarray(way, float)
        begin = solid.in_world(np.asarray(start) * scale)
        found[name] = solid.farthest_mm(begin, direction, reach)
    for name, bone, start in (("plateau-centre-medial", "tibia", (-2, 1, -21.5)),
                              ("plateau-centre-lateral", "tibia", (-1, 0.5, 21)),
                              ("trochlea-groove", "femur", (-1, q.groove_mm - q.trochlea_mm, 0)),
                              ("intercondylar-notch", "femur", (-7, 2, -0.5))):
        solid = bones[bone]
        found[name] = solid.surface_mm(solid.in_world(np.asarray(start) * solid.spacing_mm))
    return found


def _extremes(q: KneeParameters):
    """(name, bone, start, direction, reach in mm): where a walk over the surface begins and which way it climbs."""
    trochlea = q.trochlea_mm
    return (
        ("medial-epicondyle", "femur", (4, 2, -42), (0, 0, -1), 12),
        ("lateral-epicondyle", "femur", (3, 1, 42), (0, 0, 1), 12),
        ("medial-condyle-distal", "femur", (-27, 0, -22), (-1, 0, 0), 12),
        ("lateral-condyle-distal", "femur", (-25, 0, 22), (-1, 0, 0), 12),
        ("medial-condyle-posterior", "femur", (3, 24.5, -22), (0, 1, 0), 12),
        ("lateral-condyle-posterior", "femur", (3, 23, 22), (0, 1, 0), 12),
        ("trochlea-lateral", "femur", (1, -trochlea, 21), (0, -1, 0), 12),
        ("trochlea-medial", "femur", (-8, -29, -20), (0, -1, 0), 12),
        ("medial-eminence", "tibia", (8, 1, -6), (1, 0, 0), 10),
        ("lateral-eminence", "tibia", (7, 4, 7), (1, 0, 0), 10),
        ("plateau-medial", "tibia", (-8, 0, -37), (0, 0, -1), 12),
        ("plateau-lateral", "tibia", (-8, 0, 37), (0, 0, 1), 12),
        ("plateau-posterior-medial", "tibia", (-8, 24, -22), (0, 1, 0), 12),
        ("plateau-posterior-lateral", "tibia", (-8, 20, 20), (0, 1, 0), 12),
        ("tuberosity", "tibia", (-33, -28, 1), (0, -1, 0), 10),
        ("patella-apex", "patella", (-23, -2, 0), (-1, 0, 0), 10),
        ("patella-base", "patella", (20, 0, 0), (1, 0, 0), 14),
        ("patella-medial", "patella", (1, 0, -21), (0, 0, -1), 12),
        ("patella-lateral", "patella", (1, 0, 22), (0, 0, 1), 12),
        ("fibula-apex", "fibula", (-8, 22, 37), (1, 0, 0), 10),
    )
