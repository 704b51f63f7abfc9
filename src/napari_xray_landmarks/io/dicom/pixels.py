"""The pixels of a DICOM file as grey values in which brighter is denser, and the window to show them in."""

from dataclasses import dataclass

import numpy as np
from pydicom import uid
from pydicom.encaps import parse_fragments
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
from pydicom.pixels.utils import get_expected_length

from ...errors import FileError
from ..files import require_plausible_size
from ..grey import grey, grey_note
from .header import DAMAGED, PIXEL_ELEMENTS, code, number, numbers, quiet, read_dataset, value

_LUT_SHARES = (0.02, 0.98)
_DECODERS = {
    uid.JPEG2000: ("pylibjpeg", "pillow"),
    uid.JPEG2000Lossless: ("pylibjpeg", "pillow"),
    uid.HTJ2K: ("pylibjpeg",),
    uid.HTJ2KLossless: ("pylibjpeg",),
    uid.HTJ2KLosslessRPCL: ("pylibjpeg",),
    uid.JPEGLSLossless: ("pyjpegls",),
    uid.JPEGLSNearLossless: ("pyjpegls",),
    uid.JPEGBaseline8Bit: ("pillow", "SimpleITK"),
    uid.JPEGExtended12Bit: ("pillow", "SimpleITK"),
    uid.JPEGLossless: ("SimpleITK",),
    uid.JPEGLosslessSV1: ("SimpleITK",),
}
"""What decodes each compression, in turn. GDCM's own Python module is not among them: damaged JPEG makes it abort the
whole process, where SimpleITK's GDCM raises."""


@dataclass(frozen=True, eq=False)
class Film:
    """The frames of a projection, (frames, rows, columns), and how to show them."""

    frames: np.ndarray
    display_range: tuple[float, float] | None
    header: dict


def frame_count(dataset) -> int:
    """How many frames the header claims, at least 1."""
    return max(1, int(number(dataset, "NumberOfFrames") or 1))


