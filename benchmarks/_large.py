"""A film of any size with 24 landmarks, as file, and a model for it."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

from _films import Film, code, phantom_examples, phantom_films, trained
from napari_xray_landmarks.io.files import replacing
from napari_xray_landmarks.joint_displacement.patches import to_tensors
from napari_xray_landmarks.joint_displacement.settings import BEST
from napari_xray_landmarks.models import ModelHeader, save_model
from napari_xray_landmarks.phantoms import SCHEMAS

WHAT = ("a phantom pelvis film, resampled to a square; the 23 landmarks of the pelvis and the point midway between the "
        "femoral heads")
NAMES = (*SCHEMAS["pelvis"].names, "between-the-heads")
SUBSHAPES = (*SCHEMAS["pelvis"].subshapes,)
UNSEEN = 1000
TRAIN_FILMS = 30
_TRAIN_SIDE_PX = 1500
_HEADS = [NAMES.index(f"femoral-head-{side}") for side in ("left", "right")]


def large_film(film: Film, side_px: int) -> Film:
    """A phantom film on a square of `side_px` pixels, with a 24th landmark."""
    points = np.vstack([film.points_px, film.points_px[_HEADS].mean(0)])
    return enlarged(Film(film.pixels, film.spacing_mm, points, film.outline_px, film.has_implant), side_px)


def enlarged(film: Film, side_px: int) -> Film:
    """A film on a square of `side_px` pixels."""
    rows, columns = film.pixels.shape
    side = max(rows, columns)
    above, left = (side - rows) // 2, (side - columns) // 2
    padding = ((above, side - rows - above), (left, side - columns - left))
    square = np.pad(film.pixels.astype(np.float32), padding, mode="edge")
    factor = side_px / side
    pixels = zoom(square, factor, order=1, grid_mode=True, mode="nearest").round().astype(np.uint16)
    points = (film.points_px + (above, left) + 0.5) * factor - 0.5
    return Film(pixels, tuple(s / factor for s in film.spacing_mm), points, film.outline_px, film.has_implant)


def model_file(cache: Path) -> Path:
    """A model of the 24 landmarks, trained once with the default settings."""
    path = cache / f"large-{code('joint_displacement', 'geometry')}.safetensors"
    if not path.is_file():
        films = [large_film(f, _TRAIN_SIDE_PX) for f in phantom_films("pelvis", range(TRAIN_FILMS), cache)]
        detector = trained(phantom_examples(films), NAMES, BEST, SUBSHAPES)
        header = ModelHeader(method="joint-displacement", anatomy="pelvis", landmarks=NAMES, name=path.stem,
                             settings=asdict(BEST), training={"films": TRAIN_FILMS}, licence="BSD-3-Clause")
        save_model(path, header, to_tensors(detector.model))
    return path


def write_png(path: Path, film: Film) -> None:
    """16 bits; PNG says nothing of spacing."""
    with replacing(path) as temporary:
        Image.fromarray(film.pixels).save(temporary)


def write_dicom(path: Path, film: Film) -> None:
    """An uncompressed DX film with its spacing in the patient."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.Modality, data.PhotometricInterpretation, data.SamplesPerPixel = "DX", "MONOCHROME2", 1
    data.Rows, data.Columns = film.pixels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelSpacing = [f"{s:.6f}" for s in film.spacing_mm]
    data.PixelData = film.pixels.astype("<u2").tobytes()
    with replacing(path) as temporary:
        data.save_as(temporary, enforce_file_format=True)


def unseen(cache: Path, side_px: int) -> Film:
    """The film that is searched: of a subject that the model has not seen."""
    return large_film(phantom_films("pelvis", [UNSEEN], cache)[0], side_px)
