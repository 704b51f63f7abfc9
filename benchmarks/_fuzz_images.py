"""Readers of images: how each is called, what it is given, and what is done with what it reads."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from _fuzz_seeds import Seed, dicom, elements, pydicom_files, real, slices, written

PIXELS = (np.random.default_rng(0).random((40, 33)) * 255).astype(np.uint8)


@dataclass(frozen=True)
class Reader:
    """One reader.

    Parameters
    ----------
    seeds
        Gives the valid files.
    read
        Called with the path; what it returns is let go.
    removes
        Whether it may remove files of its folder, such as a journal of which the table has everything.
    """

    seeds: Callable[[], list[Seed]]
    read: Callable[[Path], object]
    removes: bool = False


def read_images(path: Path) -> None:
    """As napari would: every image as layer data, its contrast, and the header as text."""
    from napari_xray_landmarks.io import load_images
    from napari_xray_landmarks.plugin.readers import _layers, get_image_reader

    get_image_reader(str(path))
    for data, attributes, _ in _layers(load_images(path)):
        np.asarray(data).max()
        repr(attributes)


def read_volume(path: Path) -> None:
    """Read, and write what was read in the formats that hold it."""
    from napari_xray_landmarks.io import load_image, write_volume

    image = load_image(path)
    out = path.parent / "out"
    out.mkdir()
    for ending in (".nrrd", ".nii.gz"):
        write_volume(out / f"again{ending}", image)
    read_images(path)


def read_seg(path: Path) -> None:
    from napari_xray_landmarks.io.dicom.segmentation import read_seg

    read_seg(path)


def read_report(path: Path) -> None:
    from napari_xray_landmarks.io.dicom.report import read_report

    read_report(path)


def read_sources(path: Path) -> None:
    """The headers that a SEG or SR refers to."""
    from napari_xray_landmarks.io.dicom.sources import read_sources

    read_sources(path)


def read_labels(path: Path) -> None:
    """As `evaluate` reads labels: a file against itself."""
    from napari_xray_landmarks.evaluation.labels import compare_label_files

    compare_label_files(path, path)


@cache
def films() -> list[Seed]:
    from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

    wide = PIXELS.astype(np.uint16) * 200
    made = [dicom(PIXELS), dicom(wide, ImagerPixelSpacing=[0.2, 0.2], DistanceSourceToDetector=1000,
                                 DistanceSourceToPatient=800, WindowCenter=100, WindowWidth=[50, 40],
                                 PhotometricInterpretation="MONOCHROME1", BodyPartExamined="PELVIS"),
            dicom(np.stack([PIXELS] * 3), PositionerPrimaryAngle=3.0), dicom(np.dstack([PIXELS] * 3)),
            *(dicom(wide, syntax=syntax) for syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless))]
    seeds = [Seed({"film.dcm": data}, "film.dcm", ("film.dcm",), {"film.dcm": elements(data)}) for data in made]
    shipped = pydicom_files(
        "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm",
        "CT_small.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPGExtended.dcm", "image_dfl.dcm", "693_J2KI.dcm",
        "MR_small_bigendian.dcm", "SC_rgb_rle_2frame.dcm", "JPEG2000.dcm", "ExplVR_LitEndNoMeta.dcm",
        "SC_rgb_gdcm_KY.dcm", "liver_1frame.dcm", "MR_small_implicit.dcm", "SC_rgb_small_odd_big_endian.dcm",
        "JPEGLSNearLossless_16.dcm", "rtdose_1frame.dcm")
    return seeds + [_dx(), *shipped, *real("hip-dicom/*.dcm", ".dcm")]


def _dx() -> Seed:
    from napari_xray_landmarks.geometry.camera import CArm
    from napari_xray_landmarks.imaging import Radiograph
    from napari_xray_landmarks.io.dicom.writing import write_dx

    arm = CArm(10.0, 5.0, 0.0, 750.0, 1200.0, (0.6, 0.6), PIXELS.shape)
    return written("film.dcm", lambda path: write_dx(path, Radiograph(PIXELS.astype(np.uint16)), arm))


@cache
def series() -> list[Seed]:
    files = slices()
    multi = dicom(np.stack([PIXELS] * 2).astype(np.uint16), "1.2.840.10008.5.1.4.1.1.2.1", Modality="CT")
    hot = {name: elements(data) for name, data in files.items()}
    mixed = {**slices(2), "film.dcm": dicom(PIXELS), "enhanced.dcm": multi, "notes.txt": b"hello"}
    names = tuple(files)
    return [Seed(files, "", names, hot), Seed(files, "1.dcm", ("1.dcm",), hot),
            Seed({f"study/{name}": data for name, data in mixed.items()}, "study", tuple(f"study/{n}" for n in mixed))]


def _volume():
    from napari_xray_landmarks.imaging import Volume

    rng = np.random.default_rng(2)
    matrix = np.diag([2.0, 0.8, 0.7, 1.0])
    matrix[:3, 3] = 5, -7, 9
    return Volume(rng.integers(-900, 900, (4, 6, 5)).astype(np.int16), matrix)


@cache
def volumes(*endings: str) -> list[Seed]:
    """Our own: of whole numbers, of floats, and a film."""
    from dataclasses import replace

    from napari_xray_landmarks.imaging import Radiograph
    from napari_xray_landmarks.io import write_volume

    volume = _volume()
    kinds = {"whole": volume, "floats": replace(volume, voxels=volume.voxels.astype(np.float32)),
             "film": Radiograph(PIXELS, (0.2, 0.3), "given")}
    return [written(f"{name}{ending}", lambda path, image=image: write_volume(path, image))
            for ending in endings for name, image in kinds.items()]


@cache
def label_files() -> list[Seed]:
    """A volume and a film of a few labels."""
    from dataclasses import replace

    from napari_xray_landmarks.io import write_volume
    from napari_xray_landmarks.io.pictures import write_png

    volume = _volume()
    labels = replace(volume, voxels=(np.arange(volume.voxels.size).reshape(volume.shape) // 30 % 3).astype(np.uint8))
    made = [written(f"labels{ending}", lambda path: write_volume(path, labels)) for ending in (".nii.gz", ".nrrd")]
    return [*made, written("labels.png", lambda path: write_png(path, PIXELS[:9, :9] // 100))]


@cache
def detached() -> list[Seed]:
    """Headers of text with the voxels in a file of their own."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(_volume().voxels)
    return [written(f"volume{ending}", lambda path: sitk.WriteImage(image, str(path)))
            for ending in (".mhd", ".nhdr")]


