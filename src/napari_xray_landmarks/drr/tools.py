"""Tools and implants: closed surfaces of metal in space, with exact edges in any view."""

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from ..errors import InputError
from ..geometry.camera import Camera
from ..mesh import Mesh
from .attenuation import MATERIALS
from .crossings import HOLE, spans
from .repair import solid_surface

METALS = ("titanium", "steel", "cobalt-chromium")
FINER = 2  # rays across a pixel
SOLID_GRID_MM = 1.0
STEEL_FROM_HU = 15000.0


@dataclass(frozen=True, eq=False)
class Tool:
    """A piece of metal.

    Parameters
    ----------
    kind
        "screw", "plate" ...
    material
        One of METALS.
    solids
        Closed surfaces, small holes aside; where they overlap counts once.
    holes
        Closed surfaces of what is cut out of them.

    Raises
    ------
    InputError
        A surface that `closed` refuses.
    ValueError
        A material that is no metal known here.
    """

    kind: str
    material: str
    solids: tuple[Mesh, ...]
    holes: tuple[Mesh, ...] = ()
    _joined: tuple = field(init=False, repr=False)

    def __post_init__(self):
        if self.material not in METALS:
            raise ValueError(f"a tool is of {', '.join(METALS)}, got {self.material!r}")
        if not self.solids:
            raise ValueError(f"the tool {self.kind!r} has no surface")
        for key in ("solids", "holes"):
            object.__setattr__(self, key, tuple(closed(mesh) for mesh in getattr(self, key)))
        meshes = self.solids + self.holes
        offsets = np.cumsum([0] + [len(m.vertices) for m in meshes])
        weights = [np.full(len(m.faces), 1 if i < len(self.solids) else HOLE) for i, m in enumerate(meshes)]
        object.__setattr__(self, "_joined", (
            np.vstack([m.vertices for m in meshes]),
            np.vstack([m.faces + offset for m, offset in zip(meshes, offsets, strict=False)]), np.concatenate(weights)))

    @property
    def bounds_mm(self) -> np.ndarray:
        """(2, 3) lowest and highest corner."""
        boxes = np.array([m.bounds_mm for m in self.solids])
        return np.stack([boxes[:, 0].min(0), boxes[:, 1].max(0)])

    @property
    def density(self) -> float:
        """In g/cm3."""
        return MATERIALS[self.material][0]

    def moved(self, matrix) -> "Tool":
        """The tool under a (4, 4) affine."""
        return Tool(self.kind, self.material, tuple(m.moved(matrix) for m in self.solids),
                    tuple(m.moved(matrix) for m in self.holes))


def closed(mesh: Mesh) -> Mesh:
    """A mesh that encloses something, facing outwards: small holes are closed, what faces inwards is turned round.

    Raises
    ------
    InputError
        The surface has a large hole, its triangles disagree on what is outside, or it encloses nothing.
    """
    a, b, c = mesh.faces.T.astype(np.int64)
    count = len(mesh.vertices)
    forth = np.concatenate([a * count + b, b * count + c, c * count + a])
    back = np.concatenate([b * count + a, c * count + b, a * count + c])
    edges, balance = np.unique(np.concatenate([forth, back]), return_inverse=True)
    balance = np.bincount(balance, np.repeat([1, -1], len(forth)), len(edges))
    if (balance > 1).any():
        raise InputError(mesh.name, f"its triangles disagree on what is outside, at {int((balance > 0).sum())} of "
                         f"{len(edges) // 2} edges", "Make their orientation consistent, for example in 3D Slicer")
    volume = mesh.volume_mm3
    if not abs(volume) > 1e-9:
        raise InputError(mesh.name, f"the surface encloses {volume:g} mm3", "Give a solid, in mm")
    outwards = mesh if volume > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1], mesh.name)
    return solid_surface(outwards) if (balance > 0).any() else outwards


