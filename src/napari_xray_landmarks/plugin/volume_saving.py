"""A volume's segmentation as files: labels, landmarks, surfaces, or a table, as the ending says."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..imaging import Volume
from ..io.files import suffix
from ..io.meshes import MESH_SUFFIXES
from ..landmarks import LandmarkSet
from ..mesh import Mesh
from ..shape.volume_segmentation import VolumeSegmentation
from .marks import landmarks_in_world
from .results import results_of
from .surfaces import surface_from_layer
from .volume_layers import LANDMARKS, surfaces_of
from .volumes import labels_now, live_volume_of

FILTERS = {
    "Labels, NIfTI (*.nii.gz)": ".nii.gz",
    "Labels, NRRD (*.nrrd)": ".nrrd",
    "Labels, MetaImage (*.mha)": ".mha",
    "Landmarks, 3D Slicer markups (*.mrk.json)": ".mrk.json",
    "Bone surfaces (*.vtk)": ".vtk",
    "Bone surfaces (*.ply)": ".ply",
    "Bone surfaces (*.stl)": ".stl",
    "Measures, table (*.csv)": ".csv",
}


@dataclass(frozen=True, eq=False)
class ToSave:
    """A volume's segmentation as it stands on the screen.

    Parameters
    ----------
    image
        The volume's name.
    found
        The segmentation, measured as its labels stand.
    labels
        As the user left them.
    landmarks
        None where the layer is gone.
    surfaces
        By bone.
    """

    image: str
    found: VolumeSegmentation
    labels: Volume
    landmarks: LandmarkSet | None
    surfaces: dict[str, Mesh]


def to_save(viewer, image, found: VolumeSegmentation | None = None) -> ToSave:
    """What there is to save of a volume's segmentation; InputError where a layer cannot be read."""
    points = results_of(viewer, image, LANDMARKS)
    marks = landmarks_in_world(*points[-1].as_layer_data_tuple()[:2]) if points else None
    surfaces = {bone: surface_from_layer(*layer.as_layer_data_tuple()[:2])
                for bone, layer in surfaces_of(viewer, image).items()}
    return ToSave(image.name, found or live_volume_of(viewer, image).found, labels_now(viewer, image), marks, surfaces)


def save(what: ToSave, path) -> list[Path]:
    """Write what the ending says, several surfaces beside each other with the bones' names; the files written.

    Raises
    ------
    InputError
        An unknown ending, nothing of that kind, or the file cannot be written.
    """
    from ..io import save_landmarks, write_volume
    from ..io.meshes import write_mesh
    from ..shape.volume_measures import volume_measures, write_volume_measures

    path, ending = Path(path), suffix(path)
    if ending == ".csv":
        write_volume_measures(path, [(what.image, volume_measures(what.found))])
    elif ending == ".mrk.json":
        if what.landmarks is None:
            raise InputError(path, "there are no landmarks to save", "Segment the volume again")
        save_landmarks(path, what.landmarks, image_name=what.image)
    elif ending in MESH_SUFFIXES:
        return _save_surfaces(path, ending, what.surfaces, write_mesh)
    else:
        write_volume(path, what.labels)
    return [path]


def _save_surfaces(path: Path, ending: str, surfaces: dict[str, Mesh], write) -> list[Path]:
    if not surfaces:
        raise InputError(path, "there are no surfaces to save", "Segment the volume with a model that fits bones")
    beside = [path if len(surfaces) == 1 else path.with_name(f"{path.name[:-len(ending)]}-{bone}{ending}")
              for bone in surfaces]
    for one, mesh in zip(beside, surfaces.values(), strict=True):
        write(one, mesh)
    return beside
