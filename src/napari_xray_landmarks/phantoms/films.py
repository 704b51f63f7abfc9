"""Films of the phantoms with exact landmarks and outlines."""

from dataclasses import dataclass

import numpy as np

from ..drr.physics import Exposure, attenuation_from_hu, bone_attenuation_per_hu
from ..drr.physics import film as expose
from ..drr.render import render
from ..drr.simulate import GREY_LEVELS, radiograph
from ..geometry.camera import Camera, CArm
from ..imaging import Radiograph, Volume
from ..landmarks import Contour, LandmarkSet
from .hip_outline import hip_outline
from .outline import femur_outline
from .pelvis import SIDES, Individual, individual
from .schemas import SCHEMAS
from .silhouette import silhouette
from .soft_tissue import draw_soft_tissue
from .voxels import bone_volume, grid

FILM_SIDE = "left"  # the proximal femur that its films show
SOFT_SPACING_MM = 3.0
FINE_SPACING_MM = {"pelvis": (1.0, 1.9, 1.0), "proximal-femur": (0.7, 1.3, 0.7),  # along the beam less is enough
                   "pelvis-outline": (1.0, 1.9, 1.0)}


@dataclass(frozen=True, eq=False)
class PhantomFilm:
    """A film and the truth about it.

    Parameters
    ----------
    radiograph
    landmarks
        In px, of the schema of that phantom.
    contours
        Outlines of the bones in px.
    has_implant
    head_radius_mm
        Radius of the femoral head in the plane of the film's spacing.
    camera
        Where it was taken from; acts on the phantom's world.
    """

    radiograph: Radiograph
    landmarks: LandmarkSet
    contours: tuple[Contour, ...]
    has_implant: bool
    head_radius_mm: float
    camera: Camera


def has_implants(subject: int) -> bool:
    """Whether a subject has implants where nothing else is said: every third has."""
    return subject % 3 == 2


def film(name: str, subject: int, *, implant: bool | None = None) -> PhantomFilm:
    """An AP film of a phantom: "pelvis", "proximal-femur" (the left one) or "pelvis-outline".

    Parameters
    ----------
    name
    subject
        Which individual; the same number gives the same film.
    implant
        Whether the subject has metal implants; None gives a third of the subjects some.
    """
    if name not in FINE_SPACING_MM:
        raise ValueError(f"there is no phantom {name!r} here, only {', '.join(FINE_SPACING_MM)}")
    metal = has_implants(subject) if implant is None else bool(implant)
    side = SIDES[FILM_SIDE] if name == "proximal-femur" else None
    person = individual(subject, metal, side)
    rng = np.random.default_rng([101 + list(SCHEMAS).index(name), subject])
    arm = _femur_view(rng, person) if name == "proximal-femur" else _pelvis_view(rng)
    camera = arm.camera()
    exposure = _exposure(rng)
    grey = expose(_line_integrals(person, camera, exposure.energy_kev, FINE_SPACING_MM[name]), exposure, rng)
    image = radiograph(np.round(grey * GREY_LEVELS).astype(np.uint16), arm, f"phantom {name} {subject}")
    landmarks, contours = TRUTHS[name](person, camera)
    head = person.femurs[SIDES[FILM_SIDE]]
    isocentre_magnification = arm.source_to_detector_mm / arm.source_to_isocentre_mm
    radius = head.head_radius_mm * camera.magnification(head.head_centre) / isocentre_magnification
    return PhantomFilm(image, landmarks, contours, metal, radius, camera)


def _pelvis_view(rng) -> CArm:
    angles = np.clip(rng.standard_normal(3), -2.2, 2.2) * (3.0, 3.0, 2.5)
    isocentre = (rng.uniform(12, 28), 10.0, rng.uniform(-10, 10))
    return CArm(*angles, rng.uniform(1000, 1080), 1150.0, (0.8, 0.8), (448, 544), isocentre)


def _femur_view(rng, person: Individual) -> CArm:
    angles = np.clip(rng.standard_normal(3), -2.2, 2.2) * (4.0, 4.0, 4.0)
    femur = person.femurs[SIDES[FILM_SIDE]]
    isocentre = femur.shaft_top + 0.35 * (femur.head_centre - femur.shaft_top) - (26, 0, 0)
    isocentre = isocentre + rng.uniform(-9, 9, 3)
    return CArm(*angles, rng.uniform(1000, 1080), 1150.0, (0.45, 0.45), (512, 416), tuple(isocentre))


