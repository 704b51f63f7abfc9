"""A copy of a DICOM film that tells nobody who the patient is: only the elements that we read ourselves are in it."""

from pathlib import Path

from pydicom.dataset import FileMetaDataset

from ...errors import FileError
from ..files import replacing
from .header import DAMAGED, PIXEL_ELEMENTS, damaged, quiet, read_dataset
from .pixels import guessed_syntax

_META = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")
_LEFT_OUT = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ICCProfile")
_TABLES = ("VOILUTSequence", "ModalityLUTSequence")
_FREE_TEXT = "LUTExplanation"


def copy_without_patient(source, target) -> None:
    """Copy a film with its pixels as they are stored, and of its header what says how it was taken and is shown.

    Raises
    ------
    FileError
        If it is no DICOM film, is damaged, or the target cannot be written.
    """
    source = Path(source)
    dataset = read_dataset(source, pixels=True)
    if not any(keyword in dataset for keyword in PIXEL_ELEMENTS):
        raise FileError(source, "holds no image", "Give a film")
    try:
        with quiet():
            dataset.file_meta, dataset.preamble = _meta(dataset), b"\0" * 128
            for keyword in _LEFT_OUT:
                dataset.pop(keyword, None)
            for item in (item for keyword in _TABLES if keyword in dataset for item in dataset[keyword].value):
                item.pop(_FREE_TEXT, None)
            with replacing(target) as temporary:
                dataset.save_as(temporary, enforce_file_format=True)
    except FileError:
        raise
    except DAMAGED as error:
        raise damaged(source) from error


def _meta(dataset) -> FileMetaDataset:
    known, meta = getattr(dataset, "file_meta", {}), FileMetaDataset()
    for keyword in _META:
        if keyword in known:
            setattr(meta, keyword, known[keyword].value)
    if "TransferSyntaxUID" not in meta:
        meta.TransferSyntaxUID = guessed_syntax(dataset)
    return meta
