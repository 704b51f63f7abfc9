"""Between the dock and the methods: segment volumes, and keep the labels that a user painted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import find_objects

from ..errors import InputError
from ..imaging import Volume
from ..shape.thickness import cartilage_thickness
from ..shape.volume_segmentation import SIDES, Structure, VolumeSegmentation
from .convert import volume_from_layer
from .films import is_result, our_metadata, why_not_a_film
from .results import results_of
from .session import recall
from .solving import Search, each

LABELS = "volume labels"
_FINE = 48  # steps along the longest side of a structure that its middle is sought in


@dataclass(frozen=True, eq=False)
class Painted:
    """Labels that a user painted: (N,) numbers of voxels in a layer's data, and their labels."""

    voxels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.voxels)

    def __eq__(self, other) -> bool:
        return np.array_equal(self.voxels, other.voxels) and np.array_equal(self.labels, other.labels)


def nothing_painted() -> Painted:
    """Where nobody painted."""
    return Painted(np.empty(0, int), np.empty(0, int))


@dataclass(frozen=True, eq=False)
class LiveVolume:
    """The segmentation of one volume while napari runs.

    Parameters
    ----------
    model
        The loaded model.
    volume
        The volume that was segmented.
    found
        What the method found.
    settings
        With which settings.
    placed
        The labels of `found` with the axes of the layer.
    middles
        A voxel in the middle of each structure, by label.
    """

    model: object
    volume: Volume
    found: VolumeSegmentation
    settings: object
    placed: np.ndarray
    middles: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SegmentedVolume:
    """What a search came to: the volume's layer, its segmentation, and the labels to show, which a user may paint."""

    search: Search
    live: LiveVolume
    labels: np.ndarray

    @property
    def parts(self) -> tuple:
        """What can be found or not."""
        return self.live.found.structures


def why_not_a_volume(layer) -> str | None:
    """Why a layer cannot be segmented as a volume; "" for layers that nobody would ask about, None where it can."""
    if type(layer).__name__ != "Image" or is_result(layer) or layer.ndim < 3:
        return ""
    if layer.rgb:
        return "a colour (RGB) image: split it into channels and take one"
    if layer.ndim > 3:
        return f"{layer.ndim}D: a volume is one 3D image"
    if our_metadata(layer).get("frame_count") or layer.axis_labels[0] == "frame":
        return "a run of frames, not a volume: take one frame"
    return None


def why_not_segmentable(layer) -> str | None:
    """Why a layer is neither a film nor a volume; "" for layers that nobody would ask about, None where it is one."""
    if type(layer).__name__ != "Image" or is_result(layer):
        return ""
    return why_not_a_volume(layer) if layer.ndim > 2 else why_not_a_film(layer)


def is_volume(layer) -> bool:
    """Whether a layer can be segmented as a volume."""
    return layer is not None and why_not_a_volume(layer) is None


def volume_of(layer) -> Volume:
    """The volume in an image layer, where the user left it; InputError where there is none."""
    data, attributes, _ = layer.as_layer_data_tuple()
    return volume_from_layer(data, attributes)


def in_axes_of(voxels: np.ndarray, layer) -> np.ndarray:
    """Voxels of the volume in a layer with their axes in the layer's order; `volume_of` has them as they are stored."""
    return voxels.transpose(our_metadata(layer).get("stored_axes") or (0, 1, 2))


def segment_volumes_in(searches: list[Search], model_path: str, settings, progress
                       ) -> tuple[list[SegmentedVolume], list[InputError]]:
    """Segment volumes one after the other; one that cannot be segmented does not stop the others."""
    from ..models import load_model

    progress(0.0, "loading the model")
    model = load_model(model_path, device="auto")

    def segment(search: Search, part) -> SegmentedVolume:
        found = model.segment(search.film, settings, progress=part)
        return segmented_volume(search, model, found, settings)

    return each(searches, segment, progress, "segmenting")


