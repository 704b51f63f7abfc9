"""Femurs from a statistical model of a real one, placed in a hip.

The model (unibas-gravis, Apache-2.0) is a file that the user has; which of its vertices mean what is in
`vertices.json`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import FileError, InputError
from ..io.files import DEFLATE_RATIO, require_file
from ..mesh import Mesh
from .femur import leg_pose
from .parameters import PelvisParameters
from .vertices import VERTICES, sphere

COMPONENTS = 30  # the smoothest of the model's deformations
SPREAD = 0.4  # share of the model's standard deviations: it allows more than people differ
CONDYLE_MM = 24.0  # from the knee's centre to each condyle's back, upwards

_NO_MODEL = (OSError, KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError)
"""What h5py and reshaping raise for files of other kinds and damaged ones."""


@dataclass(frozen=True, eq=False)
class FemurModel:
    """A Gaussian-process model of the left femur, in (superior, posterior, left) mm.

    Parameters
    ----------
    mean : (N, 3) array
    modes : (components, N, 3) array
        One standard deviation of each component.
    faces : (M, 3) array
    """

    mean: np.ndarray
    modes: np.ndarray
    faces: np.ndarray

    def sample(self, rng: np.random.Generator, spread: float = SPREAD) -> Mesh:
        """A random femur of the mean's size, with a finer surface than the model's."""
        weights = spread * np.clip(rng.standard_normal(len(self.modes)), -2.5, 2.5)
        points = self.mean + np.tensordot(weights, self.modes, 1)
        return Mesh(*_finer(points, self.faces), "femur")


def _finer(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The surface by Loop's subdivision, which keeps the numbers of its vertices.

    Raises ValueError or AssertionError where the triangles make none.
    """
    import trimesh

    fine = trimesh.Trimesh(points, faces, process=False).subdivide_loop(1)
    return fine.vertices, fine.faces


@lru_cache(maxsize=2)
def read_femur_model(path) -> FemurModel:
    """Read the model from its HDF5 file (statismo's format).

    Raises
    ------
    InputError
        The package h5py is missing, or the file is no such model.
    """
    path = require_file(path)
    try:
        import h5py
    except ImportError:
        raise InputError(path, "is HDF5, which needs the package h5py", "Install h5py") from None
    try:
        with h5py.File(path) as file:
            mean, basis, variance = (_numbers(file, f"model/{name}") for name in ("mean", "pcaBasis", "pcaVariance"))
            faces = _numbers(file, "representer/cells").T
        mean = mean.reshape(-1, 3)
        modes = (basis * np.sqrt(np.maximum(variance, 0)))[:, :COMPONENTS].T.reshape(-1, *mean.shape)
    except _NO_MODEL as error:
        raise FileError(path, f"is no statistical shape model ({error})", "Copy it again") from error
    if len(mean) != VERTICES["femur"]["count"]:
        raise FileError(path, f"has {len(mean)} points, not {VERTICES['femur']['count']}", "Give the femur's model")
    if faces.shape[1:] != (3,) or not len(faces) or (faces % 1).any() or faces.min() < 0 or faces.max() >= len(mean):
        raise FileError(path, "has triangles of points that it does not have", "Copy it again")
    try:
        _finer(mean, faces.astype(int))
    except (ValueError, AssertionError) as error:
        raise FileError(path, "has triangles that make no surface", "Copy it again") from error
    # a right femur with its head towards -z; seen in a mirror, a left one: that turns its triangles' order round, and
    # so does the order of our axes
    order, signs = [2, 1, 0], np.array([-1.0, 1.0, 1.0])
    return FemurModel(mean[:, order] * signs, modes[..., order] * signs, faces.astype(int))


def _numbers(file, name: str) -> np.ndarray:
    """An array of the file itself, if the file can hold as much as it claims to."""
    found = file[name]
    if found.file != file or getattr(found, "external", None) or getattr(found, "is_virtual", False):
        raise ValueError(f"{name} lies in another file")
    if found.nbytes > Path(file.filename).stat().st_size * DEFLATE_RATIO:
        raise ValueError(f"{name} claims {found.nbytes} bytes")
    values = np.asarray(found, float)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} is not finite")
    return values


@dataclass(frozen=True, eq=False)
class PlacedFemur:
    """A femur's surface in the world frame, with the axes of `femur.Femur`."""

    mesh: Mesh
    head_centre: np.ndarray
    head_radius_mm: float
    neck: np.ndarray
    shaft_top: np.ndarray
    shaft: np.ndarray
    lateral: np.ndarray
    landmarks: dict[str, np.ndarray]


def place_femur(mesh: Mesh, side: int, hip_centre, head_radius_mm: float, parameters: PelvisParameters, rng
                ) -> PlacedFemur:
    """Scale a model's femur to a hip and pose it: +1 left, -1 right, its head at `hip_centre` of the world frame."""
    q, numbers = parameters, VERTICES["femur"]
    points = mesh.vertices
    centre, radius = sphere(points[numbers["head"]])
    points = (points - centre) @ _standing(points, centre).T * (head_radius_mm / radius)
    vary = lambda value, sd: value + sd * float(np.clip(rng.standard_normal(), -2, 2))  # noqa: E731
    turn = leg_pose(vary(q.leg_rotation_deg, 3), vary(q.leg_abduction_deg, 2) + 5.2, vary(q.leg_flexion_deg, 1))
    points = points @ turn.T * (1.0, 1.0, side)
    placed = Mesh(points + hip_centre, mesh.faces if side > 0 else mesh.faces[:, ::-1], mesh.name)
    points = placed.vertices
    shaft_middle, shaft = _line(points[numbers["shaft"]])
    shaft = shaft * np.sign(shaft @ (hip_centre - shaft_middle))
    neck = np.asarray(hip_centre, float) - points[numbers["neck"]].mean(0)
    neck /= np.linalg.norm(neck)
    top = shaft_middle + shaft * _nearest(shaft_middle, shaft, hip_centre, neck)
    lateral = -(neck - (neck @ shaft) * shaft)
    return PlacedFemur(placed, np.asarray(hip_centre, float), head_radius_mm, neck, top, shaft,
                       lateral / np.linalg.norm(lateral), {n: points[v] for n, v in numbers["landmarks"].items()})


def _standing(points: np.ndarray, head_centre: np.ndarray) -> np.ndarray:
    """(3, 3) turn that brings the line from knee to head upright and the backs of the condyles level."""
    medial, lateral = (points[VERTICES["femur"]["condyles"][n]] for n in ("medial", "lateral"))
    up = head_centre - (medial + lateral) / 2
    up = up + np.array([0.0, CONDYLE_MM, 0.0])  # the knee's centre lies in front of the condyles' backs
    up /= np.linalg.norm(up)
    left = lateral - medial
    left -= (left @ up) * up
    left /= np.linalg.norm(left)
    return np.stack([up, np.cross(left, up), left])


def _line(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point of and the direction along an elongated cloud."""
    middle = points.mean(0)
    return middle, np.linalg.svd(points - middle, full_matrices=False)[2][0]


def _nearest(a, along_a, b, along_b) -> float:
    """How far along line a it comes nearest to line b."""
    cosine, gap = along_a @ along_b, np.asarray(b) - a
    return float((along_a @ gap - cosine * (along_b @ gap)) / (1 - cosine**2))
