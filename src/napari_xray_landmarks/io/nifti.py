"""What ITK's reader of NIfTI files takes for 0: values that are no numbers."""

import gzip
import struct
from pathlib import Path

import numpy as np

_HEADER_BYTES = 348
_DATATYPE_AT, _OFFSET_AT = 70, 108
_FLOATS = {16: "f4", 64: "f8"}
_BLOCK = 2**22  # values at a time
_GZIP_MAGIC = b"\x1f\x8b"


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
        file.read(int(struct.unpack_from(f"{order}f", header, _OFFSET_AT)[0]) - _HEADER_BYTES)
        dtype = np.dtype(order + kind)
        for first in range(0, len(flat), _BLOCK):
            block = np.frombuffer(file.read(min(_BLOCK, len(flat) - first) * dtype.itemsize), dtype)
            wrong = np.flatnonzero(~np.isfinite(block))
            if len(wrong) and not copied:
                flat, copied = flat.copy(), True
            flat[first + wrong] = block[wrong]
    return flat.reshape(values.shape)


def is_packed(path: Path) -> bool:
    """Whether a file is compressed by gzip, whatever its name says."""
    with open(path, "rb") as file:
        return file.read(2) == _GZIP_MAGIC


def _opened(path: Path):
    return gzip.open(path) if is_packed(path) else open(path, "rb")
