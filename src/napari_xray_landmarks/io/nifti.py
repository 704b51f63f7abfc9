"""What ITK's reader of NIfTI files does not: refuse headers that make no sense, and read values that are no numbers."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import FileError
from .files import SIZE_LIMIT
from .text_headers import is_far

_HEADER_BYTES = 348
_DATATYPE_AT, _OFFSET_AT, _CODES_AT = 70, 108, 252
_FLOATS = {16: "f4", 64: "f8"}
_KINDS = {2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304}
_AGAIN = "Export it again"
_BLOCK = 2**22  # values at a time
_GZIP_MAGIC = b"\x1f\x8b"


def require_sound_nifti(path: Path) -> None:
    """Look at the header before ITK does, which prints what it cannot use, and may never end with huge numbers.

    Raises
    ------
    FileError
        It is cut off, or its sizes, kind of numbers, or place make no sense.
    """
    try:
        with _opened(path) as file:
            header = file.read(_HEADER_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(path, "is truncated or damaged: it cannot be unpacked", "Copy or export it again") from error
    if len(header) < _HEADER_BYTES:
        raise FileError(path, f"is truncated: its header has {len(header)} bytes", "Copy or export it again")
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", header)[0] == _HEADER_BYTES), None)
    if order is None:
        return  # NIfTI-2, or none: ITK tells
    axes, *sizes = struct.unpack_from(f"{order}8h", header, 40)
    if not 1 <= axes <= 7 or min(sizes[:axes]) < 1:
        raise FileError(path, f"its header claims {axes} axes of {sizes[:max(0, min(axes, 7))]}", _AGAIN)
    kind = struct.unpack_from(f"{order}h", header, _DATATYPE_AT)[0]
    if kind not in _KINDS:
        raise FileError(path, f"its header says that its numbers are of kind {kind}, which is none", _AGAIN)
    offset = struct.unpack_from(f"{order}f", header, _OFFSET_AT)[0]
    if not 0 <= offset <= SIZE_LIMIT:
        raise FileError(path, f"its header says that its voxels start at byte {offset:g}", _AGAIN)
    _require_sensible_place(path, header, order, axes)


def _require_sensible_place(path: Path, header: bytes, order: str, axes: int) -> None:
    spacing, place = struct.unpack_from(f"{order}8f", header, 76), struct.unpack_from(f"{order}18f", header, 256)
    codes = struct.unpack_from(f"{order}2h", header, _CODES_AT)
    used = [part for code, part in zip(codes, (place[:6], place[6:]), strict=True) if code > 0]
    if any(is_far(number) for number in (*spacing[:axes + 1], *place)) or not np.isfinite(sum(used, ())).all():
        raise FileError(path, "its header's spacing or place is no sensible number", _AGAIN)


def put_back_not_finite(path: Path, values: np.ndarray) -> np.ndarray:
    """The values as they are in the file, where the reader gave 0 for NaN and infinity.

    Parameters
    ----------
    path
        A NIfTI file of one part.
    values
        What was read of it, in the file's order.

    Returns
    -------
    `values`, or a copy where the file holds values that are not finite

    Raises
    ------
    FileError
        The file cannot be unpacked as far as the values reach.
    """
    if values.dtype.kind != "f" or values.all():
        return values
    flat, copied = values.reshape(-1), False
    with _opened(path) as file:
        header = file.read(_HEADER_BYTES)
        order = "<" if struct.unpack_from("<i", header)[0] == _HEADER_BYTES else ">"
        kind = _FLOATS.get(struct.unpack_from(f"{order}h", header, _DATATYPE_AT)[0])
        if kind is None:
            return values
        dtype = np.dtype(order + kind)
        try:
            file.seek(max(_HEADER_BYTES, int(struct.unpack_from(f"{order}f", header, _OFFSET_AT)[0])))
            for first in range(0, len(flat), _BLOCK):
                block = np.frombuffer(file.read(min(_BLOCK, len(flat) - first) * dtype.itemsize), dtype)
                wrong = np.flatnonzero(~np.isfinite(block))
                if len(wrong) and not copied:
                    flat, copied = flat.copy(), True
                flat[first + wrong] = block[wrong]
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise FileError(path, "is truncated or damaged: its voxels cannot be unpacked", "Copy or export it again"
                            ) from error
    return flat.reshape(values.shape)


def is_packed(path: Path) -> bool:
    """Whether a file is compressed by gzip, whatever its name says."""
    with open(path, "rb") as file:
        return file.read(2) == _GZIP_MAGIC


def _opened(path: Path):
    return gzip.open(path) if is_packed(path) else open(path, "rb")
