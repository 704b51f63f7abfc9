"""Headers of the images that a DICOM object of ours refers to: what links it to them; the patient only if asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ...errors import FileError, InputError
from ..files import BoundedFile, require_file
from .header import DAMAGED, code, damaged, number, quiet, read_dataset, value

PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
           "AccessionNumber", "ReferringPhysicianName")
"""What tells who the patient is, or when and for whom the images were made: empty unless it is asked for."""

SERIES_NUMBER = 900
CODING_SCHEME = "99XRAYLANDMARKS"
EQUIPMENT = "napari-xray-landmarks"

_LINKS = ("StudyInstanceUID", "FrameOfReferenceUID")
_SLICES = ("CT", "MR", "PT")
_COPIED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "Rows", "Columns", "PixelSpacing",
           "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "SpacingBetweenSlices",
           "NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
           "ImageType")


def require_highdicom():
    """The library that makes SEG and SR objects; InputError where it is not installed."""
    try:
        import highdicom
    except ImportError as error:
        raise InputError("DICOM SEG and SR", "need highdicom, which is not installed",
                         "pip install napari-xray-landmarks[dicom]") from error
    return highdicom


def read_sources(path, *, keep_patient: bool = False) -> list[Dataset]:
    """The headers of one DICOM film or of one series, without pixels.

    Parameters
    ----------
    path
        A file, or the folder of one series.
    keep_patient
        Keep name, ID, birth date, sex, and the study's dates and numbers; otherwise they are empty.

    Raises
    ------
    FileError
        If it is not DICOM, is damaged, holds several series, or lacks the identifiers that a reference needs.
    """
    from . import dicom_files

    path = Path(path)
    files = dicom_files(path) if path.is_dir() else [require_file(path)]
    known = {file: read_dataset(file) for file in files}
    images = {file: header for file, header in known.items() if number(header, "Rows") is not None}
    if not images:
        raise FileError(path, "holds no DICOM image to refer to", "SEG and SR need the DICOM film or series itself")
    if len({str(value(header, "SeriesInstanceUID")) for header in images.values()}) > 1:
        raise FileError(path, "holds several series", "Give the folder of the one that is searched")
    headers = {}
    for file, header in images.items():
        source = _source(file, header, keep_patient)
        headers.setdefault(str(source.SOPInstanceUID), source)
    return list(headers.values())


def _source(path: Path, header: Dataset, keep_patient: bool) -> Dataset:
    more = _read(path, (*_LINKS, *(PATIENT if keep_patient else ()), "SpecificCharacterSet"))
    source = Dataset()
    try:
        with quiet():
            for keyword in PATIENT:
                setattr(source, keyword, "")
            for dataset, keywords in ((header, _COPIED), (more, [element.keyword for element in more])):
                for keyword in keywords:
                    if keyword in dataset:
                        source.add(dataset[keyword])
    except DAMAGED as error:
        raise damaged(path) from error
    if is_planar([source]) and "PixelSpacing" in source:
        del source.PixelSpacing  # a film's mask lies on its pixels; measures without a thickness break readers
    if not is_planar([source]) and not value(source, "FrameOfReferenceUID"):  # as many anonymised ones
        source.FrameOfReferenceUID = generate_uid(entropy_srcs=[str(value(source, "SeriesInstanceUID")), "frame"])
    missing = [k for k in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
               if not str(value(source, k) or "")]
    if missing:
        raise FileError(path, f"has no {missing[0]}, by which others could refer to it", "Export it again")
    return source


def _read(path: Path, keywords: Sequence[str]) -> Dataset:
    try:
        with quiet(), BoundedFile(path) as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(keywords))
            list(dataset)
    except DAMAGED as error:
        raise damaged(path) from error
    return dataset


def is_planar(sources: Sequence[Dataset]) -> bool:
    """Whether they are a projection, which has no place in the patient."""
    return len(sources) == 1 and code(sources[0], "Modality") not in _SLICES


def equipment(sources: Sequence[Dataset], content: bytes, kind: str) -> dict:
    """What identifies a new object: the same content about the same images is the same instance.

    Parameters
    ----------
    sources
    content
        Whatever tells this object from others of its kind.
    kind
        "SEG" or "SR", each of which is a series.
    """
    from ... import __version__

    series = [str(sources[0].SeriesInstanceUID), kind, EQUIPMENT]
    return {
        "series_instance_uid": generate_uid(entropy_srcs=series),
        "sop_instance_uid": generate_uid(entropy_srcs=[*series, content.hex(), str(sources[0].SOPInstanceUID)]),
        "series_number": SERIES_NUMBER, "instance_number": 1, "manufacturer": EQUIPMENT,
        "manufacturer_model_name": EQUIPMENT, "software_versions": __version__, "device_serial_number": "0",
    }


def lps_from_array(world_from_voxel) -> np.ndarray:
    """(4, 4) affine from (plane, row, column) to LPS mm, as highdicom has it; the inverse is the same exchange."""
    return np.asarray(world_from_voxel, float)[[2, 1, 0, 3]]
