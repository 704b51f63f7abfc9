"""What we read of a DICOM header: never who the patient is, because those elements are left unread."""

import logging
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from ...errors import FileError
from ..files import DEFLATE_RATIO, SIZE_LIMIT, BoundedFile, looks_like_dicom, require_file

PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_FACTS = (
    "BodyPartExamined", "ImageLaterality", "Laterality", "PatientOrientation", "ViewPosition", "PatientPosition",
    "PixelIntensityRelationship", "PhotometricInterpretation",
)
_ACQUISITION = (
    "PositionerPrimaryAngle", "PositionerSecondaryAngle", "DistanceSourceToDetector", "DistanceSourceToPatient",
    "EstimatedRadiographicMagnificationFactor", "SeriesNumber", "KVP",
)
_STRUCTURE = (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality",
    "InstanceNumber", "AcquisitionNumber", "TemporalPositionIdentifier", "EchoNumbers", "EchoTime", "TriggerTime",
    "DiffusionBValue", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "SpacingBetweenSlices",
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelSpacingCalibrationType",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "SamplesPerPixel", "PlanarConfiguration",
    "NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "RescaleIntercept",
    "RescaleSlope", "ModalityLUTSequence", "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData", "ICCProfile", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)
_READ = [*_STRUCTURE, *_FACTS, *_ACQUISITION]
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")

DAMAGED = (
    InvalidDicomError, BytesLengthException, AttributeError, KeyError, ValueError, TypeError, IndexError, EOFError,
    OSError, OverflowError, MemoryError, NotImplementedError, RuntimeError, AssertionError, ArithmeticError,
    StopIteration, struct.error, zlib.error,
)
"""What pydicom and its decoders raise for damaged data; their texts may quote the header and are not passed on."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings, which may quote header values, out of logs and terminals."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings(), pydicom.config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def read_dataset(path, *, pixels: bool = False) -> pydicom.Dataset:
    """The elements that we use, without or with the pixel data.

    Raises
    ------
    FileError
        If the file is not DICOM or damaged.
    """
    path = require_file(path)
    if not looks_like_dicom(path):
        raise FileError(path, "is not a DICOM file", "Export it again, or correct its extension")
    wanted = [*_READ, *PIXEL_ELEMENTS] if pixels else _READ
    try:
        with quiet(), BoundedFile(path) as file:
            _refuse_bomb(path)
            dataset = pydicom.dcmread(file, stop_before_pixels=not pixels, force=True, specific_tags=wanted)
            list(dataset.keys())
    except FileError:
        raise
    except DAMAGED as error:
        raise damaged(path) from error
    return dataset


def _refuse_bomb(path: Path) -> None:
    """A deflated data set is unpacked as a whole before it can be looked at."""
    if path.stat().st_size * DEFLATE_RATIO > 16 * SIZE_LIMIT:
        syntax = pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID")
        if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:
            raise FileError(path, "is a deflated DICOM file, too large to unpack safely", "Export it uncompressed")


def damaged(path) -> FileError:
    """The error for a DICOM file that breaks off or contradicts itself."""
    return FileError(path, "is a damaged or truncated DICOM file", "Copy or export it again")


def value(dataset, keyword: str):
    """The element's value, or None where it is missing or cannot be read."""
    try:
        with quiet():
            return dataset.get(keyword)
    except DAMAGED:
        return None


def numbers(dataset, keyword: str) -> tuple[float, ...]:
    """The element's finite numbers; empty where one of them is not."""
    found = value(dataset, keyword)
    if found is None or isinstance(found, bytes):
        return ()
    found = [found] if isinstance(found, str | int | float) else found
    try:
        found = tuple(float(v) for v in found)
    except (TypeError, ValueError, OverflowError):
        return ()
    return found if all(isfinite(v) for v in found) else ()


def number(dataset, keyword: str) -> float | None:
    """The first number of an element."""
    return next(iter(numbers(dataset, keyword)), None)


def code(dataset, keyword: str) -> str:
    """A coded value such as "CR" or "AP"; empty for anything that could be free text."""
    found = value(dataset, keyword)
    texts = [found] if isinstance(found, str) else list(found or ()) if hasattr(found, "__iter__") else []
    texts = [str(t).strip().upper() for t in texts]
    return "\\".join(texts) if all(_CODE.fullmatch(t) for t in texts) else ""


def facts(dataset) -> dict:
    """Facts about the acquisition that identify nobody."""
    found = {"modality": code(dataset, "Modality")}
    found |= {_snake(key): code(dataset, key) for key in _FACTS}
    found |= {_snake(key): number(dataset, key) for key in _ACQUISITION}
    if "series_number" in found and found["series_number"] is not None:
        found["series_number"] = int(found["series_number"])
    return {key: fact for key, fact in found.items() if fact not in ("", None)}


def _snake(keyword: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", keyword).lower()
