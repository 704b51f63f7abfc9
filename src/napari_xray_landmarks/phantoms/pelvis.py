"""An individual: pelvis, lower spine, both proximal femurs, soft parts, implants, and the landmarks of all."""

from dataclasses import dataclass

import numpy as np

from .bone import Bone
from .femur import Femur, femur
from .hip_bone import CONTROL_POINTS, HipBone, hip_bone
from .implants import Implant, random_implants
from .parameters import PelvisParameters, sample_parameters
from .soft_tissue import SoftTissue, soft_tissue
from .solids import Solid
from .spine import Sacrum, lumbar, sacrum

SIDES = {"left": 1, "right": -1}
LUMBAR = ("L5", "L4", "L3", "L2")
BONES = ("hip-left", "hip-right", "femur-left", "femur-right", "sacrum", *LUMBAR)
LABELS = {name: i + 1 for i, name in enumerate(BONES)}
IMPLANT_LABEL = 20
# Where each landmark of a hip bone starts, and which way it is the farthest point: (superior, posterior, outwards).
HIP_LANDMARKS = {
    "iliac-tubercle": ("tubercle", (0, 0, 1)),
    "asis": ("asis", (-0.5, -0.7, 0.5)), "aiis": ("aiis", (-0.4, -0.75, 0.5)),
    "ischial-tuberosity": ("tuberosity", (-1, 0, 0)), "pubic-tubercle": ("pubic tubercle", (0.8, -0.6, 0)),
}
# How far ahead of there the search starts, and how far it goes: on from the ischium, the ramus is lower in a few.
SEARCH_MM = {"ischial-tuberosity": (10.0, 4.0)}


@dataclass(frozen=True, eq=False)
class Individual:
    """One subject's anatomy in the world, (superior, posterior, left) in mm, between the hips at the origin.

    Parameters
    ----------
    parameters
    bones
    femurs
        By side, +1 left and -1 right.
    landmarks
        (3,) points by name, see `phantoms.schemas`.
    tissue
    implants
    """

    parameters: PelvisParameters
    bones: tuple[Bone, ...]
    femurs: dict[int, Femur]
    landmarks: dict[str, np.ndarray]
    tissue: SoftTissue
    implants: tuple[Implant, ...] = ()

    def bone(self, name: str) -> Bone:
        return next(b for b in self.bones if b.name == name)


def individual(subject: int, implant: bool = False, implant_side: int | None = None) -> Individual:
    """The individual of that number, always the same; with or without implants."""
    shape_seed, implant_seed = np.random.SeedSequence([71, subject]).spawn(2)
    rng = np.random.default_rng(shape_seed)
    q = sample_parameters(rng)
    world_from_pelvis = _tilt(q.tilt_deg)
    shift = {name: 1.8 * rng.standard_normal(3) for name in CONTROL_POINTS}
    hips = {side: hip_bone(q, side, shift, rng) for side in SIDES.values()}
    femurs = {side: femur(q, side, world_from_pelvis[:3, :3] @ hips[side].centre, rng) for side in hips}
    spine = sacrum(q, rng)
    bones = _bones(q, world_from_pelvis, hips, femurs, spine, lumbar(q, spine.base, len(LUMBAR), rng))
    landmarks = _landmarks(bones, world_from_pelvis, hips, femurs, spine)
    widest = max(abs(landmarks[f"{n}-{s}"][2]) for n in ("iliac-tubercle", "greater-trochanter") for s in SIDES)
    tissue = soft_tissue(q, rng, widest)
    metal = random_implants(femurs, landmarks, np.random.default_rng(implant_seed), implant_side) if implant else ()
    return Individual(q, bones, femurs, landmarks, tissue, metal)


def _tilt(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.eye(4)
    matrix[:2, :2] = [[cos, -sin], [sin, cos]]
    return matrix


def _bones(q: PelvisParameters, world_from_pelvis, hips, femurs, spine: Sacrum, vertebrae) -> tuple[Bone, ...]:
    placed = lambda solid: Solid(solid.rows, solid.polygon, world_from_pelvis)  # noqa: E731
    bones, thin = [], q.cortex_mm * q.size
    for i, solid in enumerate(vertebrae):
        name = LUMBAR[i]
        bones.append(Bone(name, LABELS[name], placed(solid), (0.75 * thin,) * 2, 850, 150))
    bones.append(Bone("sacrum", LABELS["sacrum"], placed(spine.solid), (0.75 * thin,) * 2, 900, 130))
    for name, side in SIDES.items():
        label = f"hip-{name}"
        bones.append(Bone(label, LABELS[label], placed(hips[side].solid), (thin, thin), 1350, 150))
    for name, side in SIDES.items():
        label, g, top = f"femur-{name}", q.size, femurs[side].shaft_top[0]
        bones.append(Bone(label, LABELS[label], femurs[side].solid, (0.8 * thin, q.shaft_cortex_mm * g), 1300, 210,
                          (top - 5 * g, top - 85 * g), -90.0))
    return tuple(bones)


def _landmarks(bones, world_from_pelvis, hips: dict[int, HipBone], femurs, spine: Sacrum) -> dict[str, np.ndarray]:
    """Every landmark as an extreme point of its bone's surface near where the construction put it."""
    solids = {b.name: b.solid for b in bones}
    in_world = lambda point: world_from_pelvis[:3, :3] @ point  # noqa: E731
    found = {}
    for name, side in SIDES.items():
        hip, start = solids[f"hip-{name}"], {k: in_world(p) for k, p in hips[side].points.items()}
        for landmark, (near, direction) in HIP_LANDMARKS.items():
            outwards = np.array(direction) * (1, 1, side)
            ahead, reach = SEARCH_MM.get(landmark, (0.0, 25.0))
            found[f"{landmark}-{name}"] = hip.farthest_mm(start[near] + ahead * outwards, outwards, reach)
        above_hip = np.append(start["summit"][:2], hips[side].centre[2])
        found[f"iliac-crest-{name}"] = hip.farthest_mm(above_hip, (1, 0, 0), 40.0, across=(0, 0, 1))
        found[f"ischial-spine-{name}"] = hip.farthest_mm(start["spine"], start["spine"] - start["ischial body"])
        bone, solid = femurs[side], solids[f"femur-{name}"]
        found[f"femoral-head-{name}"] = bone.head_centre
        found[f"greater-trochanter-{name}"] = solid.farthest_mm(bone.points["greater trochanter"], bone.shaft)
        found[f"lesser-trochanter-{name}"] = solid.farthest_mm(bone.points["lesser trochanter"], -bone.lateral)
    for end, near, way in (("superior", "pubic body", 1), ("inferior", "symphysis", -1)):
        corners = [solids[f"hip-{name}"].farthest_mm(in_world(hips[side].points[near]), (way, 0, -side), 25.0)
                   for name, side in SIDES.items()]
        found[f"symphysis-{end}"] = np.mean(corners, axis=0)
    promontory = in_world(spine.points["promontory"])
    found["sacral-promontory"] = solids["sacrum"].farthest_mm(promontory, (-0.3, -1, 0), across=(0, 0, 1))
    return found
