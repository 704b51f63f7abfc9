"""A CT from bone surfaces: cortical shell, trabecular filling and marrow, in muscle, fat and skin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from ..drr.repair import solid_surface
from ..imaging import Volume
from ..mesh import Mesh
from .bone import Bone, add_bone, blend_voxel, noise_tile
from .distance import distance_field
from .envelope import draw_envelope
from .soft_tissue import MUSCLE_HU, SoftTissue, draw_soft_tissue
from .voxels import grid

DEPTH_MM = 12.0  # how far below its surface a bone's filling still changes


@dataclass(frozen=True, eq=False)
class SurfaceBone:
    """One bone given by its surface, and what it is made of.

    Parameters
    ----------
    name
    label
        Its value in the label volume.
    mesh
        Closed, from `drr.repair.solid_surface`.
    cortex_mm : (N,) array or a number
        Thickness of the cortex at every vertex.
    cortex_hu, trabecular_hu
        Densities in HU.
    marrow : (N,) array or a number
        At every vertex, how much of the filling below the cortex is a marrow cavity, 0 to 1.
    marrow_hu
        Density of that cavity in HU.
    """

    name: str
    label: int
    mesh: Mesh
    cortex_mm: np.ndarray | float = 1.7
    cortex_hu: float = 1100.0
    trabecular_hu: float = 190.0
    marrow: np.ndarray | float = 0.0
    marrow_hu: float = -90.0

    def __post_init__(self):
        for key in ("cortex_mm", "marrow"):
            values = np.broadcast_to(np.asarray(getattr(self, key), float), (len(self.mesh.vertices),))
            if not np.isfinite(values).all() or values.min() < 0:
                raise ValueError(f"{key} of {self.name!r} must be finite and not negative")
            object.__setattr__(self, key, values)
        if not 0 < self.label < 256:
            raise ValueError(f"label of {self.name!r} must be 1 to 255, got {self.label}")


def varying(points: np.ndarray, mean: float, share: float, rng: np.random.Generator, wavelength_mm: float = 45.0
            ) -> np.ndarray:
    """(N,) values about a mean that vary smoothly over (N, 3) points, with a standard deviation of `share` of it."""
    waves = rng.standard_normal((24, 3)) * (2 * np.pi / wavelength_mm / np.sqrt(3))
    phases = rng.uniform(0, 2 * np.pi, 24)
    noise = np.cos(points @ waves.T + phases).sum(1) * np.sqrt(2 / 24)
    return mean * (1 + share * np.clip(noise, -2.5, 2.5))


def bones_of(meshes: Sequence[Mesh], **substance) -> tuple[SurfaceBone, ...]:
    """Bones of one substance, labelled in order, from surfaces that may have small holes and stray bodies.

    Raises
    ------
    InputError
        A surface is open, inverted or inconsistent.
    """
    return tuple(SurfaceBone(mesh.name, i + 1, solid_surface(mesh), **substance) for i, mesh in enumerate(meshes))


def ct_from_surfaces(bones: Sequence[SurfaceBone | Bone], *, spacing_mm=1.0, rng: np.random.Generator | int = 0,
                     tissue: SoftTissue | None = None, box_mm=None, implants: Sequence[Bone] = (),
                     density: float = 1.0, texture_hu: float = 48.0, name: str = "bones") -> tuple[Volume, Volume]:
    """A CT in HU of bones in a body, and its label volume.

    Parameters
    ----------
    bones
    spacing_mm
        Of the voxels: a number, or one for each axis.
    rng
        For what varies: the thickness of muscle and fat where `tissue` is not given.
    tissue
        The soft parts of a pelvis; None wraps muscle, fat and skin round the bones.
    box_mm : (2, 3) array
        Lowest and highest corner; None for the bones with their wrapping.
    implants
        Pieces of metal, drawn last.
    density
        Factor on the density of all bone.
    texture_hu
        Strength of the trabecular texture.
    name
    """
    rng = np.random.default_rng(rng)
    spacing = np.broadcast_to(np.asarray(spacing_mm, float), (3,))
    muscle, fat = rng.uniform(28, 45), rng.uniform(6, 18)
    if box_mm is None:
        boxes = np.array([b.mesh.bounds_mm if isinstance(b, SurfaceBone) else b.solid.bounds_mm() for b in bones])
        margin = np.array([8.0, muscle + fat + 12, muscle + fat + 12])
        box_mm = boxes[:, 0].min(0) - margin, boxes[:, 1].max(0) + margin
    matrix, shape = grid(*box_mm, spacing)
    excess, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    for bone in bones:
        add = add_surface if isinstance(bone, SurfaceBone) else add_bone
        add(bone, excess, labels, matrix[:3, 3], spacing, density, texture_hu)
    for implant in implants:
        add_bone(implant, excess, labels, matrix[:3, 3], spacing, 1.0, 0.0)
    if tissue is None:
        hu = draw_envelope(labels > 0, spacing, muscle, fat)
    else:
        hu = draw_soft_tissue(tissue, shape, matrix[:3, 3], spacing)
    _join(hu, excess, labels)
    return Volume(hu, matrix, name, "CT"), Volume(labels, matrix, f"{name} labels", "labels")


@njit(parallel=True, cache=True)
def _join(hu, excess, labels):
    """Add bone to soft parts, in place; where there is bone there is no gas."""
    for k in prange(hu.shape[0]):
        for j in range(hu.shape[1]):
            for i in range(hu.shape[2]):
                below = max(hu[k, j, i], MUSCLE_HU) if labels[k, j, i] > 0 else hu[k, j, i]
                hu[k, j, i] = min(max(round(below + excess[k, j, i]), -1024.0), 30000.0)


def add_surface(bone: SurfaceBone, excess, labels, origin_mm, spacing_mm, density: float, texture: float) -> None:
    """Draw a bone into a volume of HU above soft tissue, and into its label volume, in place.

    Parameters
    ----------
    excess : (planes, rows, columns) float32 array
    labels : (planes, rows, columns) uint8 array
    origin_mm, spacing_mm : (3,) arrays
        World position of voxel (0, 0, 0), and the spacing.
    density
        Factor on all densities.
    texture
        Strength of the trabecular texture in HU.
    """
    thickest = float(bone.cortex_mm.max())
    field = distance_field(bone.mesh, origin_mm, spacing_mm, excess.shape, depth_mm=thickest + DEPTH_MM)
    if field is None:
        return
    faces = bone.mesh.faces
    numbers = np.array([bone.cortex_hu * density, bone.trabecular_hu * density, texture * density, bone.marrow_hu])
    box = tuple(slice(a, a + n) for a, n in zip(field.first, field.distance_mm.shape, strict=True))
    _draw(field.distance_mm, field.triangle, bone.cortex_mm[faces].mean(1), bone.marrow[faces].mean(1), excess[box],
          labels[box], bone.label, np.asarray(spacing_mm, float), numbers, noise_tile())


@njit(parallel=True, fastmath=True, cache=True)
def _draw(distance, triangle, cortex_mm, marrow, excess, labels, label, spacing, numbers, noise):
    cortex_hu, trabecular_hu, texture, marrow_hu = numbers[0], numbers[1], numbers[2], numbers[3]
    for k in prange(distance.shape[0]):
        for j in range(distance.shape[1]):
            for i in range(distance.shape[2]):
                d, t = distance[k, j, i], triangle[k, j, i]
                if t < 0 and d >= 0:
                    continue
                cortex = cortex_mm[t] if t >= 0 else 0.0
                share = marrow[t] if t >= 0 else 0.0
                blend_voxel(excess, labels, label, k, j, i, d, -2.0, spacing,
                            (cortex, cortex, 0.0, -1.0, cortex_hu, trabecular_hu, texture, share, marrow_hu), noise)