def segmented_volume(search: Search, model, found: VolumeSegmentation, settings) -> SegmentedVolume:
    """What was found, made ready to be shown: with the labels that the user painted and wants to keep."""
    placed = np.ascontiguousarray(in_axes_of(found.labels.voxels, search.image))
    labels = placed.copy()
    if search.corrections:
        labels.reshape(-1)[search.corrections.voxels] = search.corrections.labels
    return SegmentedVolume(search, LiveVolume(model, search.film, found, settings, placed, middles(placed)), labels)


def middles(labels: np.ndarray) -> dict[int, tuple[int, ...]]:
    """By label, a voxel of it near its centroid."""
    found = {}
    for label, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        step = max(1, max(part.stop - part.start for part in box) // _FINE)
        voxels = step * np.argwhere(labels[box][::step, ::step, ::step] == label)
        if not len(voxels):
            voxels = np.argwhere(labels[box] == label)
        nearest = voxels[np.square(voxels - voxels.mean(0)).sum(1).argmin()]
        found[label] = tuple(int(v) + part.start for v, part in zip(nearest, box, strict=True))
    return found


def remeasured(found: VolumeSegmentation, labels: Volume) -> VolumeSegmentation:
    """The segmentation with other labels on the same grid: volumes and thicknesses measured anew."""
    most = max(max(found.names, default=0), int(labels.voxels.max())) + 1
    counts = sum(np.bincount(plane.reshape(-1), minlength=most) for plane in labels.voxels)
    voxel_ml = abs(np.linalg.det(labels.world_from_voxel[:3, :3])) / 1000
    structures = tuple(_with_volume(s, int(counts[s.label]), voxel_ml) for s in found.structures)
    layers = [(structure, structure.name + side) for structure in structures for side in SIDES]
    thickness = {name: cartilage_thickness(labels, found.structure(structure.bone).label, structure.label,
                                           found.surfaces[found.surface_under(name)])
                 for structure, name in layers if name in found.thickness}
    return replace(found, labels=labels, structures=structures, thickness=thickness)


def _with_volume(structure: Structure, voxels: int, voxel_ml: float) -> Structure:
    reason = "" if voxels else structure.reason or "no voxel has its label"
    return replace(structure, volume_ml=voxels * voxel_ml, found=voxels > 0, reason=reason)


def labels_layer_of(viewer, image):
    """The Labels layer of a volume's segmentation, or None."""
    found = results_of(viewer, image, LABELS) if image is not None else []
    return found[-1] if found else None


def live_volume_of(viewer, image) -> LiveVolume | None:
    """The segmentation behind a volume's labels; None where there is none, or it is from another session."""
    layer = labels_layer_of(viewer, image)
    return recall(layer) if layer is not None else None


def painted(viewer, image) -> Painted:
    """What a user painted since a volume was segmented."""
    layer, live = labels_layer_of(viewer, image), live_volume_of(viewer, image)
    if live is None or layer.data.shape != live.placed.shape:
        return nothing_painted()
    data = np.asarray(layer.data)
    voxels = np.flatnonzero(data != live.placed)
    return Painted(voxels, data.reshape(-1)[voxels])


def was_moved(viewer, image) -> bool:
    """Whether a volume's layer lies elsewhere than when it was segmented."""
    live = live_volume_of(viewer, image)
    return live is not None and not np.allclose(volume_of(image).world_from_voxel, live.volume.world_from_voxel,
                                                atol=1e-9)


def labels_now(viewer, image) -> Volume | None:
    """A volume's labels as they stand on the screen, on the volume's own grid; None where there are none."""
    layer, live = labels_layer_of(viewer, image), live_volume_of(viewer, image)
    if live is None:
        return None
    labels, known = volume_of(layer), live.found.labels
    unmoved = labels.shape == known.shape and np.allclose(labels.world_from_voxel, known.world_from_voxel, atol=1e-9)
    return replace(known, voxels=labels.voxels) if unmoved else labels