def require_pixels(path, dataset) -> None:
    """Refuse, before anything is allocated, what is no image or claims more than it can be."""
    rows, columns = number(dataset, "Rows"), number(dataset, "Columns")
    bits = number(dataset, "BitsAllocated")
    if rows is None or columns is None or bits is None:
        raise FileError(path, f"holds no image (modality {code(dataset, 'Modality') or 'not given'})",
                        "Give an image or a series")
    samples = number(dataset, "SamplesPerPixel") or 1
    if bits not in (1, 8, 16, 32, 64) or samples not in (1, 3, 4):
        raise FileError(path, f"claims {bits:g} bits and {samples:g} samples a pixel", "Export it again")
    shape = (frame_count(dataset), int(rows), int(columns))
    require_plausible_size(path, shape, int(samples) * max(1, int(bits) // 8))


def decode(path, dataset) -> np.ndarray:
    """The stored values of all frames, (frames, rows, columns[, 3]); colour is RGB.

    Parameters
    ----------
    path
        The file, named in errors.
    dataset
        Its header, as `read_dataset` gives it.

    Raises
    ------
    FileError
        If the pixel data is missing, cut off, or cannot be decoded.
    """
    require_pixels(path, dataset)
    whole = read_dataset(path, pixels=True)
    syntax = whole.file_meta.get("TransferSyntaxUID") if hasattr(whole, "file_meta") else None
    if not any(key in whole for key in PIXEL_ELEMENTS):
        raise FileError(path, "has no pixel data: it is truncated, or holds no image", "Copy or export it again")
    try:
        with quiet():
            if syntax is None:
                whole.file_meta.TransferSyntaxUID = syntax = guessed_syntax(whole)
            if not syntax.is_compressed and "PixelData" in whole and len(whole.PixelData) < get_expected_length(whole):
                raise FileError(path, f"is truncated: {len(whole.PixelData)} of {get_expected_length(whole)} bytes of "
                                "pixels are there", "Copy or export it again")
            pixels = _decompress(path, whole, syntax)
            if code(whole, "PhotometricInterpretation") == "PALETTE COLOR":
                pixels = apply_color_lut(pixels, whole)
    except FileError:
        raise
    except DAMAGED as error:
        how = uid.UID_dictionary.get(str(syntax), ("unknown transfer syntax",))[0]  # none of the file's own words
        raise FileError(path, f"its pixels cannot be decoded ({how}); they may be "
                        "truncated or damaged", "Copy or export it again") from error
    planes = 2 if number(whole, "SamplesPerPixel") in (None, 1) and pixels.ndim in (2, 3) and not (
        pixels.ndim == 3 and frame_count(whole) == 1) else 3
    return pixels[np.newaxis] if pixels.ndim == planes else pixels


def _decompress(path, dataset, syntax) -> np.ndarray:
    """Decoded values by the first decoder that can; the last one's error if none can."""
    *others, last = _DECODERS.get(syntax, ("pydicom" if syntax.is_compressed else "",))
    for decoder in others:
        try:
            return _decoded_by(decoder, path, dataset)
        except DAMAGED:
            continue
    return _decoded_by(last, path, dataset)


def _decoded_by(decoder: str, path, dataset) -> np.ndarray:
    if decoder != "SimpleITK":
        return pixel_array(dataset, decoding_plugin=decoder)
    import SimpleITK as sitk

    require_whole_fragments(dataset.PixelData)  # it allocates what they claim
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    values = sitk.GetArrayFromImage(reader.Execute())
    slope, intercept = rescale(dataset)  # which SimpleITK has applied already
    if (slope, intercept) != (1.0, 0.0):
        values = np.rint((values.astype(float) - intercept) / slope)
        values = values.astype(integer_type(values.min(), values.max()))
    return values[0] if frame_count(dataset) == 1 and values.shape[0] == 1 else values


def require_whole_fragments(pixels: bytes) -> None:
    """ValueError where compressed pixels are no row of items, each as long as it says."""
    *_, last = offsets = parse_fragments(pixels)[1] or [0]
    if last + 8 + int.from_bytes(pixels[last + 4:last + 8], "little") > len(pixels):
        raise ValueError(f"item {len(offsets)} is truncated")


def guessed_syntax(dataset):
    """The transfer syntax of a file that names none, by how it was read."""
    implicit, little = dataset.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def read_film(path, dataset) -> Film:
    """All frames of a projection: rescaled, colour as grey, MONOCHROME1 inverted, with the VOI window."""
    stored = decode(path, dataset)
    note = grey_note(stored[0])
    frames = np.stack([grey(frame) for frame in stored]) if stored.ndim == 4 else stored
    try:
        frames, (low, high) = modality_values(frames, dataset)
    except DAMAGED as error:
        raise FileError(path, "its modality LUT is damaged", "Export it again") from error
    window = display_range(dataset)
    if code(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        total = low + high
        frames = _reversed(frames, total)
        window = None if window is None else (total - window[1], total - window[0])
    if window is not None and not _overlaps(window, frames):
        window = None
    return Film(frames, window, note)


def modality_values(stored: np.ndarray, dataset) -> tuple[np.ndarray, tuple[float, float]]:
    """Values after the modality LUT or rescale, and the range that they can take.

    Whole numbers stay whole; other slopes give 32-bit floats.
    """
    low, high = stored_range(stored, dataset)
    if value(dataset, "ModalityLUTSequence"):
        with quiet():
            values = apply_modality_lut(stored, dataset)
        return values, (float(values.min()), float(values.max()))
    slope, intercept = rescale(dataset)
    ends = sorted((slope * low + intercept, slope * high + intercept))
    if (slope, intercept) == (1.0, 0.0):
        return stored, (low, high)
    if slope == 1.0 and intercept.is_integer() and stored.dtype.kind in "iu":
        return (stored.astype(np.int64) + int(intercept)).astype(integer_type(*ends)), tuple(ends)
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept), tuple(ends)


def rescale(dataset) -> tuple[float, float]:
    """(slope, intercept), 1 and 0 where they are missing or make no sense."""
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    return (slope if slope else 1.0), (intercept if intercept is not None else 0.0)


def stored_range(stored: np.ndarray, dataset) -> tuple[float, float]:
    """The values that the stored bits can take, never narrower than the data."""
    low, high = float(np.nanmin(stored)), float(np.nanmax(stored))
    bits = number(dataset, "BitsStored")
    if stored.dtype.kind not in "iu" or bits is None or not 1 <= bits <= 32:
        return low, high
    signed = stored.dtype.kind == "i"
    least, most = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    return min(low, least), max(high, most)


def integer_type(low: float, high: float) -> type:
    """The smallest of int16, uint16 and int32 that holds the range; int64 beyond."""
    for kind in (np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    return np.int64


def _reversed(values: np.ndarray, total: float) -> np.ndarray:
    if values.dtype.kind == "f":
        return (total - values).astype(values.dtype)
    return (int(total) - values.astype(np.int64)).astype(values.dtype)


def display_range(dataset) -> tuple[float, float] | None:
    """(low, high) of the first usable VOI window, or of the inputs between which a VOI LUT rises."""
    for centre, width in zip(numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth"), strict=False):
        exact = code(dataset, "VOILUTFunction") in ("LINEAR_EXACT", "SIGMOID")
        if width > (0 if exact else 1):
            middle, half = (centre, width / 2) if exact else (centre - 0.5, (width - 1) / 2)
            return middle - half, middle + half
    return _lut_range(value(dataset, "VOILUTSequence"))


def _lut_range(sequence) -> tuple[float, float] | None:
    if not sequence:
        return None
    try:
        with quiet():
            count, first, _ = (int(v) for v in sequence[0].LUTDescriptor)
            data = sequence[0].LUTData
            wide = isinstance(data, bytes) and len(data) >= 2 * (count or 2**16)
            table = np.frombuffer(data, "<u2" if wide else "u1") if isinstance(data, bytes) else np.asarray(data)
            table = table.astype(float).ravel()
    except DAMAGED:
        return None
    if table.size < 2 or np.ptp(table) == 0:
        return None
    shares = (table - table.min()) / np.ptp(table)
    inside = np.flatnonzero((shares > _LUT_SHARES[0]) & (shares < _LUT_SHARES[1]))
    if inside.size < 2:
        return float(first), first + table.size - 1.0
    return first + float(inside[0]), first + float(inside[-1])


def _overlaps(window: tuple[float, float], frames: np.ndarray) -> bool:
    return window[0] < window[1] and window[0] < float(frames.max()) and window[1] > float(frames.min())
