"""The networks and shape models of deep shape fitting as a model file's header and tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..learning.weights import filled, tensors_of
from ..shape.point_distribution import PointDistributionModel
from .networks import MARGIN, LocalNetwork, ShapeNetwork, SliceNetwork

COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
           (148, 148, 148))  # Okabe and Ito's, colour-blind safe


@dataclass(frozen=True, eq=False)
class Bone:
    """The shape model of a bone.

    Parameters
    ----------
    name
        Of its structure.
    sides
        One of `bones.SIDES`: "pair" where the model is that of the left one of two, "either" where the side is unknown.
    model
        In mm; the middle of its box is the origin.
    faces : (T, 3) int array
        Triangles between its points.
    thinned : (K,) int array
        Points that subvolumes are centred at.
    """

    name: str
    sides: str
    model: PointDistributionModel
    faces: np.ndarray
    thinned: np.ndarray

    @property
    def half_mm(self) -> float:
        """Half a side of the box that the mean shape fits into, with its margin."""
        return 0.5 * MARGIN * float(np.ptp(self.model.mean, axis=0).max())

    @property
    def landmark_names(self) -> list[str]:
        """Of the thinned points; of both sides in pairs."""
        sides = ("-left", "-right") if self.sides == "pair" else ("",)
        return [f"{self.name}{side}-{i + 1}" for side in sides for i in range(len(self.thinned))]


@dataclass(frozen=True, eq=False)
class Networks:
    """All that a model file holds.

    Parameters
    ----------
    slices
    bones
        Those with a shape model.
    shapes
        Name of a bone -> its network.
    local
        None where the model has no local network.
    """

    slices: SliceNetwork
    bones: tuple[Bone, ...] = ()
    shapes: Mapping[str, ShapeNetwork] = field(default_factory=dict)
    local: LocalNetwork | None = None

    @property
    def models(self) -> dict[str, PointDistributionModel]:
        """Name of a bone -> its shape model, in mm."""
        return {bone.name: bone.model for bone in self.bones}

    @property
    def faces(self) -> dict[str, np.ndarray]:
        """Name of a bone -> triangles between its points."""
        return {bone.name: bone.faces for bone in self.bones}

    @property
    def thinned(self) -> dict[str, np.ndarray]:
        """Name of a bone -> points that subvolumes are centred at."""
        return {bone.name: bone.thinned for bone in self.bones}


def tensors_of_networks(networks: Networks) -> dict[str, np.ndarray]:
    """Arrays for a model file; with `bones_in_header` and `networks` in its header, the inverse of `networks_of`."""
    tensors = tensors_of(networks.slices, "slices")
    for bone in networks.bones:
        model = bone.model.to_tensors(f"pdm.{bone.name}.")
        tensors |= model | {f"pdm.{bone.name}.modes": model[f"pdm.{bone.name}.modes"].astype(np.float16)}
        tensors |= {f"pdm.{bone.name}.faces": bone.faces.astype(np.int32),
                    f"pdm.{bone.name}.thinned": bone.thinned.astype(np.int32)}
        tensors |= tensors_of(networks.shapes[bone.name], f"shape.{bone.name}")
    return tensors | (tensors_of(networks.local, "local") if networks.local else {})


def bones_in_header(bones) -> list[dict]:
    """What the header says of the shape models."""
    return [{"name": bone.name, "sides": bone.sides, "points": len(bone.model.mean), "modes": len(bone.model.modes)}
            for bone in bones]


def networks_of(header, tensors: Mapping[str, np.ndarray]) -> Networks:
    """The networks of a model file.

    Parameters
    ----------
    header
        A `models.header.ModelHeader`; `extra` holds `networks`, keyword arguments of each network, and `bones`.
    tensors

    Raises
    ------
    KeyError, TypeError, ValueError
        They do not fit together.
    """
    kinds = {name: dict(values) for name, values in header.extra["networks"].items()}
    bones = tuple(_bone(dict(known), tensors) for known in header.extra["bones"])
    shapes = {bone.name: filled(ShapeNetwork(bone.model, bone.half_mm, **kinds["shape"]), f"shape.{bone.name}", tensors)
              for bone in bones}
    local = filled(LocalNetwork(**kinds["local"]), "local", tensors) if "local" in kinds else None
    return Networks(filled(SliceNetwork(**kinds["slices"]), "slices", tensors), bones, shapes, local)


def _bone(known: Mapping, tensors: Mapping[str, np.ndarray]) -> Bone:
    name, prefix = known["name"], f"pdm.{known['name']}."
    model = PointDistributionModel.from_tensors(tensors, prefix=prefix)
    faces, thinned = (np.asarray(tensors[prefix + key], int) for key in ("faces", "thinned"))
    for values, what in ((faces, "triangles"), (thinned, "thinned points")):
        if values.size and not 0 <= values.min() <= values.max() < len(model.mean):
            raise ValueError(f"{what} of {name} are not points of its model")
    return Bone(name, known["sides"], model, faces.reshape(-1, 3), thinned)
