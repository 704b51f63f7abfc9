"""A radiograph as a DICOM file: Digital X-Ray Image Storage, 16 bits, with the C-arm's angles, distances and spacing.

Of the patient nothing is known and nothing is written: the elements that a patient module must have are empty. Unique
identifiers come from the content, so that the same image is the same instance.
"""

import hashlib

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from ... import __version__
from ...geometry.camera import CArm
from ...imaging import Radiograph
from ..files import replacing

PHOTOMETRIC = ("MONOCHROME2", "MONOCHROME1")
_BITS = 16
_TOP = 2**_BITS - 1
_EMPTY = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
          "AccessionNumber", "ReferringPhysicianName", "ContentDate", "ContentTime", "Manufacturer",
          "AcquisitionContextSequence", "AnatomicRegionSequence")
_SIDES = (("H", "F"), ("P", "A"), ("L", "R"))  # towards more and less of superior, posterior, left


def write_dx(path, radiograph: Radiograph, arm: CArm, *, study: str = "", number: int = 1,
             photometric: str = "MONOCHROME2") -> None:
    """Write a film that a C-arm took.

    `PositionerPrimaryAngle` and `PositionerSecondaryAngle` are LAO and CRAN of the beam's front end, here the tube's.
    Our reader gives the same grey values back, and as spacing `ImagerPixelSpacing` over the magnification at the
    isocentre.

    Parameters
    ----------
    path
        The `.dcm` file, replaced when the new one is whole.
    radiograph
        Its pixels are whole numbers in 0 to 65535, brighter denser; a "kvp" in its header is written too.
    arm
        Where it was taken from.
    study
        What the films of one patient have in common; from it come the identifiers of study and series.
    number
        Which image of the series.
    photometric
        "MONOCHROME1" stores the grey values inverted.

    Raises
    ------
    ValueError
        Pixels that 16 bits do not hold, a size other than the detector's, or an unknown photometric interpretation.
    FileError
        If the target cannot be written.
    """
    stored = _stored(radiograph, arm, photometric)
    dataset = _identified(stored, arm, study, number)
    _describe_image(dataset, radiograph, photometric)
    _describe_arm(dataset, radiograph, arm)
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelData = stored.astype("<u2").tobytes()
    with replacing(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)


def _stored(radiograph: Radiograph, arm: CArm, photometric: str) -> np.ndarray:
    pixels = radiograph.pixels
    if photometric not in PHOTOMETRIC:
        raise ValueError(f"photometric must be {' or '.join(PHOTOMETRIC)}, got {photometric!r}")
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > _TOP:
        raise ValueError(f"DICOM takes whole grey values in 0 to {_TOP}, got {pixels.dtype} from {pixels.min()} to "
                         f"{pixels.max()}")
    if pixels.shape != tuple(arm.size_px):
        raise ValueError(f"the film has {pixels.shape} pixels and the detector {tuple(arm.size_px)}")
    pixels = pixels.astype(np.uint16)
    return np.uint16(_TOP) - pixels if photometric == "MONOCHROME1" else pixels


def _identified(stored: np.ndarray, arm: CArm, study: str, number: int) -> FileDataset:
    """An empty film with its identifiers, which tell nothing about the patient."""
    content = hashlib.sha256(stored.tobytes() + repr(arm).encode()).hexdigest()
    study = study or content
    instance = generate_uid(entropy_srcs=[study, str(number), content])
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword in _EMPTY:
        setattr(dataset, keyword, [] if keyword.endswith("Sequence") else "")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = DigitalXRayImageStorageForPresentation, instance
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[study, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[study, "series"])
    dataset.SeriesNumber, dataset.InstanceNumber = 1, number
    return dataset


def _describe_image(dataset: FileDataset, radiograph: Radiograph, photometric: str) -> None:
    """The modules of general image, DX image, DX series and VOI LUT."""
    inverted = photometric == "MONOCHROME1"
    low, high = radiograph.display_range or (float(radiograph.pixels.min()), float(radiograph.pixels.max()))
    low, high = (_TOP - high, _TOP - low) if inverted else (low, high)
    elements = {
        "Modality": "DX", "PresentationIntentType": "FOR PRESENTATION", "ImageType": ["DERIVED", "PRIMARY", ""],
        "DerivationDescription": "digitally reconstructed radiograph",
        "ImageComments": "simulated, not for clinical use",
        "ManufacturerModelName": "napari-xray-landmarks", "SoftwareVersions": __version__,
        "ImageLaterality": "U", "BurnedInAnnotation": "NO", "LossyImageCompression": "00",
        "SamplesPerPixel": 1, "PhotometricInterpretation": photometric,
        "PresentationLUTShape": "INVERSE" if inverted else "IDENTITY",
        "BitsAllocated": _BITS, "BitsStored": _BITS, "HighBit": _BITS - 1, "PixelRepresentation": 0,
        "PixelIntensityRelationship": "LOG", "PixelIntensityRelationshipSign": 1 if inverted else -1,
        "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "US",
        "WindowCenter": _ds((low + high) / 2), "WindowWidth": _ds(max(high - low, 1.0)),
        "VOILUTFunction": "LINEAR_EXACT",
    }
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)


def _describe_arm(dataset: FileDataset, radiograph: Radiograph, arm: CArm) -> None:
    """The modules of DX detector and DX positioning, and the tube's voltage."""
    elements = {
        "DetectorType": "", "ImagerPixelSpacing": [_ds(s) for s in arm.pixel_spacing_mm],
        "PositionerType": "CARM", "PatientPosition": "HFS", "PatientOrientation": patient_orientation(arm),
        "PositionerPrimaryAngle": _ds(arm.lao_deg), "PositionerSecondaryAngle": _ds(arm.cran_deg),
        "DistanceSourceToDetector": _ds(arm.source_to_detector_mm),
        "DistanceSourceToPatient": _ds(arm.source_to_isocentre_mm),
        "EstimatedRadiographicMagnificationFactor": _ds(arm.source_to_detector_mm / arm.source_to_isocentre_mm),
    }
    if "kvp" in radiograph.header:
        elements["KVP"] = _ds(radiograph.header["kvp"])
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)


def patient_orientation(arm: CArm) -> list[str]:
    """Which ways rows and columns run in the patient, such as ["L", "F"] for an AP film."""
    superior, _, left = arm.world_from_arm.T
    return [_letters(left), _letters(-superior)]


def _letters(direction: np.ndarray) -> str:
    """The sides that a direction points to, the nearest first; those that it hardly does are left out."""
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(_SIDES[i][0 if direction[i] > 0 else 1] for i in order if abs(direction[i]) > 0.25)


def _ds(value: float) -> str:
    """A number as DICOM writes it, in at most 16 characters."""
    return format_number_as_ds(float(value))
