"""What a segmentation of a volume gives: labels, measures of structures, fitted bones, and how they came about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..imaging import Volume
from ..landmarks import LandmarkSet
from ..mesh import Mesh
from .point_distribution import PointDistributionModel

SIDES = ("", "-left", "-right")
NO_LANDMARKS = LandmarkSet((), np.empty((0, 3)), unit="mm")


@dataclass(frozen=True)
class Structure:
    """A bone, or the cartilage on one, in a volume.

    Parameters
    ----------
    name
        "femur", "femoral-cartilage", ...
    label
        Its value in the label volume.
    bone
        Of a cartilage: the structure that it covers; "" for a bone.
    colour
        (red, green, blue) in [0, 1].
    volume_ml
        Of its voxels; 0 where it was not found.
    confidence
        In [0, 1]; NaN where it is not known.
    found
        Whether the volume shows it.
    reason
        Why not, in a line.
    """

    name: str
    label: int
    bone: str = ""
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    volume_ml: float = 0.0
    confidence: float = float("nan")
    found: bool = True
    reason: str = ""

    def __post_init__(self):
        if not self.name or isinstance(self.label, bool) or int(self.label) != self.label or self.label < 1:
            raise ValueError(f"a structure needs a name and a label of at least 1, got {self.name!r}, {self.label}")
        if self.confidence < 0 or self.confidence > 1:
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence}")
        if not self.volume_ml >= 0:
            raise ValueError(f"the volume of {self.name} must not be negative, got {self.volume_ml} ml")
        colour = tuple(float(c) for c in self.colour)
        if len(colour) != 3 or not all(0 <= c <= 1 for c in colour):
            raise ValueError(f"the colour of {self.name} must be red, green and blue in [0, 1], got {self.colour}")
        object.__setattr__(self, "colour", colour)


@dataclass(frozen=True, eq=False)
class VolumeFit:
    """A shape model's bone in a volume.

    Parameters
    ----------
    model
        In three dimensions.
    coefficients : (M,) array
        Of the model's modes.
    world_from_model : (4, 4) array
        Affine: takes the model's points to (superior, posterior, left) in mm. It may mirror, for the bone of the other
        side, and scale the axes of the bone's box each by its own factor (paper 004: three scales).
    """

    model: PointDistributionModel
    coefficients: np.ndarray
    world_from_model: np.ndarray

    def __post_init__(self):
        coefficients, matrix = (np.array(a, float) for a in (self.coefficients, self.world_from_model))
        if self.model.mean.shape[1] != 3 or coefficients.shape != self.model.variances.shape:
            raise ValueError(f"{len(self.model.variances)} coefficients of a model in space are needed, got "
                             f"{coefficients.shape} and a mean of {self.model.mean.shape}")
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.isfinite(coefficients).all():
            raise ValueError(f"world_from_model must be (4, 4) and all values finite, got {matrix.tolist()}")
        for key, value in (("coefficients", coefficients), ("world_from_model", matrix)):
            value.flags.writeable = False
            object.__setattr__(self, key, value)

    @property
    def points_mm(self) -> np.ndarray:
        """(N, 3) vertices in the volume's world."""
        return self.at(self.coefficients)

    @property
    def deviations(self) -> np.ndarray:
        """(M,) coefficients in standard deviations."""
        return self.coefficients / self.model.deviations

    def at(self, coefficients) -> np.ndarray:
        """(N, 3) vertices in mm of the shape with other coefficients, in the same pose."""
        matrix = self.world_from_model
        return self.model.shape(coefficients) @ matrix[:3, :3].T + matrix[:3, 3]


@dataclass(frozen=True, eq=False)
class VolumeSegmentation:
    """What was found in one volume.

    Parameters
    ----------
    labels
        On the source's own grid; 0 is background.
    structures
        All that the model knows, found or not, in the order of its header.
    landmarks
        Of the fitted shapes, (superior, posterior, left) in mm.
    surfaces
        The fitted shapes of bones that were found, in mm, by name: that of the structure, with "-left" or "-right"
        where it has two.
    fits
        The shape models behind those surfaces, by the same names.
    thickness
        By cartilage, with the side of its bone: (N,) mm at each vertex of the surface under it, NaN where there is
        none.
    stages
        On the grid that the networks worked on: labels after each stage ("slices", "local", "merged"), and for "slices
        probability" and "probability" how probable any structure is.
    notes
        What the user should know, one line each.
    """

    labels: Volume
    structures: tuple[Structure, ...]
    landmarks: LandmarkSet = NO_LANDMARKS
    surfaces: Mapping[str, Mesh] = field(default_factory=dict)
    fits: Mapping[str, VolumeFit] = field(default_factory=dict)
    thickness: Mapping[str, np.ndarray] = field(default_factory=dict)
    stages: Mapping[str, Volume] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        structures = tuple(self.structures)
        if not np.issubdtype(self.labels.voxels.dtype, np.integer):
            raise ValueError(f"labels must be whole numbers, got {self.labels.voxels.dtype}")
        for what in ("name", "label"):
            values = [getattr(structure, what) for structure in structures]
            if len(set(values)) < len(values):
                raise ValueError(f"two structures have the same {what}: {values}")
        names = {structure.name: structure for structure in structures}
        if unknown := [s.bone for s in structures if s.bone and s.bone not in names]:
            raise ValueError(f"there is no bone {unknown[0]!r} for a cartilage to cover")
        if self.landmarks.unit != "mm":
            raise ValueError("landmarks of a volume must be in mm")
        object.__setattr__(self, "structures", structures)
        object.__setattr__(self, "notes", tuple(self.notes))
        for key in ("surfaces", "fits", "thickness", "stages"):
            object.__setattr__(self, key, MappingProxyType(dict(getattr(self, key))))
        for name, values in self.thickness.items():
            if np.shape(values) != (len(self.surfaces[self.surface_under(name)].vertices),):
                raise ValueError(f"the thickness of {name!r} must have one value a vertex of its bone's surface, got "
                                 f"shape {np.shape(values)}")

    @property
    def names(self) -> dict[int, str]:
        """Structures by label."""
        return {structure.label: structure.name for structure in self.structures}

    @property
    def found(self) -> bool:
        """Whether anything was found."""
        return any(structure.found for structure in self.structures)

    def surface_under(self, cartilage: str) -> str:
        """The name of the surface that a cartilage lies on, given with its side where it has one; else ValueError."""
        for structure in self.structures:
            side = cartilage.removeprefix(structure.name)
            if structure.bone and side in SIDES and cartilage.startswith(structure.name):
                return structure.bone + side
        raise ValueError(f"there is no cartilage {cartilage!r}")

    def structure(self, name: str) -> Structure:
        """The structure of that name; KeyError where there is none."""
        for structure in self.structures:
            if structure.name == name:
                return structure
        raise KeyError(name)
