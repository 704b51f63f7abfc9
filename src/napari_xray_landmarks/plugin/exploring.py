"""Shape models in space, explored by hand: a bone's surface that follows the modes of its model."""

from dataclasses import dataclass, field

import numpy as np

from ..errors import ModelError
from ..mesh import Mesh
from ..shape.point_distribution import PointDistributionModel
from ..shape.volume_segmentation import VolumeSegmentation
from .films import note, our_metadata
from .frames import KEY
from .styles import MOVED_BONE

EXPLORED = "explored shape"
LARGEST_SD = 3.0


@dataclass(frozen=True, eq=False)
class ExploredShape:
    """A shape model with the triangles of its surface, in some pose.

    Parameters
    ----------
    name
        Of the bone.
    model
        In space.
    faces : (T, 3) integer array
    world_from_model : (4, 4) array
        Takes the model's points to (superior, posterior, left) in mm.
    deviations : (M,) array
        Of the modes, in standard deviations.
    """

    name: str
    model: PointDistributionModel
    faces: np.ndarray
    world_from_model: np.ndarray = field(default_factory=lambda: np.eye(4))
    deviations: np.ndarray | None = None

    def __post_init__(self):
        modes = len(self.model.variances)
        deviations = np.zeros(modes) if self.deviations is None else np.array(self.deviations, float)
        if deviations.shape != (modes,):
            raise ValueError(f"{modes} deviations are needed, got {deviations}")
        object.__setattr__(self, "deviations", deviations)

    def mesh(self, deviations=None) -> Mesh:
        """The surface with some deviations, its own by default."""
        deviations = self.deviations if deviations is None else np.asarray(deviations, float)
        return Mesh(self.model.shape(deviations * self.model.deviations), self.faces, self.name).moved(
            self.world_from_model)

    def displacement_mm(self, mesh: Mesh) -> np.ndarray:
        """(N,) mm that each vertex of a mesh is away from the mean shape's."""
        return np.linalg.norm(mesh.vertices - self.mesh(np.zeros(len(self.deviations))).vertices, axis=1)

    @property
    def largest_mm(self) -> float:
        """The end of the colours: how far the first mode's extreme moves a vertex."""
        extreme = np.zeros(len(self.deviations))
        extreme[:1] = LARGEST_SD
        return float(self.displacement_mm(self.mesh(extreme)).max())

    def centred_at(self, point_mm) -> "ExploredShape":
        """The shape upright, in the model's own size, with the mean's middle at a point."""
        matrix = np.eye(4)
        matrix[:3, 3] = np.asarray(point_mm, float) - (self.model.mean.min(0) + self.model.mean.max(0)) / 2
        return ExploredShape(self.name, self.model, self.faces, matrix, self.deviations)


def why_not_explorable(header) -> str | None:
    """Why a model holds no surface to explore, None where it does."""
    if header.method == "shape-model" and header.extra.get("dimension") == 3 and "contours" not in header.extra:
        return None
    if header.dimensions == 3 and header.extra.get("bones"):
        return None
    return "holds no shape model of a surface in space"


def shapes_in(path) -> tuple[ExploredShape, ...]:
    """The mean shapes of a model's bones.

    Raises
    ------
    ModelError
        If there is no such model, or it holds no surface.
    """
    from ..models.format import read_model_file
    from ..models.registry import find_model

    header, tensors = read_model_file(find_model(path))
    if (reason := why_not_explorable(header)) is not None:
        raise ModelError(path, reason, "Choose another model")
    bones = {str(bone["name"]): f"pdm.{bone['name']}." for bone in header.extra.get("bones", ())}
    try:
        return tuple(ExploredShape(name, PointDistributionModel.from_tensors(tensors, prefix=prefix),
                                   np.asarray(tensors[f"{prefix}faces"]))
                     for name, prefix in (bones or {header.anatomy: ""}).items())
    except (KeyError, ValueError) as error:
        raise ModelError(path, f"its shapes are damaged ({error})", "Train it again with this version") from error


def fitted_shapes(found: VolumeSegmentation) -> tuple[ExploredShape, ...]:
    """The fitted bones of a volume, where they were found."""
    return tuple(ExploredShape(bone, fit.model, _faces_of(found.surfaces[bone], fit.world_from_model),
                               fit.world_from_model, fit.deviations)
                 for bone, fit in found.fits.items() if bone in found.surfaces)


def _faces_of(mesh: Mesh, world_from_model: np.ndarray) -> np.ndarray:
    """A surface's triangles as in its model, which a mirroring pose turns round."""
    return mesh.faces if np.linalg.det(world_from_model[:3, :3]) > 0 else mesh.faces[:, ::-1]


def explored_layer(viewer):
    """The Surface layer with the explored shape, or None."""
    return next((layer for layer in viewer.layers if our_metadata(layer).get("kind") == EXPLORED), None)


def displacement_colours():
    """From a bone that stays where the mean is to one that is farthest from it."""
    from napari.utils.colormaps import Colormap
    from napari.utils.colormaps.standardize_color import transform_color

    return Colormap(transform_color(list(MOVED_BONE)), name="displacement")


def show_shape(viewer, shape: ExploredShape, deviations, source: str) -> None:
    """Show a shape with some deviations, coloured by its distance from the mean, in its layer or a new one.

    Parameters
    ----------
    source
        The model, or the volume that the shape was fitted to.
    """
    mesh, layer = shape.mesh(deviations), explored_layer(viewer)
    data = (np.array(mesh.vertices), np.array(mesh.faces), shape.displacement_mm(mesh))
    name, top = f"{source} · {shape.name} shape", max(shape.largest_mm, 1e-6)
    if layer is None:
        axes = ("superior", "posterior", "left")
        active = viewer.layers.selection.active
        layer = viewer.add_surface(data, name=name, colormap=displacement_colours(), shading="smooth",
                                   units=("mm",) * 3, axis_labels=axes,
                                   metadata={KEY: {"kind": EXPLORED, "source": source}})
        if active is not None:
            viewer.layers.selection.active = active
    else:
        layer.data = data
    if layer.name != name:
        layer.name = name
    layer.contrast_limits_range, layer.contrast_limits = (0.0, max(top, float(data[2].max()))), (0.0, top)
    note(layer, source=source, bone=shape.name, deviations=[float(d) for d in deviations])
