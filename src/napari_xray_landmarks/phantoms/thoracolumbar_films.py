"""Standing films of the whole spine, as those of the AASCE data, with exact corners and outlines."""

import numpy as np

from ..drr.physics import Exposure, attenuation_from_hu, bone_attenuation_per_hu
from ..drr.physics import film as expose
from ..drr.render import render
from ..drr.simulate import GREY_LEVELS, radiograph
from ..geometry.camera import Camera, CArm
from ..imaging import Volume
from ..landmarks import Contour, LandmarkSet
from .films import PhantomFilm, has_implants
from .schemas import vertebral_corners
from .scoliosis import Scoliosis
from .silhouette import silhouette
from .thoracolumbar import Spine, spine
from .thoracolumbar_landmarks import FRONTAL, LATERAL, corners_in_film, corners_in_space
from .trunk import draw_trunk
from .voxels import bone_volume, grid

PIXEL_MM = 0.5
FINE_MM, COARSE_MM = 0.75, 1.8  # across and along the beam
SOFT_MM = 2.5
VIEWS = {"ap": (0.0, FRONTAL), "lateral": (90.0, LATERAL)}


def spine_film(subject: int, *, implant: bool | None = None, curves: Scoliosis | None = None,
               view: str = "ap") -> PhantomFilm:
    """A standing film of the spine of a subject from C7 to the sacrum.

    Parameters
    ----------
    subject
        The same number gives the same film.
    implant
        Whether the subject has screws and rods; None gives a third of the subjects some.
    curves
        Another scoliosis than the subject's own.
    view
        "ap", the patient's right at the film's left, or "lateral".
    """
    if view not in VIEWS:
        raise ValueError(f"view must be one of {', '.join(VIEWS)}, got {view!r}")
    metal = has_implants(subject) if implant is None else bool(implant)
    person = spine(subject, curves, metal)
    rng = np.random.default_rng([103, subject])
    sides = VIEWS[view][1]
    arm = _view(person, view, rng)
    camera = arm.camera()
    exposure = _exposure(rng)
    grey = expose(_line_integrals(person, camera, exposure.energy_kev), exposure, rng)
    name = f"phantom spine {subject}" + ("" if view == "ap" else f" {view}")
    image = radiograph(np.round(grey * GREY_LEVELS).astype(np.uint16), arm, name)
    landmarks = LandmarkSet(vertebral_corners(sides), corners_in_film(person, camera, sides))
    contours = tuple(Contour(silhouette(v.body, camera)[0], v.name) for v in person.vertebrae)
    return PhantomFilm(image, landmarks, contours, metal, float("nan"), camera)


def _view(person: Spine, view: str, rng) -> CArm:
    """A tube far away, and a field that holds all corners with a margin like that of the real films."""
    lao, sides = VIEWS[view]
    turns = np.clip(rng.standard_normal(3), -2, 2) * (2.0, 0.8, 1.0)
    to_detector = rng.uniform(1750, 1950)
    to_isocentre = to_detector - rng.uniform(170, 260)
    points = np.array([p for n, p in corners_in_space(person).items() if n.rpartition("-")[2] in sides])
    low, high = points.min(0), points.max(0)
    across = 2 if view == "ap" else 1
    low = low - (rng.uniform(12, 48), *(2 * [rng.uniform(40, 72)]))
    high = high + (rng.uniform(4, 22), *(2 * [rng.uniform(40, 72)]))
    size_mm = (high - low)[[0, across]] * to_detector / to_isocentre
    size = tuple(int(np.ceil(n / PIXEL_MM)) for n in size_mm)
    return CArm(lao + turns[0], turns[1], turns[2], to_isocentre, to_detector, (PIXEL_MM, PIXEL_MM), size,
                tuple((low + high) / 2))


def _exposure(rng) -> Exposure:
    return Exposure(photons=10 ** rng.uniform(4.3, 5.5), energy_kev=rng.uniform(48, 60), scatter=rng.uniform(0.2, 0.7),
                    scatter_width_px=rng.uniform(30, 60), blur_px=rng.uniform(0.4, 0.7),
                    equalisation=rng.uniform(0.1, 0.45), equalisation_width_px=rng.uniform(60, 140),
                    saturated=rng.uniform(0.02, 0.12), gamma=rng.uniform(0.5, 0.95))


def _line_integrals(person: Spine, camera: Camera, energy_kev: float) -> np.ndarray:
    """Attenuation along the rays: soft parts on a coarse grid, bone on one that is fine across the beam."""
    along = int(np.argmax(np.abs(camera.ray_from_px[:, 2])))
    spacing = np.full(3, FINE_MM)
    spacing[along] = COARSE_MM
    matrix, shape = grid(*_seen(person, camera, 0.0), spacing)
    excess, _ = bone_volume(person, matrix, shape, posterior_first=along == 1)
    bone = render(Volume(excess, matrix), camera) * bone_attenuation_per_hu(energy_kev)
    matrix, shape = grid(*_seen(person, camera, 40.0), (SOFT_MM,) * 3)
    hu = draw_trunk(person.tissue, shape, matrix[:3, 3], np.full(3, SOFT_MM))
    return bone + render(Volume(attenuation_from_hu(hu, energy_kev), matrix), camera)


def _seen(person: Spine, camera: Camera, margin_mm: float):
    """(3,) corners of the part of a box about the body that the rays pass."""
    shape, centres = person.cage, np.array([v.centre_mm for v in person.vertebrae])
    wide = shape.half_width_mm.max() + 25 + margin_mm
    low = np.array([-150.0, (shape.behind_mm - shape.half_depth_mm).min() - 20 - margin_mm, shape.left_mm.min() - wide])
    high = np.array([centres[0, 0] + 80.0, centres[:, 1].max() + 75 + margin_mm, shape.left_mm.max() + wide])
    rows, columns = camera.size_px
    corners = np.array([[r, c, 1.0] for r in (0, rows - 1) for c in (0, columns - 1)])
    rays = corners @ camera.ray_from_px.T
    along = int(np.argmax(np.abs(rays[0])))
    points = np.vstack([camera.source_mm + rays * ((end[along] - camera.source_mm[along]) / rays[:, along:along + 1])
                        for end in (low, high)])
    return np.maximum(low, points.min(0) - 4), np.minimum(high, points.max(0) + 4)
