"""NIfTI, NRRD and MetaImage files by SimpleITK: volumes, and radiographs where the file is 2D."""

import gzip
import re
import zlib
from math import prod
from os import SEEK_END
from pathlib import Path

import numpy as np

from ..errors import FileError
from ..imaging import UNKNOWN_SPACING, Radiograph, Volume
from .files import DEFLATE_RATIO, replacing, require_file, require_plausible_size, stem, suffix
from .frames import lps_from_index, world_from_voxel
from .grey import grey, grey_note
from .nifti import is_packed, put_back_not_finite, require_sound_nifti
from .text_headers import META_SUFFIXES, NRRD_SUFFIXES, require_sound_header

WRITABLE = (".nii.gz", ".nii", ".nrrd", ".mha")
NIFTI_SUFFIXES = (".nii", ".nii.gz")
_NO_SPACING = "no pixel spacing"
_NOTE = "ITK_FileNotes"
_ORTHOGONAL = 1e-4
_NIFTI_HEADER, _NIFTI_EXTENSIONS = 352, 2**20
_BLOCK, _LEAST_BYTES = 2**20, 20
_ELSEWHERE = "Choose another folder"


def read_volume_file(path) -> Radiograph | Volume:
    """A 3D file as a volume in our world frame, a 2D file as a radiograph.

    Raises
    ------
    FileError
        If the file is damaged, claims too much, is 4D or a vector image, or its geometry is not finite.
    """
    path = require_file(path)
    files = require_sound_header(path) if suffix(path) in META_SUFFIXES + NRRD_SUFFIXES else [path]
    if suffix(path) in NIFTI_SUFFIXES:
        require_sound_nifti(path)
    reader = _read_header(path)
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    while len(size) > 3 and size[-1] == 1:
        size = size[:-1]
    if len(size) not in (2, 3):
        raise FileError(path, f"is {len(size)}D, {' x '.join(str(n) for n in size)}",
                        "Save the one volume that you need")
    if components > 1 and (len(size) == 3 or components > 4 or _is_complex(reader)):
        raise FileError(path, f"has {components} values a voxel", "Save one component as its own volume")
    _require_size(path, files, reader, size, components)
    image = _read(path, reader, size)
    return _radiograph(path, image) if image.GetDimension() == 2 else _volume(path, image)


def _read_header(path: Path):
    import SimpleITK as sitk

    sitk.ProcessObject.GlobalWarningDisplayOff()  # which would print what a header says
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    return reader


def _is_complex(reader) -> bool:
    import SimpleITK as sitk

    return reader.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64)


def _require_size(path: Path, files: list[Path] | None, reader, size, components: int) -> None:
    import SimpleITK as sitk

    probe = sitk.Image([1] * min(len(size), 3), reader.GetPixelID(), components) if components > 1 else sitk.Image(
        [1] * len(size), reader.GetPixelID())
    item_bytes = probe.GetSizeOfPixelComponent() * components
    require_plausible_size(path, size, item_bytes)
    stored = None if files is None else _stored_bytes(path, files, prod(size) * item_bytes)
    require_plausible_size(path, size, item_bytes, stored_bytes=stored)


def _stored_bytes(path: Path, files: list[Path], claimed: int) -> int:
    """At most how many bytes of pixels a file, or the files that its header names, can hold."""
    if suffix(path) == ".nii.gz":
        return _unpacked_bytes(path, claimed + _NIFTI_HEADER) - _NIFTI_HEADER
    if suffix(path) == ".nii":
        return path.stat().st_size - _NIFTI_HEADER
    return sum(file.stat().st_size for file in files) * (DEFLATE_RATIO if _is_deflated(path) else 1)


def _unpacked_bytes(path: Path, expected: int) -> int:
    """Bytes in a gzip file, by its own count where that fits what is expected, otherwise by unpacking.

    The NIfTI reader fills what is cut off with zeros and says nothing, so it is found out here.
    """
    if not is_packed(path):
        return path.stat().st_size
    with open(path, "rb") as file:
        file.seek(-4, SEEK_END)
        said = int.from_bytes(file.read(4), "little")
    if expected <= said <= expected + _NIFTI_EXTENSIONS:
        return said
    unpacked = 0
    try:
        with gzip.open(path) as file:
            while unpacked < expected and (block := file.read(_BLOCK)):
                unpacked += len(block)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(path, f"is truncated or damaged: {unpacked} of {expected} bytes can be unpacked",
                        "Copy or export it again") from error
    return unpacked


