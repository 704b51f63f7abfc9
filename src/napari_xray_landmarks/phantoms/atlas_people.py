"""Individuals with real pelves: the atlas's surfaces with femurs, spine, soft parts and implants, as CTs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..drr.repair import solid_surface
from ..landmarks import LandmarkSet
from .atlas import FILES, SIDES, PelvisSurfaces, pelvis_shapes, read_pelvis
from .bone import Bone
from .femur import femur
from .femur_model import place_femur, read_femur_model
from .implants import Implant, random_implants
from .parameters import PelvisParameters, sample_parameters
from .pelvis import IMPLANT_LABEL, LABELS, LUMBAR
from .phantom import Phantom
from .schemas import SCHEMAS
from .soft_tissue import SoftTissue, soft_tissue
from .solids import Solid, capsule
from .spine import lumbar
from .surfaces import SurfaceBone, ct_from_surfaces, varying
from .vertices import VERTICES

BOX_MM = ((-200.0, -125.0, -215.0), (235.0, 155.0, 215.0))  # room for steep views
MEAN_HIP_MM = 86.0  # from the midline to a hip's centre, mean of the atlas
SHAFT_FROM_TO_MM = (5.0, 85.0)  # below the neck: where the femur's cortex thickens and its cavity begins


@dataclass(frozen=True, eq=False)
class AtlasPerson:
    """A real or sampled pelvis made into a person.

    Parameters
    ----------
    name
    parameters
        Of all that the atlas does not tell.
    bones
    landmarks
        (3,) points in mm by name, those of the pelvis's schema.
    tissue
    implants
    """

    name: str
    parameters: PelvisParameters
    bones: tuple[SurfaceBone | Bone, ...]
    landmarks: dict[str, np.ndarray]
    tissue: SoftTissue
    implants: tuple[Implant, ...] = ()

    def phantom(self, spacing_mm: float = 1.5, box_mm=BOX_MM) -> Phantom:
        """The person as a CT with labels and landmarks of what lies in a box, (lowest, highest) corner of the world."""
        q = self.parameters
        metal = [Bone(i.kind, IMPLANT_LABEL, i.solid, (50.0, 50.0), i.hu, i.hu) for i in self.implants]
        ct, labels = ct_from_surfaces(self.bones, spacing_mm=spacing_mm, tissue=self.tissue, box_mm=box_mm,
                                      implants=metal, density=q.bone_density, texture_hu=q.trabecular_texture_hu,
                                      name=self.name)
        names = SCHEMAS["pelvis"].names
        landmarks = LandmarkSet(names, np.array([self.landmarks[n] for n in names]), unit="mm")
        labelled = LABELS | ({"implant": IMPLANT_LABEL} if metal else {})
        return Phantom(ct, labels, landmarks, labelled, bool(metal))


def atlas_person(folder, subject: str, variant: int = 0, *, femurs=None, implant: bool = False) -> AtlasPerson:
    """One subject of the atlas; each variant has other femurs, soft parts, densities and implants.

    Parameters
    ----------
    folder
        Of the atlas.
    subject
        One of `atlas.atlas_subjects`.
    variant
    femurs
        File of the femur model; None gives the phantom's femurs.
    implant
        Whether there is metal.

    Raises
    ------
    FileError
        The data are missing or damaged.
    """
    return person_of(read_pelvis(folder, subject), np.random.default_rng([83, int(subject), variant]), femurs=femurs,
                     implant=implant)


def sampled_person(folder, subjects: Sequence[str], number: Sequence[int], *, femurs=None, implant: bool = False
                   ) -> AtlasPerson:
    """An individual of the shape space of some of the atlas's subjects; the same numbers give the same one."""
    rng = np.random.default_rng([89, *number])
    name = "sampled pelvis " + "-".join(map(str, number))
    return person_of(pelvis_shapes(folder, tuple(subjects)).sample(rng, name), rng, femurs=femurs, implant=implant)


