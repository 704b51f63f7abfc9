"""Labels as a DICOM Segmentation (SEG) that refers to the film or series they were drawn in, and back."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from ...errors import FileError
from ...imaging import Volume
from ..files import BoundedFile, replacing, require_file, stem
from .header import DAMAGED, code, damaged, number, quiet, read_dataset, value
from .sources import CODING_SCHEME, EQUIPMENT, equipment, is_planar, lps_from_array, require_highdicom

_SAME_MM = 1e-2


def write_seg(path, labels: Volume | np.ndarray, names: Mapping[int, str], sources: Sequence[Dataset], *,
              model: str = EQUIPMENT) -> None:
    """Write labels as binary segments, numbered 1, 2, ... in the order of the labels.

    Parameters
    ----------
    path
        The `.dcm` file, replaced when the new one is whole.
    labels : Volume or (rows, columns) array
        Whole numbers, 0 for background: on the grid of a CT or MR series, or on that of a film.
    names
        Structure by label; those that are not in the labels get an empty segment.
    sources
        Headers of the film or series, from `sources.read_sources`.
    model
        What found them.

    Raises
    ------
    FileError
        If the labels do not lie on the sources, none of them is named, or the target cannot be written.
    InputError
        If highdicom is not installed.
    """
    highdicom = require_highdicom()
    voxels = labels.voxels if isinstance(labels, Volume) else np.asarray(labels)
    numbers = sorted(names)
    present = [int(n) for n in np.unique(voxels) if n]
    if not numbers or set(present) - set(numbers):
        raise FileError(path, f"no name for label {(set(present) - set(numbers) or {0}).pop()}", "Name every label")
    segments = _renumbered(voxels, numbers)
    _require_same_grid(path, labels, sources)
    descriptions = [_description(i + 1, names[n], model) for i, n in enumerate(numbers)]
    content = hashlib.sha256(segments.tobytes() + repr(sorted(names.items())).encode()).digest()
    array = segments if is_planar(sources) else highdicom.Volume(
        segments, lps_from_array(labels.world_from_voxel), "PATIENT",
        frame_of_reference_uid=value(sources[0], "FrameOfReferenceUID"))
    with quiet():
        dataset = highdicom.seg.Segmentation(
            [_with_thickness(source, labels) for source in sources], array, "BINARY", descriptions,
            **equipment(sources, content, "SEG"), content_label="LABELS",
            series_description="Segmentation", omit_empty_frames=bool(present))
        with replacing(path) as temporary:
            dataset.save_as(temporary, enforce_file_format=True)


def _renumbered(voxels: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Segment 1, 2, ... where the labels are `numbers`."""
    table = np.zeros(max(numbers) + 1, np.uint8 if len(numbers) < 256 else np.uint16)
    table[list(numbers)] = np.arange(1, len(numbers) + 1)
    return table[voxels]


def _require_same_grid(path, labels: Volume | np.ndarray, sources: Sequence[Dataset]) -> None:
    """FileError where labels do not lie on the pixels of their sources."""
    planar = is_planar(sources)
    if planar == isinstance(labels, Volume):
        raise FileError(path, f"these are labels of a {'volume' if planar else 'film'}, the source is none",
                        "Give the DICOM film or series that was segmented")
    shape = labels.shape[-2:]
    expected = int(sources[0].Rows), int(sources[0].Columns)
    if shape != expected:
        raise FileError(path, f"the labels have {shape[0]} x {shape[1]} pixels, the source {expected[0]} x "
                        f"{expected[1]}", "Give the DICOM film or series that was segmented")
    positions = [np.array(s.ImagePositionPatient, float) for s in sources if "ImagePositionPatient" in s]
    if planar or not positions:
        return
    lps = lps_from_array(labels.world_from_voxel)
    planes = np.arange(labels.shape[0])[:, None] * lps[:3, 0] + lps[:3, 3]
    apart = np.linalg.norm(planes[:, None] - np.array(positions), axis=2).min(0)
    if len(positions) != len(planes) or apart.max() > _SAME_MM:
        raise FileError(path, f"the labels have {len(planes)} planes and the source {len(positions)}, up to "
                        f"{apart.max():.3g} mm apart", "Give the folder of the series that was segmented")


def _with_thickness(source: Dataset, labels: Volume | np.ndarray) -> Dataset:
    """The same header, with the labels' where a slice tells no thickness; highdicom wants one."""
    if not isinstance(labels, Volume) or number(source, "SliceThickness"):
        return source
    source = copy(source)
    source.SliceThickness = format_number_as_ds(labels.spacing_mm[0])
    return source


def _description(number: int, name: str, model: str):
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    from ... import __version__

    algorithm = AlgorithmIdentificationSequence(model[:64], codes.DCM.ArtificialIntelligence, __version__)
    kind = CodedConcept(f"structure-{number}", CODING_SCHEME, name[:64])
    return SegmentDescription(number, name[:64], codes.SCT.AnatomicalStructure, kind, "AUTOMATIC", algorithm)


def read_seg(path) -> tuple[Volume | np.ndarray, dict[int, str]]:
    """The labels of a SEG and the names of its segments; inverse of `write_seg`.

    Returns
    -------
    labels : Volume or (rows, columns) array
        A volume spans the planes that hold a segment. Where segments overlap, the last one wins.
    names
        By segment number.

    Raises
    ------
    FileError
        If it is not a SEG, is damaged, or its planes do not make a volume.
    """
    highdicom = require_highdicom()
    path = require_file(path)
    if code(read_dataset(path), "Modality") != "SEG":
        raise FileError(path, "is not a DICOM segmentation", "Give a file with modality SEG")
    try:
        with quiet(), BoundedFile(path) as file:
            dataset = highdicom.seg.segread(file)
            names = {int(s.SegmentNumber): str(s.SegmentLabel) for s in dataset.SegmentSequence}
            if not value(dataset, "FrameOfReferenceUID"):
                return _planar_labels(dataset), names
            found = dataset.get_volume(combine_segments=True, skip_overlap_checks=True, rtol=1e-3)
    except (*DAMAGED, sqlite3.Error) as error:  # highdicom keeps frames in a database
        raise damaged(path) from error
    return _upright(found.array, found.affine, stem(path)), names


def _upright(array: np.ndarray, affine: np.ndarray, name: str) -> Volume:
    """The volume with its planes in the order in which `series.volume` has them: along across x down."""
    if np.cross(affine[:3, 2], affine[:3, 1]) @ affine[:3, 0] < 0:
        affine = affine.copy()
        affine[:3, 3] += (len(array) - 1) * affine[:3, 0]
        affine[:3, 0], array = -affine[:3, 0], array[::-1]
    return Volume(array, lps_from_array(affine), name, "labels")


def _planar_labels(dataset: Dataset) -> np.ndarray:
    """(rows, columns) segment numbers of a film's segments, a frame each."""
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    labels = np.zeros(frames.shape[1:], np.uint8 if len(dataset.SegmentSequence) < 256 else np.uint16)
    (shared,) = dataset.SharedFunctionalGroupsSequence  # says it where all frames are of one segment
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        own = group if "SegmentIdentificationSequence" in group else shared
        labels[frame > 0] = own.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    return labels
