"""Small, complete DICOM files."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

PATIENT = "Secret^Patient"


def dicom_file(path, pixels, sop_class=ComputedRadiographyImageStorage, **elements) -> Path:
    pixels = np.asarray(pixels)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = PATIENT, "SECRET-ID", "19000101"
    ds.SeriesDescription = f"hip of {PATIENT}"
    ds.Modality = "CR"
    ds.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 or pixels.shape[-1] > 4 else "RGB"
    ds.SamplesPerPixel = 1
    if ds.PhotometricInterpretation == "RGB":
        ds.SamplesPerPixel, ds.PlanarConfiguration = 3, 0
    elif pixels.ndim == 3:
        ds.NumberOfFrames = len(pixels)
    ds.Rows, ds.Columns = pixels.shape[:2] if ds.SamplesPerPixel == 3 else pixels.shape[-2:]
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    with pydicom.config.disable_value_validation():
        for keyword, value in elements.items():
            if value is not None:
                setattr(ds, keyword, value)
            elif keyword in ds:
                delattr(ds, keyword)
        ds.save_as(path, enforce_file_format=True)
    return Path(path)
