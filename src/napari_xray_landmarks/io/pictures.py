"""Films as ordinary pictures: PNG, JPEG, TIFF. They carry no spacing: resolution tags are a printer's, not a film's."""

import logging
import lzma
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import FileError
from ..imaging import Radiograph
from .files import (
    DEFLATE_RATIO,
    SIZE_LIMIT,
    BoundedFile,
    replacing,
    require_file,
    require_plausible_size,
    stem,
    suffix,
)
from .grey import grey, grey_note

_DAMAGED = (
    OSError, SyntaxError, ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, MemoryError,
    OverflowError, ZeroDivisionError, NotImplementedError, RuntimeError, AssertionError, struct.error, zlib.error,
    lzma.LZMAError,
)


_PNG_BYTES = {"1": 1 / 8, "I;16": 2, "I;16B": 2, "LA": 2, "RGB": 3, "RGBA": 4}
_TIFF_RATIOS = {1: 1, 5: 2 * DEFLATE_RATIO, 8: DEFLATE_RATIO, 32773: 64, 32946: DEFLATE_RATIO}
"""What none, LZW, Deflate and PackBits unpack a byte to at most, by their numbers in the file."""


def read_picture(path) -> Radiograph:
    """An 8- or 16-bit (or float) picture as a radiograph in pixels; colour becomes grey luminance.

    Raises
    ------
    FileError
        If it is damaged, huge, or a stack of several pictures.
    """
    path = require_file(path)
    pixels = _read_tiff(path) if suffix(path) in (".tif", ".tiff") else _read_pillow(path)
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 2, 3, 4):
        raise FileError(path, f"holds {pixels.shape[0]} pictures or channels", "Save one grey picture a file")
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise FileError(path, f"has shape {pixels.shape}, not that of one picture", "Save one grey picture a file")
    header = {"file": path.name, **grey_note(pixels)}
    return Radiograph(grey(pixels), name=stem(path), header=header)


def write_png(path, pixels) -> None:
    """Write 8- or 16-bit grey values; a PNG has no place for a film's spacing."""
    from PIL import Image

    with replacing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG")


def _read_pillow(path: Path) -> np.ndarray:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with BoundedFile(path) as file, Image.open(file) as picture:
                _require_one_frame(path, getattr(picture, "n_frames", 1))
                stored = path.stat().st_size * DEFLATE_RATIO if picture.format == "PNG" else None
                require_plausible_size(path, picture.size[::-1], 8)
                require_plausible_size(path, picture.size[::-1], _PNG_BYTES.get(picture.mode, 1), stored_bytes=stored)
                if picture.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
                    picture = picture.convert("RGB")
                return np.array(picture, dtype=np.uint8 if picture.mode == "1" else None)
        except FileError:
            raise
        except (*_DAMAGED, Image.DecompressionBombError) as error:
            raise _unreadable(path, error) from error


def _read_tiff(path: Path) -> np.ndarray:
    import tifffile

    try:
        with _unlogged("tifffile"), BoundedFile(path) as file, tifffile.TiffFile(file) as tiff:
            page = tiff.pages[0]
            _require_alone(path, tiff, page)
            require_plausible_size(path, page.shape, page.dtype.itemsize)
            ratio = _TIFF_RATIOS.get(int(page.compression))
            stored = None if ratio is None else path.stat().st_size * ratio
            require_plausible_size(path, page.shape, page.bitspersample / 8, stored_bytes=stored)
            pixels = page.asarray()
            inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
    except FileError:
        raise
    except (*_DAMAGED, tifffile.TiffFileError) as error:
        return _read_pillow_tiff(path, error)
    if pixels.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        pixels = np.moveaxis(pixels, 0, -1)
    return _inverted(pixels) if inverted else pixels


def _read_pillow_tiff(path: Path, error: Exception) -> np.ndarray:
    """Compressions that tifffile has no codec for, Pillow may read."""
    if path.stat().st_size > SIZE_LIMIT:
        raise _unreadable(path, error) from error
    return _read_pillow(path)


def _require_alone(path: Path, tiff, page) -> None:
    """FileError where a second page is such a picture too; all pages are not gone through, damaged files have endless
    ones."""
    try:
        second = tiff.pages[1]
    except IndexError:
        second = None
    stacked = int((tiff.imagej_metadata or {}).get("images", 1))
    alike = second is not None and (second.shape, second.dtype) == (page.shape, page.dtype)
    if alike or stacked > 1:
        raise FileError(path, f"holds {max(stacked, 2)} pictures or more", "Save one picture a file")


@contextmanager
def _unlogged(name: str) -> Iterator[None]:
    """Keep what a library logs of damaged files out of the terminal."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _inverted(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == bool:
        return ~pixels
    return np.iinfo(pixels.dtype).max - pixels if pixels.dtype.kind == "u" else -pixels


def _require_one_frame(path: Path, count: int) -> None:
    if count != 1:
        raise FileError(path, f"holds {count} pictures", "Save one picture a file")


def _unreadable(path: Path, error: Exception) -> FileError:
    return FileError(path, f"cannot be read as a picture ({str(error)[:120] or type(error).__name__})",
                     "It may be truncated: copy or export it again")
