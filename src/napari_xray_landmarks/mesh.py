"""Triangle meshes: the surfaces of bones, tools and implants."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface of triangles in a volume's world, (superior, posterior, left) in mm.

    Parameters
    ----------
    vertices : (N, 3) array
    faces : (M, 3) integer array
        Vertex numbers. The cross product of (second - first) and (third - first), taken in array order, points
        outwards. Array order mirrors LPS: `io` turns the triangles of files round.
    name
        What to call it.
    """

    vertices: np.ndarray
    faces: np.ndarray
    name: str = "surface"

    def __post_init__(self):
        vertices, faces = np.array(self.vertices, dtype=float), np.array(self.faces)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not np.isfinite(vertices).all():
            raise ValueError(f"vertices must be finite and (N, 3), got shape {vertices.shape}")
        if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces) or not np.issubdtype(faces.dtype, np.integer):
            raise ValueError(f"faces must be whole numbers and (M, 3), got {faces.dtype} of shape {faces.shape}")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError(f"faces name vertices {faces.min()} to {faces.max()}, there are {len(vertices)}")
        faces = faces.astype(np.int64)
        for key, value in (("vertices", vertices), ("faces", faces)):
            value.flags.writeable = False
            object.__setattr__(self, key, value)

    @property
    def corners(self) -> np.ndarray:
        """(M, 3, 3) corners of every triangle."""
        return self.vertices[self.faces]

    @property
    def area_vectors(self) -> np.ndarray:
        """(M, 3) outward normal of every triangle, as long as its area."""
        a, b, c = self.corners.transpose(1, 0, 2)
        return 0.5 * np.cross(b - a, c - a)

    @property
    def area_mm2(self) -> float:
        return float(np.linalg.norm(self.area_vectors, axis=1).sum())

    @property
    def volume_mm3(self) -> float:
        """What it encloses; negative where the triangles face inwards. Exact for a closed surface."""
        middles = self.corners.mean(1) - self.vertices.mean(0)
        return float((middles * self.area_vectors).sum() / 3)

    @property
    def bounds_mm(self) -> np.ndarray:
        """(2, 3) lowest and highest corner."""
        used = self.vertices[np.unique(self.faces)]
        return np.stack([used.min(0), used.max(0)])

    def moved(self, matrix) -> "Mesh":
        """The mesh under a (4, 4) affine; a mirroring one turns the triangles round."""
        matrix = np.asarray(matrix, float)
        faces = self.faces if np.linalg.det(matrix[:3, :3]) > 0 else self.faces[:, ::-1]
        return Mesh(self.vertices @ matrix[:3, :3].T + matrix[:3, 3], faces, self.name)