def person_of(pelvis: PelvisSurfaces, rng: np.random.Generator, *, femurs=None, implant: bool = False) -> AtlasPerson:
    """A person round a pelvis; as `atlas_person`."""
    centres = {name: pelvis.acetabulum(name) for name in SIDES}
    size = float(np.clip((centres["left"][0][2] - centres["right"][0][2]) / 2 / MEAN_HIP_MM, 0.8, 1.25))
    drawn = sample_parameters(rng)
    radius = np.mean([r for _, r in centres.values()]) - drawn.joint_space_mm * size
    base, slope = _sacral_base(pelvis)
    q = replace(drawn, size=size, head_radius_mm=float(radius / size), width=1.0, height=1.0, depth=1.0,
                lordosis_deg=float(np.clip(slope - 14 + 3 * rng.standard_normal(), 5, 45)))
    bones = _spine(q, base, rng) + [_sacral_end(pelvis, q)] + _pelvic_bones(pelvis, q, rng)
    landmarks, placed = pelvis.landmarks(), {}
    for name, side in SIDES.items():
        bone, placed[side], found = _femur(name, side, centres[name][0], q, femurs, rng)
        bones.append(bone)
        landmarks |= {f"{k}-{name}": v for k, v in found.items()}
    widest = max(abs(landmarks[f"{n}-{s}"][2]) for n in ("iliac-tubercle", "greater-trochanter") for s in SIDES)
    tissue = soft_tissue(q, rng, widest)
    metal = random_implants(placed, landmarks, rng) if implant else ()
    return AtlasPerson(pelvis.name, q, tuple(bones), landmarks, tissue, metal)


def _pelvic_bones(pelvis: PelvisSurfaces, q: PelvisParameters, rng) -> list[SurfaceBone]:
    bones = []
    for name in FILES:
        mesh = solid_surface(pelvis.mesh(name))
        thickness = q.cortex_mm * q.size * (0.75 if name == "sacrum" else 1.0)
        density = (900.0, 130.0) if name == "sacrum" else (1100.0, 190.0)
        bones.append(SurfaceBone(name, LABELS[name], mesh, varying(mesh.vertices, thickness, 0.25, rng), *density))
    return bones


def _femur(name: str, side: int, centre, q: PelvisParameters, model, rng):
    """The bone, its axes, and the trochanters' landmarks: from the femur model, or the phantom's."""
    label, thin = f"femur-{name}", 0.8 * q.cortex_mm * q.size
    thick = q.shaft_cortex_mm * q.size
    if model is None:
        made = femur(q, side, centre, rng)
        top = made.shaft_top[0]
        low, high = (top - mm * q.size for mm in SHAFT_FROM_TO_MM)
        bone = Bone(label, LABELS[label], made.solid, (thin, thick), 1300, 210, (low, high), -90.0)
        return bone, made, {
            "greater-trochanter": made.solid.farthest_mm(made.points["greater trochanter"], made.shaft),
            "lesser-trochanter": made.solid.farthest_mm(made.points["lesser trochanter"], -made.lateral)}
    made = place_femur(read_femur_model(model).sample(rng), side, centre, q.head_radius_mm * q.size, q, rng)
    below = (made.shaft_top - made.mesh.vertices) @ made.shaft / q.size
    start, end = SHAFT_FROM_TO_MM
    share = np.clip((below - start) / (end - start), 0, 1)
    share = share * share * (3 - 2 * share)
    cortex = varying(made.mesh.vertices, 1.0, 0.12, rng) * (thin + share * (thick - thin))
    return SurfaceBone(label, LABELS[label], made.mesh, cortex, 1300, 210, share), made, made.landmarks


def _sacral_base(pelvis: PelvisSurfaces) -> tuple[np.ndarray, float]:
    """Middle of the upper end of the sacrum, and how steep it falls forwards in degrees."""
    numbers, points = VERTICES["pelvis-atlas"]["sacral-base"], pelvis.of("sacrum")
    front, back = points[numbers["front"]], points[numbers["back"]]
    rise = back - front
    return (front + back) / 2, float(np.rad2deg(np.arctan2(rise[0], rise[1])))


def _spine(q: PelvisParameters, base, rng) -> list[Bone]:
    thin = 0.75 * q.cortex_mm * q.size
    return [Bone(name, LABELS[name], solid, (thin, thin), 850, 150)
            for name, solid in zip(LUMBAR, lumbar(q, base, len(LUMBAR), rng), strict=True)]


def _sacral_end(pelvis: PelvisSurfaces, q: PelvisParameters) -> Bone:
    """What the atlas cuts off: the fourth and fifth sacral segments and the coccyx."""
    g, thin = q.size, 0.6 * q.cortex_mm * q.size
    end = pelvis.of("sacrum")[VERTICES["pelvis-atlas"]["sacral-end"]].mean(0)
    levels = (((1, 3), 21, 6.5), ((-8, 6), 18, 6), ((-17, 7), 14, 5.5), ((-26, 5), 9, 5), ((-36, -1), 5, 4.5),
              ((-44, -8), 3, 4))
    rows = [capsule(end + np.array([*at, -half]) * g, end + np.array([*at, half]) * g, radius * g, radius * g, 5 * g)
            for at, half, radius in levels]
    return Bone("sacrum", LABELS["sacrum"], Solid(np.array(rows)), (thin, thin), 850, 110)