def _is_deflated(path: Path) -> bool:
    """Whether the pixels are compressed; other encodings of text files only make the file longer."""
    with open(path, "rb") as file:
        head = file.read(8192).lower()
    return b"compresseddata = true" in head or b"encoding: gz" in head or b"encoding: bz" in head


def _read(path: Path, reader, size):
    try:
        if reader.GetDimension() > len(size):
            reader.SetExtractSize([*size, *[0] * (reader.GetDimension() - len(size))])
        return reader.Execute()
    except (RuntimeError, MemoryError, OverflowError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> FileError:
    text = str(error).replace(str(path), "").lower()
    reason = next((r for key, r in (
        ("orthonormal", "its axes are not at right angles"),
        ("orthogonal", "its axes are not at right angles"),
        ("singular", "its direction matrix is singular"),
        ("spacing", "its spacing is not positive"),
        ("unable to determine imageio", "it is not what its name says"),
        ("no imageio", "it is not what its name says"),
    ) if key in text), "it is truncated or damaged")
    return FileError(path, f"cannot be read: {reason}", "Export it again")


def _values(path: Path, image) -> np.ndarray:
    import SimpleITK as sitk

    values = sitk.GetArrayFromImage(image)
    scalar = image.GetNumberOfComponentsPerPixel() == 1
    return put_back_not_finite(path, values) if scalar and suffix(path) in NIFTI_SUFFIXES else values


def _volume(path: Path, image) -> Volume:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    values = _values(path, image)
    try:
        return Volume(values, world_from_voxel(matrix), stem(path), header={"file": path.name})
    except ValueError as error:
        raise FileError(path, str(error), "Correct its geometry") from error


def _radiograph(path: Path, image) -> Radiograph:
    pixels = _values(path, image)
    spacing = _declared_spacing(path, image)
    header = {"file": path.name, **grey_note(pixels)}
    source = UNKNOWN_SPACING if spacing is None else f"the spacing in the {suffix(path)} file"
    placed = _world_from_pixel(image)
    if not np.array_equal(placed, np.diag(np.diag(placed))) or (np.diag(placed) < 0).any():
        header["world_from_pixel"] = placed.tolist()
    return Radiograph(grey(pixels), spacing, source, name=stem(path), header=header)


def _world_from_pixel(image) -> np.ndarray:
    """(3, 3) affine from (row, column) to the plane's world, which differs from the spacing where a film was moved."""
    matrix = np.eye(3)
    matrix[:2, :2] = np.reshape(image.GetDirection(), (2, 2)) * np.array(image.GetSpacing())
    matrix[:2, 2] = image.GetOrigin()
    return matrix[np.ix_([1, 0, 2], [1, 0, 2])]


def _declared_spacing(path: Path, image) -> tuple[float, float] | None:
    """The (row, column) spacing that the file itself states; ITK fills in 1 where it states none."""
    notes = image.GetMetaData(_NOTE) if image.HasMetaDataKey(_NOTE) else ""
    spacing = tuple(float(s) for s in image.GetSpacing()[::-1])
    if notes.startswith(_NO_SPACING) or not all(np.isfinite(s) and s > 0 for s in spacing):
        return None
    if suffix(path) in NIFTI_SUFFIXES:
        unit = image.GetMetaData("xyzt_units") if image.HasMetaDataKey("xyzt_units") else "0"
        stated = spacing != (1.0, 1.0) or unit not in ("", "0")
    else:
        with open(path, "rb") as file:
            head = file.read(8192).lower()
        stated = any(key in head for key in (b"elementspacing", b"elementsize", b"spacings:", b"space directions:"))
    return spacing if stated else None


def write_volume(path, image: Volume | Radiograph) -> None:
    """Write `.nii.gz`, `.nii`, `.nrrd` or `.mha` with the same pixels, type and geometry.

    NIfTI keeps its geometry in 32-bit floats (1e-7 of its size), the others keep it exactly. Half-precision pixels are
    stored as 32-bit floats and booleans as 8-bit integers.

    Raises
    ------
    FileError
        If the extension is another one, the volume is sheared, or the target cannot be written.
    """
    import SimpleITK as sitk

    if suffix(path) not in WRITABLE:
        raise FileError(path, f"cannot write an image as {suffix(path) or 'a file without extension'!r}",
                        f"Use one of {', '.join(WRITABLE)}")
    itk = _itk_volume(path, image) if isinstance(image, Volume) else _itk_radiograph(path, image)
    with replacing(path) as temporary:
        try:
            sitk.WriteImage(itk, str(temporary), useCompression=suffix(path) in (".nrrd", ".mha"))
        except RuntimeError as error:
            raise FileError(path, "cannot be written: the disk refused", _ELSEWHERE) from error
        if not _is_whole(temporary, itk):
            raise FileError(path, "cannot be written: the disk is full", _ELSEWHERE)


def _is_whole(path: Path, itk) -> bool:
    """Whether all of an image reached its file: of a full disk ITK's writers say nothing."""
    size, ending = path.stat().st_size, suffix(path)
    stored = itk.GetNumberOfPixels() * itk.GetNumberOfComponentsPerPixel() * itk.GetSizeOfPixelComponent()
    if ending == ".nii":
        return size >= _NIFTI_HEADER + stored
    if size < _LEAST_BYTES:
        return False
    with open(path, "rb") as file:
        header = file.read(_BLOCK)
        file.seek(-4, SEEK_END)
        unpacked = int.from_bytes(file.read(4), "little")  # as gzip ends with it
    if ending == ".mha":
        said = re.search(rb"CompressedDataSize = (\d+).*ElementDataFile = LOCAL\n", header, re.DOTALL)
        return said is not None and size == said.end() + int(said[1])
    return unpacked == (stored + (_NIFTI_HEADER if ending == ".nii.gz" else 0)) % 2**32


def _itk_volume(path, volume: Volume):
    matrix = lps_from_index(volume.world_from_voxel)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    direction = matrix[:3, :3] / spacing
    _require_orthogonal(path, direction)
    itk = _itk_image(path, volume.voxels)
    itk.SetSpacing(spacing.tolist())
    itk.SetDirection(direction.ravel().tolist())
    itk.SetOrigin(matrix[:3, 3].tolist())
    return itk


def _require_orthogonal(path, direction: np.ndarray) -> None:
    skew = np.abs(direction.T @ direction - np.eye(len(direction))).max()
    if skew > _ORTHOGONAL:
        raise FileError(path, f"its axes are not at right angles (off by {skew:.2g}), which no volume file can hold",
                        "Remove the shear of the layer")


def _itk_radiograph(path, radiograph: Radiograph):
    itk = _itk_image(path, radiograph.pixels)
    itk.SetSpacing(radiograph.scale[::-1].tolist())
    placed = radiograph.header.get("world_from_pixel")
    if placed is not None:
        matrix = np.asarray(placed, dtype=float)[np.ix_([1, 0, 2], [1, 0, 2])]
        direction = matrix[:2, :2] / np.linalg.norm(matrix[:2, :2], axis=0)
        _require_orthogonal(path, direction)
        itk.SetSpacing(np.linalg.norm(matrix[:2, :2], axis=0).tolist())
        itk.SetDirection(direction.ravel().tolist())
        itk.SetOrigin(matrix[:2, 2].tolist())
    if radiograph.spacing_mm is None:
        itk.SetMetaData(_NOTE, f"{_NO_SPACING}: one unit is one pixel")
    return itk


def _itk_image(path, pixels: np.ndarray):
    import SimpleITK as sitk

    stored = {"float16": np.float32, "bool": np.uint8}.get(pixels.dtype.name, pixels.dtype.newbyteorder("="))
    try:
        return sitk.GetImageFromArray(np.ascontiguousarray(pixels, dtype=stored))
    except (TypeError, KeyError, RuntimeError) as error:
        raise FileError(path, f"pixels of type {pixels.dtype} cannot be stored", "Convert them to float32") from error