def _tiff(path: Path, **more) -> None:
    import tifffile

    tifffile.imwrite(path, PIXELS, **more)


@cache
def pictures(*endings: str) -> list[Seed]:
    from PIL import Image

    made = {"grey": PIXELS, "wide": PIXELS.astype(np.uint16) * 200, "colour": np.dstack([PIXELS, PIXELS[::-1], PIXELS])}
    seeds = []
    for ending in endings:
        for name, pixels in made.items():
            if ending in (".png", ".tif", ".bmp") or pixels.dtype == np.uint8:
                if not (ending == ".bmp" and name == "wide"):
                    seeds.append(written(name + ending, lambda p, a=pixels: Image.fromarray(a).save(p)))
    if ".tif" in endings:
        seeds += [written("packed.tif", lambda p: _tiff(p, compression="zlib", predictor=True)),
                  written("tiled.tif", lambda p: _tiff(p, tile=(16, 16)))]
    return seeds


@cache
def segmentations() -> list[Seed]:
    from napari_xray_landmarks.io.dicom.segmentation import write_seg

    return [_referring("seg.dcm", lambda path, sources, image: write_seg(
        path, image, {1: "femur", 2: "tibia"}, sources))]


@cache
def reports() -> list[Seed]:
    from napari_xray_landmarks.io.dicom.report import write_report
    from napari_xray_landmarks.landmarks import LandmarkSet

    marks = LandmarkSet(("femur-left", "tip"), np.array([[3.0, 4.0], [5.5, 2.25]]), [0.5, 1.0])
    film = {"film.dcm": dicom(PIXELS)}
    return [_referring("report.dcm", lambda path, sources, _: write_report(path, marks, sources), film)]


def _referring(name: str, write: Callable, files: dict[str, bytes] | None = None) -> Seed:
    """The seed of an object that refers to images, labels of which are made where it needs them."""
    import tempfile
    from dataclasses import replace

    from napari_xray_landmarks.io import load_image
    from napari_xray_landmarks.io.dicom.sources import read_sources

    with tempfile.TemporaryDirectory() as folder:
        for own, data in (files or slices()).items():
            (Path(folder) / own).write_bytes(data)
        image, sources = load_image(folder), read_sources(folder)
        if files is None:
            image = replace(image, voxels=np.arange(image.voxels.size).reshape(image.shape) % 3)
        return written(name, lambda path: write(path, sources, image))


READERS = {
    "DICOM film": Reader(films, read_images),
    "DICOM series": Reader(series, read_images),
    "DICOM sources": Reader(lambda: series() + films()[:3], read_sources),
    "DICOM SEG": Reader(segmentations, read_seg),
    "DICOM SR": Reader(reports, read_report),
    "NIfTI": Reader(lambda: volumes(".nii", ".nii.gz"), read_volume),
    "NRRD": Reader(lambda: volumes(".nrrd"), read_volume),
    "MetaImage": Reader(lambda: volumes(".mha"), read_volume),
    "detached headers": Reader(detached, read_volume),
    "PNG": Reader(lambda: pictures(".png"), read_volume),
    "JPEG": Reader(lambda: pictures(".jpg"), read_volume),
    "TIFF": Reader(lambda: pictures(".tif"), read_volume),
    "BMP": Reader(lambda: pictures(".bmp"), read_volume),
    "labels": Reader(label_files, read_labels),
}
