"""The Johns Hopkins pelvis atlas (Han et al. 2019, CC BY 4.0): 30 real pelves whose vertices correspond.

The user has the data; nothing of them is shipped but the numbers of the vertices that are landmarks (`vertices.json`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..errors import FileError
from ..geometry.similarity import apply, similarity_from_points
from ..io.meshes import read_mesh
from ..mesh import Mesh
from .vertices import VERTICES, sphere

FILES = {"hip-left": ("left", "LeftHip"), "hip-right": ("right", "RightHip"), "sacrum": ("sacrum", "Sacrum")}
COUNT = 5000  # vertices of each bone
SPIKE_MM = 6.0  # a vertex that stands off its neighbours by more is a fault
MOST_ROUNDS = 50
SIDES = {"left": 1, "right": -1}


@dataclass(frozen=True, eq=False)
class PelvisSurfaces:
    """A pelvis in the world, (superior, posterior, left) in mm, between the hips at the origin, the hips level.

    Parameters
    ----------
    name
    vertices : (15000, 3) array
        Of left hip, right hip and sacrum, 5000 each.
    faces
        Triangles of each bone, by its name; numbers within the bone.
    """

    name: str
    vertices: np.ndarray
    faces: dict[str, np.ndarray]

    def of(self, bone: str) -> np.ndarray:
        """(5000, 3) vertices of a bone."""
        first = COUNT * list(FILES).index(bone)
        return self.vertices[first:first + COUNT]

    def mesh(self, bone: str) -> Mesh:
        return Mesh(self.of(bone), self.faces[bone], f"{bone} of {self.name}")

    def acetabulum(self, side: str) -> tuple[np.ndarray, float]:
        """Centre and radius of the sphere through the lunate surface of "left" or "right"."""
        return _acetabulum(self.vertices, side)

    def landmarks(self) -> dict[str, np.ndarray]:
        """(3,) points by name: those of the pelvis's schema but for the trochanters."""
        found = {name: np.mean([self.of(bone)[vertex] for bone, vertex in where], axis=0)
                 for name, where in VERTICES["pelvis-atlas"]["landmarks"].items()}
        return found | {f"femoral-head-{side}": self.acetabulum(side)[0] for side in SIDES}


def atlas_subjects(folder) -> tuple[str, ...]:
    """The numbers of the atlas's subjects, in order.

    Raises
    ------
    FileError
        The folder holds no atlas, or a subject lacks a bone.
    """
    folder = Path(folder)
    found = [{re.sub(r"\D", "", p.name.split("_")[0]) for p in (folder / place).glob(f"{start}*_cpd.vtk*")}
             for place, start in FILES.values()]
    if not found[0]:
        raise FileError(folder, "holds no pelvis atlas", "Give the folder with left, right and sacrum")
    if lacking := set.union(*found) - set.intersection(*found):
        raise FileError(folder, f"subject {min(lacking, key=int)} lacks a bone", "Copy the atlas again")
    return tuple(sorted(found[0], key=int))


@lru_cache(maxsize=64)
def read_pelvis(folder, subject: str) -> PelvisSurfaces:
    """One subject of the atlas.

    Raises
    ------
    FileError
        A file is missing, damaged, or has not the atlas's vertices.
    """
    vertices, faces = [], {}
    for bone, (place, start) in FILES.items():
        path = next(iter(sorted((Path(folder) / place).glob(f"{start}{subject}_cpd.vtk*"))), None)
        if path is None:
            raise FileError(Path(folder) / place, f"has no {bone} of subject {subject}", "Choose another subject")
        mesh = read_mesh(path)
        if len(mesh.vertices) != COUNT:
            raise FileError(path, f"has {len(mesh.vertices)} vertices, not {COUNT}", "Use the atlas as published")
        vertices.append(without_spikes(mesh).vertices)
        faces[bone] = mesh.faces
    return PelvisSurfaces(f"subject {subject}", levelled(np.vstack(vertices)), faces)