def tool_of(implant) -> Tool:
    """A tool as it is, or of an implant that has a `kind`, an `hu` and a `solid` with distances, as the phantoms'."""
    if isinstance(implant, Tool):
        return implant
    from skimage.measure import marching_cubes

    solid = implant.solid
    low, high = solid.bounds_mm(margin_mm=3 * SOLID_GRID_MM)
    axes = [np.arange(a, b + SOLID_GRID_MM, SOLID_GRID_MM) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    distance = solid.distance_mm(points.reshape(-1, 3)).reshape(points.shape[:3])
    vertices, faces, _, _ = marching_cubes(distance, 0.0, spacing=(SOLID_GRID_MM,) * 3)
    material = "steel" if implant.hu >= STEEL_FROM_HU else "titanium"
    return Tool(implant.kind, material, (Mesh(vertices + low, faces.astype(np.int64), implant.kind),))


def thickness(tool: Tool, camera: Camera) -> np.ndarray:
    """(rows, columns) float32 mm of metal along the rays, means of 2 x 2 a pixel; zero if the tool reaches the source.

    What lies behind the detector counts, as in `render`.
    """
    out = np.zeros(camera.size_px, np.float32)
    vertices, faces, weights = tool._joined
    matrix = np.linalg.inv(camera.ray_from_px)
    homogeneous = (vertices - camera.source_mm) @ matrix.T
    depth = homogeneous[:, 2]
    if depth.min() <= 1e-6:
        return out
    px = homogeneous[:, :2] / depth[:, None]
    low = np.maximum(np.floor(px.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(px.max(0)).astype(int) + 1, camera.size_px)
    if (low >= high).any():
        return out
    shape = tuple((high - low) * FINER)
    fine = (px - low + 0.5) * FINER - 0.5
    # depth counts from the source in distances to the detector; its inverse is linear over a triangle. The largest
    # inverse comes first, so that a ray meets the surfaces in reverse: what it enters is then where it leaves.
    enters = np.sign(np.linalg.det(camera.ray_from_px))
    first, pieces = spans(np.column_stack([fine, 1 / depth]), faces, -enters, shape, weights)
    share = np.zeros(shape[0] * shape[1])
    _add_lengths(first, 1 / pieces, share)
    rows, columns = ((np.arange(a * FINER, b * FINER) + 0.5) / FINER - 0.5 for a, b in zip(low, high, strict=True))
    ray = camera.ray_from_px
    vectors = ray[:, 0] * rows[:, None, None] + ray[:, 1] * columns[None, :, None] + ray[:, 2]
    lengths = np.abs(share.reshape(shape)) * np.linalg.norm(vectors, axis=-1)
    size = high - low
    out[low[0]:high[0], low[1]:high[1]] = lengths.reshape(size[0], FINER, size[1], FINER).mean((1, 3))
    return out


def carve(values: np.ndarray, world_from_voxel: np.ndarray, tool: Tool) -> None:
    """Scale the values of (planes, rows, columns) voxels by the share of each that the tool leaves, in place."""
    vertices, faces, weights = tool._joined
    voxel_from_world = np.linalg.inv(world_from_voxel)
    voxels = vertices @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3]
    low = np.maximum(np.floor(voxels.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(voxels.max(0)).astype(int) + 1, values.shape)
    if (low >= high).any():
        return
    enters = np.sign(np.linalg.det(voxel_from_world[:3, :3]))
    grid = (voxels - low)[:, [1, 2, 0]]
    first, pieces = spans(grid, faces, enters, tuple((high - low)[1:]), weights)
    box = values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    _take_out(first, pieces, box)


@njit(cache=True)
def _take_out(first, pieces, box):
    for ray in range(len(first) - 1):
        row, column = ray // box.shape[2], ray % box.shape[2]
        for i in range(first[ray], first[ray + 1]):
            begin, end = pieces[i, 0], pieces[i, 1]
            for plane in range(max(0, int(np.floor(begin + 0.5))), min(box.shape[0], int(np.floor(end + 0.5)) + 1)):
                inside = min(end, plane + 0.5) - max(begin, plane - 0.5)
                box[plane, row, column] *= 1 - min(max(inside, 0.0), 1.0)


@njit(cache=True)
def _add_lengths(first, pieces, out):
    for ray in range(len(first) - 1):
        for i in range(first[ray], first[ray + 1]):
            out[ray] += pieces[i, 1] - pieces[i, 0]
