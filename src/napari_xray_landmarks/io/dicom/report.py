"""Landmarks as a DICOM Structured Report by TID 1500 (Measurement Report), one planar region a landmark, and back.

A landmark of a film is a point in its pixels, (column, row) from the outer corner of the first pixel: PS3.3, C.18.6.
One of a volume is a point in the frame of reference, LPS mm. DICOM holds both as 32-bit floats.
"""

import hashlib
from collections.abc import Sequence
from math import isfinite, nan

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ...errors import FileError
from ...landmarks import LandmarkSet
from ..files import BoundedFile, replacing, require_file
from ..frames import lps_from_world, world_from_lps
from .header import DAMAGED, code, damaged, quiet, read_dataset
from .sources import CODING_SCHEME, EQUIPMENT, equipment, is_planar, require_highdicom

_CORNER = 0.5  # DICOM counts from the corner of the first pixel, we from its centre
_CONFIDENCE = "confidence"


def write_report(path, landmarks: LandmarkSet, sources: Sequence[Dataset], *, model: str = EQUIPMENT) -> None:
    """Write the landmarks that were detected.

    Parameters
    ----------
    path
        The `.dcm` file, replaced when the new one is whole.
    landmarks
        Of a film in px, or of a volume in mm. Those that are a best guess only, or off the film, are left out: a report
        has no place for them.
    sources
        Headers of the film or series, from `sources.read_sources`.
    model
        What found them.

    Raises
    ------
    FileError
        If the landmarks do not fit the sources, none of them was detected, or the target cannot be written.
    InputError
        If highdicom is not installed.
    """
    highdicom = require_highdicom()
    _require_same_kind(path, landmarks, sources)
    shown = landmarks.detected & np.isfinite(landmarks.points).all(1) & _on_source(landmarks, sources)
    if not shown.any():
        raise FileError(path, "no landmark was detected, and a report without one says nothing", "Use a .csv")
    content = hashlib.sha256(repr(landmarks.names).encode() + landmarks.points.tobytes()).digest()
    marks = [(landmarks.names[i], landmarks.points[i], float(landmarks.confidence[i])) for i in np.flatnonzero(shown)]
    with quiet():
        report = highdicom.sr.Comprehensive3DSR(
            list(sources), _content(marks, sources, model)[0], is_complete=True, series_description="Landmarks",
            **equipment(sources, content, "SR"))
        with replacing(path) as temporary:
            report.save_as(temporary, enforce_file_format=True)


def _require_same_kind(path, landmarks: LandmarkSet, sources: Sequence[Dataset]) -> None:
    planar = is_planar(sources)
    if (landmarks.unit, landmarks.points.shape[1]) != (("px", 2) if planar else ("mm", 3)):
        raise FileError(path, f"these are {landmarks.points.shape[1]}D landmarks in {landmarks.unit}, the source is a "
                        f"{'film' if planar else 'volume'}", "Give the DICOM film or series that was searched")
    if planar and int(sources[0].get("NumberOfFrames") or 1) > 1:
        raise FileError(path, "the source holds several films", "Export the frame as a film of its own")


def _on_source(landmarks: LandmarkSet, sources: Sequence[Dataset]) -> np.ndarray:
    """(N,) whether a point lies on the film; all points of a volume do."""
    if not is_planar(sources):
        return np.ones(len(landmarks), bool)
    corner = landmarks.points + _CORNER
    return ((corner >= 0) & (corner <= (sources[0].Rows, sources[0].Columns))).all(1)


def _content(marks: list[tuple], sources: Sequence[Dataset], model: str):
    """The tree of TID 1500: who measured, what, and a group a landmark."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    from ... import __version__

    algorithm = sr.AlgorithmIdentification(model[:64], __version__)
    device = sr.DeviceObserverIdentifyingAttributes(generate_uid(entropy_srcs=[EQUIPMENT]), EQUIPMENT,
                                                    model_name=model[:64])
    observer = sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device))
    kind = sr.CodedConcept("landmark", CODING_SCHEME, "Anatomical landmark")
    groups = []
    for name, point, confidence in marks:
        sure = sr.Measurement(sr.CodedConcept(_CONFIDENCE, CODING_SCHEME, "Confidence"), confidence,
                              codes.UCUM.NoUnits) if isfinite(confidence) else None
        uid = generate_uid(entropy_srcs=[str(sources[0].SOPInstanceUID), name])
        groups.append(sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            sr.TrackingIdentifier(uid, name), _region(point, sources), finding_type=kind,
            finding_category=codes.SCT.AnatomicalStructure, algorithm_id=algorithm,
            measurements=[sure] if sure is not None else None))
    return sr.MeasurementReport(observer, codes.SCT.ImagingProcedure, groups)


def _region(point: np.ndarray, sources: Sequence[Dataset]):
    from highdicom import sr

    if not is_planar(sources):
        return sr.ImageRegion3D("POINT", lps_from_world(point[None]), str(sources[0].FrameOfReferenceUID))
    source = sr.SourceImageForRegion(str(sources[0].SOPClassUID), str(sources[0].SOPInstanceUID))
    return sr.ImageRegion("POINT", point[None, ::-1] + _CORNER, source)


def read_report(path) -> LandmarkSet:
    """The points of a measurement report by TID 1500; inverse of `write_report`.

    Raises
    ------
    FileError
        If it is no such report, holds no point, mixes points of films and volumes, or repeats a name.
    """
    highdicom = require_highdicom()
    path = require_file(path)
    if code(read_dataset(path), "Modality") != "SR":
        raise FileError(path, "is not a DICOM structured report", "Give a file with modality SR")
    try:
        with quiet(), BoundedFile(path) as file:
            content = highdicom.sr.srread(file).content
            groups = content.get_planar_roi_measurement_groups(graphic_type=highdicom.sr.GraphicTypeValues.POINT)
            groups += content.get_planar_roi_measurement_groups(graphic_type=highdicom.sr.GraphicTypeValues3D.POINT)
            marks = [(group.tracking_identifier, np.asarray(group.roi.value, float).ravel(), _sure(group))
                     for group in groups]
    except DAMAGED as error:
        raise damaged(path) from error
    if len({len(point) for _, point, _ in marks}) != 1:
        raise FileError(path, "mixes films and volumes" if marks else "holds no landmark", "Give another report")
    names, points, confidence = zip(*marks, strict=True)
    points = np.array(points)
    planar = points.shape[1] == 2
    try:
        return LandmarkSet(names, points[:, ::-1] - _CORNER if planar else world_from_lps(points), confidence,
                           unit="px" if planar else "mm")
    except ValueError as error:
        raise FileError(path, str(error), "Correct the report") from error


def _sure(group) -> float:
    """A landmark's confidence in [0, 1]; NaN where the report has none."""
    for measurement in group.get_measurements():
        if measurement.name.value == _CONFIDENCE and 0 <= measurement.value <= 1:
            return float(measurement.value)
    return nan