def without_spikes(mesh: Mesh) -> Mesh:
    """The mesh with every vertex that stands off its neighbours put between them, the worst of each spot first."""
    a, b, c = mesh.faces.T
    pairs = np.unique(np.sort(np.concatenate([np.column_stack(p) for p in ((a, b), (b, c), (c, a))]), axis=1), axis=0)
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    points = mesh.vertices.copy()
    counts = np.bincount(one, minlength=len(points))[:, None]
    for _ in range(MOST_ROUNDS):
        sums = np.zeros_like(points)
        np.add.at(sums, one, points[other])
        middle = np.where(counts > 0, sums / np.maximum(counts, 1), points)
        off = np.linalg.norm(points - middle, axis=1)
        worst = np.zeros(len(points))
        np.maximum.at(worst, one, off[other])
        moved = (off > SPIKE_MM) & (off >= worst)
        if not moved.any():
            break
        points[moved] = middle[moved]
    return Mesh(points, mesh.faces, mesh.name)


def levelled(vertices: np.ndarray) -> np.ndarray:
    """The atlas's vertices moved between the hips and turned until the hips are level, by the smallest turn."""
    left, right = (_acetabulum(vertices, side)[0] for side in SIDES)
    turn = Rotation.align_vectors([[0.0, 0.0, 1.0]], [left - right])[0].as_matrix()
    return (vertices - (left + right) / 2) @ turn.T


def _acetabulum(vertices: np.ndarray, side: str) -> tuple[np.ndarray, float]:
    first = COUNT * list(FILES).index(f"hip-{side}")
    return sphere(vertices[first + np.array(VERTICES["pelvis-atlas"]["lunate-surface"][f"hip-{side}"])])


@dataclass(frozen=True, eq=False)
class PelvisShapes:
    """How pelves differ: mean and principal components of some subjects' surfaces.

    Parameters
    ----------
    mean : (15000, 3) array
    modes : (components, 15000, 3) array
        One standard deviation of each.
    faces
        As in `PelvisSurfaces`.
    subjects
        Whose surfaces they come from.
    """

    mean: np.ndarray
    modes: np.ndarray
    faces: dict[str, np.ndarray]
    subjects: tuple[str, ...]

    def sample(self, rng: np.random.Generator, name: str = "sampled pelvis", limit: float = 2.0) -> PelvisSurfaces:
        """A random individual: independent normal weights, cut at `limit` standard deviations."""
        weights = np.clip(rng.standard_normal(len(self.modes)), -limit, limit)
        vertices = self.mean + np.tensordot(weights, self.modes, 1)
        return PelvisSurfaces(name, levelled(vertices), self.faces)

    def deviations(self, pelvis: PelvisSurfaces) -> np.ndarray:
        """(components,) weights of the sampled individual that comes nearest to a pelvis."""
        offset = (onto(pelvis.vertices, self.mean) - self.mean).ravel()
        flat = self.modes.reshape(len(self.modes), -1)
        return flat @ offset / (flat**2).sum(1)


@lru_cache(maxsize=8)
def pelvis_shapes(folder, subjects: Sequence[str], share: float = 0.97) -> PelvisShapes:
    """The shape space of some of the atlas's subjects; size counts as shape.

    Parameters
    ----------
    folder
    subjects
        A tuple of at least three.
    share
        Of the variance that the components hold.
    """
    if len(subjects) < 3:
        raise ValueError(f"a shape space needs at least 3 subjects, got {len(subjects)}")
    people = [read_pelvis(folder, subject) for subject in subjects]
    mean = people[0].vertices
    for _ in range(3):
        aligned = np.array([onto(p.vertices, mean) for p in people])
        mean = levelled(aligned.mean(0))
    aligned = np.array([onto(p.vertices, mean) for p in people])
    mean = aligned.mean(0)
    _, sizes, rows = np.linalg.svd((aligned - mean).reshape(len(people), -1), full_matrices=False)
    count = 1 + int(np.searchsorted(np.cumsum(sizes**2) / (sizes**2).sum(), share))
    modes = (sizes[:count, None] / np.sqrt(len(people) - 1) * rows[:count]).reshape(-1, *mean.shape)
    return PelvisShapes(mean, modes, people[0].faces, tuple(subjects))


def onto(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points moved and turned, not scaled, to lie best on corresponding target points."""
    return apply(similarity_from_points(points, target, scaled=False), points)
