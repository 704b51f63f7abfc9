"""Long films of a whole left femur, with the landmarks all round its outline."""

from dataclasses import replace

import numpy as np

from ..drr.physics import Exposure, attenuation_from_hu, bone_attenuation_per_hu
from ..drr.physics import film as expose
from ..drr.render import render
from ..drr.simulate import GREY_LEVELS, radiograph
from ..geometry.camera import Camera, CArm
from ..imaging import Volume
from ..landmarks import Contour, LandmarkSet
from .complete_femur import SIDE, Leg, leg
from .field_bone import FieldBone, add_field_bone
from .films import PhantomFilm, has_implants
from .leg_implants import leg_implants
from .leg_outline import complete_outline
from .pelvis import LABELS
from .schemas import SCHEMAS
from .soft_tissue import draw_soft_tissue
from .voxels import add_implant, bone_volume, grid

PIXEL_MM, SIZE_PX = 0.5, (1296, 528)
SOURCE_TO_DETECTOR_MM = 1800.0
FINE_MM, SOFT_MM = (0.9, 1.8, 0.9), 4.0  # along the beam less is enough
BELOW_LABELS = {"tibia": 10, "fibula": 11, "patella": 12}
MARGIN_MM = 8.0


def femur_film(subject: int, *, implant: bool | None = None) -> PhantomFilm:
    """An AP film of a whole left femur with the hip above and the knee below.

    Parameters
    ----------
    subject
        The same number gives the same film, of the same person as in the pelvis' films.
    implant
        Whether the subject has metal in the femur or the knee; None gives a third of the subjects some.
    """
    metal = has_implants(subject) if implant is None else bool(implant)
    person = leg(subject, metal)
    views, choice = (np.random.default_rng(s) for s in np.random.SeedSequence([105, subject]).spawn(2))
    arm, exposure = _view(person, views), _exposure(views)
    camera = arm.camera()
    pieces = leg_implants(person, choice) if metal else ()
    grey = expose(_line_integrals(person, pieces, camera, exposure.energy_kev), exposure, views)
    image = radiograph(np.round(grey * GREY_LEVELS).astype(np.uint16), arm, f"phantom complete femur {subject}")
    outline, points = complete_outline(person, camera)
    femur = person.femur
    landmarks = LandmarkSet(SCHEMAS["complete-femur"].names,
                            np.vstack([points, camera.project(femur.head_centre[None])]))
    magnification = arm.source_to_detector_mm / arm.source_to_isocentre_mm
    radius = femur.head_radius_mm * camera.magnification(femur.head_centre) / magnification
    return PhantomFilm(image, landmarks, (Contour(outline[:-1], f"femur-{SIDE}"),), metal, radius, camera)


def _view(person: Leg, rng) -> CArm:
    angles = np.clip(rng.standard_normal(3), -2.2, 2.2) * (4.0, 3.0, 2.0)
    middle = 0.5 * (person.femur.head_centre + person.in_world(0, 0, 0)) + rng.uniform(-9, 9, 3)
    return CArm(*angles, rng.uniform(1660, 1720), SOURCE_TO_DETECTOR_MM, (PIXEL_MM, PIXEL_MM), SIZE_PX, tuple(middle))


def _exposure(rng) -> Exposure:
    return Exposure(photons=10 ** rng.uniform(5.0, 6.2), energy_kev=rng.uniform(46, 60), scatter=rng.uniform(0.2, 0.9),
                    scatter_width_px=rng.uniform(50, 100), blur_px=rng.uniform(0.6, 1.2),
                    equalisation=rng.uniform(0.45, 0.85), equalisation_width_px=rng.uniform(35, 100),
                    gamma=rng.uniform(0.75, 1.3))


def _line_integrals(person: Leg, pieces, camera: Camera, energy_kev: float) -> np.ndarray:
    """Attenuation along the rays: soft parts on a coarse grid, bone and metal on a fine one."""
    knee = person.in_world(0, 0, 0)[1]
    low, high = _seen(camera, min(-75.0, knee - 75.0), max(130.0, knee + 60.0))
    matrix, shape = grid(low, high, FINE_MM)
    excess = _bones(person, pieces, matrix, shape)
    bone = render(Volume(excess, matrix), camera) * bone_attenuation_per_hu(energy_kev)
    low, high = _seen(camera, min(-130.0, knee - 90.0), max(155.0, knee + 90.0))
    matrix, shape = grid(low, high, (SOFT_MM,) * 3)
    hu = draw_soft_tissue(_along_the_leg(person), shape, matrix[:3, 3], np.full(3, SOFT_MM))
    return bone + render(Volume(attenuation_from_hu(hu, energy_kev), matrix), camera)


def _seen(camera: Camera, anterior_mm: float, posterior_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """(3,) corners of the box, between two coronal planes, that the rays pass."""
    rows, columns = camera.size_px
    corners = np.array([[r, c, 1.0] for r in (0, rows - 1) for c in (0, columns - 1)])
    rays = corners @ camera.ray_from_px.T
    points = np.vstack([camera.source_mm + rays * ((p - camera.source_mm[1]) / rays[:, 1:2])
                        for p in (anterior_mm, posterior_mm)])
    low, high = points.min(0) - MARGIN_MM, points.max(0) + MARGIN_MM
    low[1], high[1] = anterior_mm, posterior_mm
    return low, high


def _bones(person: Leg, pieces, matrix: np.ndarray, shape) -> np.ndarray:
    """HU above soft tissue of the bones and the metal in a box."""
    hip = replace(person.person, implants=())
    excess, labels = bone_volume(hip, matrix, shape, posterior_first=True)
    origin, spacing, q = matrix[:3, 3], np.diag(matrix)[:3], hip.parameters
    parts = [FieldBone(LABELS[f"femur-{SIDE}"], person.lower)]
    parts += [FieldBone(BELOW_LABELS[name], field) for name, field in person.below.items()]
    for part in parts:
        add_field_bone(part, excess, labels, origin, spacing, q.bone_density, q.trabecular_texture_hu)
    for piece in pieces:
        if isinstance(piece, FieldBone):
            add_field_bone(piece, excess, labels, origin, spacing, 1.0, 0.0)
        else:
            add_implant(piece, excess, labels, origin, spacing)
    return excess


def _along_the_leg(person: Leg):
    """The soft parts, the thighs running to the knee."""
    tissue, (s, _, l) = person.person.tissue, person.in_world(0, 0, 0)  # noqa: E741
    envelope = tissue.envelope.copy()
    envelope[8] = (l - envelope[7]) / -s
    return replace(tissue, envelope=envelope)