def _exposure(rng) -> Exposure:
    return Exposure(photons=10 ** rng.uniform(5.0, 6.2), energy_kev=rng.uniform(46, 60), scatter=rng.uniform(0.2, 0.9),
                    scatter_width_px=rng.uniform(30, 60), blur_px=rng.uniform(0.45, 0.9),
                    equalisation=rng.uniform(0.45, 0.85), equalisation_width_px=rng.uniform(22, 60),
                    gamma=rng.uniform(0.75, 1.3))


def _line_integrals(person: Individual, camera: Camera, energy_kev: float, fine_mm) -> np.ndarray:
    """Attenuation along the rays: soft parts on a coarse grid, bone and metal on a fine one."""
    low, high = _field_of_view(camera, -75.0, 130.0)
    matrix, shape = grid((low[0], -75, low[2]), (high[0], 130, high[2]), fine_mm)
    excess, _ = bone_volume(person, matrix, shape, posterior_first=True)
    bone = render(Volume(excess, matrix), camera) * bone_attenuation_per_hu(energy_kev)
    low, high = _field_of_view(camera, -130.0, 150.0)
    matrix, shape = grid((low[0], -130, low[2]), (high[0], 155, high[2]), (SOFT_SPACING_MM,) * 3)
    hu = draw_soft_tissue(person.tissue, shape, matrix[:3, 3], np.full(3, SOFT_SPACING_MM))
    return bone + render(Volume(attenuation_from_hu(hu, energy_kev), matrix), camera)


def _field_of_view(camera: Camera, anterior_mm: float, posterior_mm: float, margin_mm: float = 8.0):
    """(3,) corners of the box, between two coronal planes, that the rays pass."""
    rows, columns = camera.size_px
    corners = np.array([[r, c, 1.0] for r in (0, rows - 1) for c in (0, columns - 1)])
    rays = corners @ camera.ray_from_px.T
    points = np.vstack([camera.source_mm + rays * ((p - camera.source_mm[1]) / rays[:, 1:2])
                        for p in (anterior_mm, posterior_mm)])
    return points.min(0) - margin_mm, points.max(0) + margin_mm


def _pelvis_truth(person: Individual, camera: Camera) -> tuple[LandmarkSet, tuple[Contour, ...]]:
    names = SCHEMAS["pelvis"].names
    points = camera.project(np.array([person.landmarks[n] for n in names]))
    contours = []
    for bone in person.bones:
        if bone.name.startswith(("hip", "femur")):
            outline = silhouette(bone.solid, camera)[0]
            contours.append(Contour(outline, bone.name, closed=bool(np.allclose(outline[0], outline[-1]))))
    return LandmarkSet(names, points), tuple(contours)


def _femur_truth(person: Individual, camera: Camera) -> tuple[LandmarkSet, tuple[Contour, ...]]:
    femur = person.femurs[SIDES[FILM_SIDE]]
    trochanters = [person.landmarks[f"{n}-trochanter-{FILM_SIDE}"] for n in ("greater", "lesser")]
    outline, points = femur_outline(femur, trochanters, camera)
    head = camera.project(femur.head_centre[None])
    landmarks = LandmarkSet(SCHEMAS["proximal-femur"].names, np.vstack([points, head]))
    return landmarks, (Contour(outline, f"femur-{FILM_SIDE}", closed=False),)


def _hips_truth(person: Individual, camera: Camera) -> tuple[LandmarkSet, tuple[Contour, ...]]:
    outlines = {f"hip-{side}": hip_outline(person, side, camera) for side in SIDES}
    landmarks = LandmarkSet(SCHEMAS["pelvis-outline"].names, np.vstack([points for _, points in outlines.values()]))
    return landmarks, tuple(Contour(line[:-1], name) for name, (line, _) in outlines.items())


TRUTHS = {"pelvis": _pelvis_truth, "proximal-femur": _femur_truth, "pelvis-outline": _hips_truth}
