"""Readers for napari: DICOM, NIfTI, NRRD, MetaImage, surfaces, Slicer markups and our tables."""

import itertools
import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path

from ..errors import FileError
from ..io.files import DICOM_SUFFIXES, VOLUME_SUFFIXES, looks_like_dicom, suffix
from .frames import LayerData

_LOOK_AT = 200
_MANY = 30  # layers from one table
_VTK_HEADER = 512  # bytes, of which 256 may be a title
_TABLES = ({"image", "landmark", "row_px", "column_px"}, {"image", "contour", "row_px", "column_px"})

Reader = Callable[[str | Sequence[str]], list[LayerData]]


def _told_in_one_line(read: Reader) -> Reader:
    """In the window, show a FileError as the one line that it is and open nothing; without one, raise it.

    napari would wrap it into a paragraph about plugins, and offer to read the file as something else.
    """

    @wraps(read)
    def reader(path: str | Sequence[str]) -> list[LayerData]:
        try:
            return read(path)
        except FileError as error:
            from napari import current_viewer
            from napari.utils.notifications import show_error

            if current_viewer() is None:
                raise
            show_error(str(error))
            return [(None,)]

    return reader


def get_image_reader(path: str | Sequence[str]) -> Reader | None:
    """`read_images` where a file's extension or first bytes, or a folder's first files, say that it is ours."""
    try:
        paths = _paths(path)
        return read_images if paths and all(_is_image(p) for p in paths) else None
    except (OSError, ValueError, TypeError):
        return None


def get_marks_reader(path: str | Sequence[str]) -> Reader | None:
    """`read_marks` for markups, point lists, and tables with our columns."""
    try:
        paths = _paths(path)
        return read_marks if paths and all(_is_marks(p) for p in paths) else None
    except (OSError, ValueError, TypeError):
        return None


def get_surface_reader(path: str | Sequence[str]) -> Reader | None:
    """`read_surfaces` for triangle meshes: legacy VTK with polygons, PLY, STL, OBJ and OFF."""
    try:
        paths = _paths(path)
        return read_surfaces if paths and all(_is_surface(p) for p in paths) else None
    except (OSError, ValueError, TypeError):
        return None


def _paths(path) -> list[Path]:
    return [Path(path)] if isinstance(path, str | os.PathLike) else [Path(p) for p in path]


def _is_image(path: Path) -> bool:
    if path.is_dir():
        return _holds_dicom(path)
    ending = suffix(path)
    return path.is_file() and (ending in DICOM_SUFFIXES + VOLUME_SUFFIXES or looks_like_dicom(path))


def _holds_dicom(folder: Path) -> bool:
    """Whether one of the first files in a folder and the folders in it is DICOM."""
    files = (Path(parent, name) for parent, _, names in os.walk(folder) for name in sorted(names)
             if not name.startswith("."))
    return any(looks_like_dicom(file) for file in itertools.islice(files, _LOOK_AT))


def _is_surface(path: Path) -> bool:
    from ..io.meshes import MESH_SUFFIXES

    if not path.is_file() or not path.name.lower().endswith(MESH_SUFFIXES):
        return False
    if suffix(path) != ".vtk":
        return True
    with open(path, "rb") as file:  # which holds images too
        return b"POLYDATA" in file.read(_VTK_HEADER)


def _is_marks(path: Path) -> bool:
    ending = suffix(path)
    if not path.is_file() or ending not in (".mrk.json", ".fcsv", ".csv"):
        return False
    return ending != ".csv" or _is_our_table(path)


def _is_our_table(path: Path) -> bool:
    from ..io.tables import columns_of

    columns = columns_of(path)
    return any(needed <= columns for needed in _TABLES)


@_told_in_one_line
def read_images(path: str | Sequence[str]) -> list[LayerData]:
    """One layer a film, fluoroscopy run or volume; several DICOM files opened together are sorted into series.

    Raises
    ------
    FileError
        When nothing can be read. Bad series of a folder are told as warnings, and the rest is opened.
    """
    from ..io import load_images

    paths = _paths(path)
    if len(paths) > 1 and all(not p.is_dir() and looks_like_dicom(p) for p in paths):
        from ..io.dicom import read_files

        return _layers(read_files(paths[0].parent, paths, on_error=_warn))
    return _layers([image for p in paths for image in load_images(p, on_error=_warn)])


