"""The model file: one `.safetensors`, tensors and a header in its metadata. Nothing is ever unpickled.

Every key of the header is one entry of the file's metadata: text as it is, everything else as JSON. The file is
checked from its first bytes on, before anything of a size that the file itself claims is allocated.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..errors import FileError, ModelError
from ..io.files import replacing
from .header import TEXT_KEYS, ModelHeader, header_from_values, header_values, parse_json
from .methods import METHODS

ENDING = ".safetensors"
MAX_FILE_BYTES = 4 << 30
MAX_TABLE_BYTES = 8 << 20
MAX_AXES = 8
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8,
    "F64": 8,
}  # fmt: skip
REMEDY = "Choose a model file of this package, or train it again"


def save_model(path, header: ModelHeader, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a model file, whole or not at all; the same content gives the same bytes.

    Parameters
    ----------
    path
        Ends in `.safetensors`.
    header
        What the file says about itself; `package_version` is filled in where it is empty.
    tensors
        Arrays of numbers or booleans by name.

    Raises
    ------
    FileError
        If `path` has another ending or cannot be written.
    ModelError
        If a tensor cannot be stored, or holds NaN or infinity where the method forbids it.
    """
    path = Path(path)
    require_ending(path)
    if not header.package_version:
        from .. import __version__

        header = replace(header, package_version=__version__)
    arrays = {str(name): np.asarray(array, order="C") for name, array in tensors.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise ModelError(path, f"the tensor {name!r} has type {array.dtype}", "Store numbers or booleans")
    _check_finite(path, header, arrays)
    metadata = {k: v if k in TEXT_KEYS else json.dumps(v, allow_nan=False) for k, v in header_values(header).items()}
    table, values = _sorted_table(save(arrays, metadata=metadata))
    with replacing(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(table)
            file.write(values)


def require_ending(path: Path) -> None:
    """FileError where a model file cannot have this name."""
    if path.suffix != ENDING:
        raise FileError(path, f"a model file cannot end in {path.suffix!r}", f"Name it {ENDING}")


def read_model_file(path) -> tuple[ModelHeader, dict[str, np.ndarray]]:
    """Read a model file.

    Returns
    -------
    header
        With the file's name, without its ending, as `name`.
    tensors
        Arrays by name.

    Raises
    ------
    ModelError
        If the file is missing, damaged, made for something else, or holds what its method forbids.
    """
    path = Path(path)
    header, count = _read_header(path)
    try:
        with safe_open(path, framework="np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        raise ModelError(path, f"is damaged ({error})", REMEDY) from error
    if len(tensors) != count:
        raise ModelError(path, f"is damaged: {len(tensors)} of {count} tensors can be read", REMEDY)
    _check_finite(path, header, tensors)
    return header, tensors


def read_model_header(path) -> ModelHeader:
    """The header of a model file, without reading its tensors; errors as in `read_model_file`."""
    return _read_header(Path(path))[0]


def _read_header(path: Path) -> tuple[ModelHeader, int]:
    """The header and the number of tensors."""
    try:
        table = _read_table(path)
        metadata = table.pop("__metadata__", None)
        if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
            raise ValueError("has no header: it is a .safetensors file of another program")
        values = {k: v if k in TEXT_KEYS else parse_json(v, f"its {k[:80]!r}") for k, v in metadata.items()}
        return header_from_values(values, path.stem), len(table)
    except OSError as error:
        raise ModelError(path, error.strerror or str(error), "Check the path to the model") from error
    except ValueError as error:
        raise ModelError(path, str(error), REMEDY) from error


def _read_table(path: Path) -> dict:
    """The JSON table at the start of the file, its tensors checked against the file's size."""
    size = path.stat().st_size
    if path.is_dir():
        raise ValueError("is a folder, not a model file")
    if size > MAX_FILE_BYTES:
        raise ValueError(f"has {size} bytes; a model file has at most {MAX_FILE_BYTES}")
    with open(path, "rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise ValueError(f"is damaged: it has only {len(start)} bytes")
        (length,) = struct.unpack("<Q", start)
        if length > min(MAX_TABLE_BYTES, size - 8):
            raise ValueError(_not_a_table(start, length, size))
        table = parse_json(file.read(length), "its table of tensors")
    if not isinstance(table, dict):
        raise ValueError("is damaged: its table of tensors is no JSON object")
    _check_spans(table, size - 8 - length)
    return table


def _not_a_table(start: bytes, length: int, size: int) -> str:
    if start[:4] == b"PK\x03\x04" or start[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return "is a pickle or zip archive (torch.save), not a .safetensors file; it was not opened"
    return f"is truncated or no .safetensors file: its header claims {length} bytes in a file of {size}"


def _check_spans(table: dict, size: int) -> None:
    """Every tensor's shape must fill its bytes, and all of them the rest of the file without gap or overlap."""
    spans = []
    for name, entry in table.items():
        if name == "__metadata__":
            continue
        what = f"the tensor {name[:80]!r}"
        try:
            item, shape, (begin, end) = ITEM_BYTES[entry["dtype"]], entry["shape"], entry["data_offsets"]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"is damaged: {what} has no usable type, shape or place") from None
        if not isinstance(shape, list) or len(shape) > MAX_AXES or not all(_is_size(n) for n in (*shape, begin, end)):
            raise ValueError(f"is damaged: {what} has the shape {str(shape)[:80]}")
        if math.prod(shape) * item != end - begin:
            raise ValueError(f"is damaged: {what} of shape {str(shape)[:80]} stands in {end - begin} bytes")
        spans.append((begin, end))
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise ValueError(f"is damaged: its tensors leave a gap or overlap at byte {at}")
        at = end
    if at != size:
        raise ValueError(f"is truncated or damaged: its tensors need {at} bytes, it has {size}")


def _is_size(value) -> bool:
    return type(value) is int and 0 <= value <= MAX_FILE_BYTES


def _check_finite(path: Path, header: ModelHeader, tensors: Mapping[str, np.ndarray]) -> None:
    if METHODS[header.method].allows_nonfinite:
        return
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(path, f"the tensor {name[:80]!r} holds NaN or infinity", REMEDY)


def _sorted_table(data: bytes) -> tuple[bytes, memoryview]:
    """The table of a `.safetensors` file with its keys sorted, so that it never differs by chance, and the rest."""
    (length,) = struct.unpack("<Q", data[:8])
    table = json.loads(data[8 : 8 + length])
    text = json.dumps(
        {k: table[k] for k in sorted(table)} | {"__metadata__": dict(sorted(table["__metadata__"].items()))}
    )
    encoded = text.encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded, memoryview(data)[8 + length :]
