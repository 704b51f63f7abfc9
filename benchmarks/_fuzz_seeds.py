"""Valid files to spoil: what our own writers write, what pydicom ships, and real ones where they are here."""

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from _page import DATA

PATIENT = {"PatientName": "SECRETNAME^SECRETFIRST", "PatientID": "SECRETID", "PatientBirthDate": "19121212",
           "OtherPatientIDs": "SECRETOTHER", "PatientComments": "SECRETCOMMENT", "AccessionNumber": "SECRETACC",
           "InstitutionName": "SECRETHOSPITAL", "ReferringPhysicianName": "SECRETDOCTOR",
           "StudyDescription": "SECRETSTUDY", "SeriesDescription": "SECRETSERIES",
           "PatientAddress": "SECRETSTREET", "ImageComments": "SECRETIMAGE"}
MARKERS = ("SECRET", "19121212")
LARGEST = 60_000
"""Bytes of the real files that are spoilt: small ones make many inputs cheap."""


@dataclass(frozen=True)
class Seed:
    """Valid files, by their names in a folder.

    Parameters
    ----------
    files
    opened
        Which of them is read; "" for the folder.
    spoilt
        Which may be spoilt; all of them by default.
    hot
        Where the values are that readers look at, as in `_mutations.mutated`.
    """

    files: dict[str, bytes]
    opened: str = ""
    spoilt: tuple[str, ...] = ()
    hot: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def written(name: str, write: Callable[[Path], object], *more: str) -> Seed:
    """The seed of a file that `write(path)` writes, with what it writes beside it."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    hot = {name: elements(files[name])} if name.endswith(".dcm") else {}
    return Seed(files, name, (name, *more), hot)


def of_files(paths: Iterable[Path], suffix: str = "") -> list[Seed]:
    """A seed a file, of those that are here and small."""
    paths = [path for path in paths if path.is_file() and path.stat().st_size <= LARGEST]
    found = []
    for path in paths:
        name, data = path.name.removesuffix(suffix) + suffix, path.read_bytes()
        found.append(Seed({name: data}, name, (name,), {name: elements(data)} if suffix == ".dcm" else {}))
    return found


def real(pattern: str, suffix: str = "", most: int = 3) -> list[Seed]:
    """Seeds of real files; none where these are not here."""
    return of_files(sorted(DATA.glob(pattern))[:most], suffix)


def pydicom_files(*names: str) -> list[Seed]:
    """Seeds of files that pydicom ships for its own tests."""
    import pydicom.data

    folder = Path(pydicom.data.__file__).parent / "test_files"
    return of_files((folder / name for name in names), ".dcm")


def elements(data: bytes) -> tuple[tuple[int, int], ...]:
    """(offset, length) of every short value of a DICOM file."""
    import pydicom

    found = []
    with contextlib.suppress(Exception):  # what pydicom cannot place is spoilt anywhere
        for element in pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True):
            if isinstance(element.value, str | int | float) or len(element.value) < 64:
                found.append((int(element.file_tell), 8))
    return tuple(found)


def dicom(pixels: np.ndarray, sop_class: str = "1.2.840.10008.5.1.4.1.1.1", syntax: str = "", **more) -> bytes:
    """A DICOM image of a patient whose every element is a marker, of which none may come out anywhere."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    pixels = np.asarray(pixels)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = sop_class, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = more.pop("SOPInstanceUID", generate_uid(entropy_srcs=[repr(sorted(more))]))
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        dataset.PlanarConfiguration = 0
    elif pixels.ndim == 3:
        dataset.NumberOfFrames = len(pixels)
    dataset.Rows, dataset.Columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    ids = {f"{level}InstanceUID": generate_uid(entropy_srcs=[level]) for level in ("Study", "Series")}
    for keyword, value in {**PATIENT, **ids, "Modality": "CR", **more}.items():
        setattr(dataset, keyword, value)
    private = dataset.private_block(0x0011, "SECRETMAKER", create=True)
    private.add_new(0x01, "LO", "SECRETPRIVATE")
    if syntax:
        dataset.compress(syntax, encoding_plugin="pydicom" if syntax == pydicom.uid.RLELossless else "")
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def slices(count: int = 3) -> dict[str, bytes]:
    """A CT series, one file a slice."""
    voxels = np.random.default_rng(1).integers(-900, 900, (count, 6, 5)).astype(np.int16)
    return {f"{i}.dcm": dicom(
        plane, "1.2.840.10008.5.1.4.1.1.2", Modality="CT", InstanceNumber=i + 1, RescaleSlope=1, RescaleIntercept=-1024,
        SOPInstanceUID=f"1.2.3.4.{i}", ImagePositionPatient=[-10, 20, 1.5 * i], SliceThickness=1.5,
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[0.7, 0.8], FrameOfReferenceUID="1.2.3.9",
        WindowCenter=[40, 300], WindowWidth=[400, 1500]) for i, plane in enumerate(voxels)}