def _layers(images: list) -> list[LayerData]:
    from .convert import frames_layer, image_layer

    layers = []
    for run in _runs(images):
        layers.append(frames_layer(run) if len(run) > 1 else image_layer(run[0]))
    return layers


def _runs(images: list) -> list[list]:
    """Frames of one file together."""
    runs: list[list] = []
    for image in images:
        if image.header.get("frame", 1) > 1 and runs:
            runs[-1].append(image)
        else:
            runs.append([image])
    return runs


def _warn(error: FileError) -> None:
    from napari.utils.notifications import show_warning

    show_warning(str(error))


@_told_in_one_line
def read_marks(path: str | Sequence[str]) -> list[LayerData]:
    """Landmarks as Points layers and outlines as Shapes layers, one an image of a table.

    Raises
    ------
    FileError
        When a file is damaged or repeats a name.
    """
    return [layer for p in _paths(path) for layer in _marks(p)]


@_told_in_one_line
def read_surfaces(path: str | Sequence[str]) -> list[LayerData]:
    """Triangle meshes as Surface layers in mm.

    Raises
    ------
    FileError
        When a file is damaged or holds no triangles.
    """
    from ..io.meshes import read_mesh
    from .surfaces import surface_layer

    return [surface_layer(read_mesh(p), {"file": p.name}) for p in _paths(path)]


def _marks(path: Path) -> list[LayerData]:
    from ..io import load_landmarks
    from ..io.files import stem
    from .marks import landmarks_layer

    if suffix(path) == ".csv":
        return _table(path)
    if suffix(path) == ".fcsv":
        return [landmarks_layer(load_landmarks(path), stem(path), notes={"file": path.name})]
    return _markups(path)


def _table(path: Path) -> list[LayerData]:
    from ..io import tables
    from .marks import contours_layer, landmarks_layer

    if "contour" in tables.columns_of(path):
        spacings = tables.contour_spacings(path)
        return [
            contours_layer(contours, f"{image} · contours", spacing_mm=spacings[image],
                           notes={"file": path.name, "image": image})
            for image, contours in tables.read_contours(path).items()
        ]
    return [
        landmarks_layer(found.landmarks, f"{image} · landmarks", spacing_mm=found.spacing_mm,
                        notes={"file": path.name, "image": image})
        for image, found in _of_open_films(path, tables.read_detections(path)).items()
    ]


def _of_open_films(path: Path, found: dict) -> dict:
    """All images of a table, or those that are open where there are too many for as many layers."""
    if len(found) <= _MANY:
        return found
    from napari import current_viewer

    from ..io.files import stem

    viewer = current_viewer()
    shown = {stem(layer.name) for layer in viewer.layers} if viewer is not None else set()
    chosen = {image: marks for image, marks in found.items() if stem(image) in shown}
    if not chosen:
        raise FileError(path, f"holds the landmarks of {len(found)} films", "Open those that you want to see, then it")
    return chosen


def _markups(path: Path) -> list[LayerData]:
    from ..io import markups
    from ..io.files import stem
    from .marks import contours_layer, landmarks_layer

    found = markups.read_markups(path)
    points = [m for m in found if m.kind == "Fiducial"]
    layers, notes = [], {"file": path.name}
    if points:
        layers.append(landmarks_layer(markups.landmark_set(path, points), stem(path), notes=notes))
    contours = markups.contours(path, found)
    for ndim, unit in sorted({(c.points.shape[1], c.unit) for c in contours}):
        alike = [c for c in contours if (c.points.shape[1], c.unit) == (ndim, unit)]
        layers.append(contours_layer(alike, f"{stem(path)} · contours", notes=notes))
    if not layers:
        kinds = ", ".join(sorted({m.kind for m in found}))
        raise FileError(path, f"holds {kinds} only", "Save point lists or curves")
    return layers
