"""Valid files spoilt as disks, exporters, people and attackers spoil them; the same numbers, the same spoils.

Bytes are flipped, cut, moved and overwritten with the numbers that readers stumble over; texts (`_text_mutations`)
lose, gain and exchange lines, cells, keys and values. What is packed (gzip) or guarded (the checksums of PNG, the
length of a model's table) is unpacked or put right again, so that the reader behind the guard is reached.
"""

import contextlib
import gzip
import json
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from _text_mutations import choice, spoilt_text

TEXT_ENDINGS = (".json", ".csv", ".fcsv", ".txt", ".vtk", ".obj", ".off", ".jsonl", ".journal", ".mhd", ".nhdr")
HEADER_ENDINGS = (".nrrd", ".mha", ".ply", ".stl")
"""Of texts, and of headers of text in front of bytes."""

WHOLE = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1_000_000_000,
         2**40, 2**63 - 1, 2**63, 2**64 - 1)
FLOATS = (float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 1e38, -1e-40)
_LONGEST, _HEADER = 2**20, 600

Places = Sequence[tuple[int, int]]


def mutated(name: str, data: bytes, rng: np.random.Generator, *, others: Sequence[bytes] = (), hot: Places = ()
            ) -> bytes:
    """A spoilt file.

    Parameters
    ----------
    name
        The file's; its ending says what it is.
    data
        The whole, valid file.
    rng
    others
        Other files of the kind, parts of which may end up in it.
    hot
        (offset, length) of the values that readers look at, such as those of a DICOM header.
    """
    with contextlib.suppress(ValueError, KeyError, IndexError, EOFError, OSError, RecursionError, struct.error,
                             zlib.error):
        if name.endswith(".gz") and rng.random() < 0.7:
            return gzip.compress(mutated(name.removesuffix(".gz"), gzip.decompress(data), rng), 1, mtime=0)
        if name.endswith(".safetensors") and rng.random() < 0.7:
            return _with_table(data, rng)
        if name.endswith(".png") and rng.random() < 0.5:
            return _with_chunk(data, rng)
    for _ in range(min(int(rng.geometric(0.5)), 7)):
        if name.endswith(TEXT_ENDINGS) and rng.random() < 0.9:
            data = spoilt_text(name, data, rng)
        elif name.endswith(HEADER_ENDINGS) and rng.random() < 0.6:
            data = spoilt_text(name, data[:_HEADER], rng) + data[_HEADER:]
        else:
            data = spoilt_bytes(data, rng, others, hot)
    return data[:_LONGEST]


def spoilt_bytes(data: bytes, rng: np.random.Generator, others: Sequence[bytes] = (), hot: Places = ()) -> bytes:
    """Bytes of which some are changed, lost, moved, or new."""
    if not data:
        return rng.integers(0, 256, 20, np.uint8).tobytes()
    at, length = _place(len(data), rng, hot), int(rng.integers(1, 40))
    if rng.random() < 0.3:
        number = _number(rng)
        return data[:at] + number + data[at + len(number):]
    return choice(rng, _SPOILS)(data, at, length, rng, others)


def _place(size: int, rng: np.random.Generator, hot: Places) -> int:
    """Where to spoil: at a value of the header, at the front, or anywhere."""
    kind = rng.random()
    if len(hot) and kind < 0.5:
        offset, length = choice(rng, hot)
        return min(size - 1, max(0, offset - 8 + int(rng.integers(8 + max(1, length)))))
    return int(rng.integers(size if kind > 0.75 else min(size, 400)))


def _number(rng: np.random.Generator) -> bytes:
    order, kind = choice(rng, "<>"), choice(rng, "BHIQfd")
    if kind in "fd":
        return struct.pack(order + kind, choice(rng, FLOATS))
    return struct.pack(order + kind, choice(rng, WHOLE) % 256 ** struct.calcsize(kind))


def _flipped(data: bytes, at: int, length: int, rng, others) -> bytes:
    buffer = bytearray(data)
    for place in (at + rng.integers(0, length, length % 8 + 1)) % len(data):
        buffer[place] ^= 1 << int(rng.integers(8))
    return bytes(buffer)


def _cut(data: bytes, at: int, length: int, rng, others) -> bytes:
    return data[:int(rng.integers(len(data)))]


def _without(data: bytes, at: int, length: int, rng, others) -> bytes:
    return data[:at] + data[at + length:]


def _with_noise(data: bytes, at: int, length: int, rng, others) -> bytes:
    return data[:at] + rng.integers(0, 256, length, np.uint8).tobytes() + data[at:]


def _swapped(data: bytes, at: int, length: int, rng, others) -> bytes:
    one, two = sorted((at, int(rng.integers(len(data)))))
    return data[:one] + data[two:two + length] + data[one + length:two] + data[one:one + length] + data[two + length:]


def _spliced(data: bytes, at: int, length: int, rng, others) -> bytes:
    source = choice(rng, others) if len(others) else data
    start = int(rng.integers(max(1, len(source))))
    return data[:at] + source[start:start + 4 * length] + data[at + length:]


def _blank(data: bytes, at: int, length: int, rng, others) -> bytes:
    return data[:at] + bytes([choice(rng, (0, 255, 32, 48))]) * length + data[at + length:]


def _repeated(data: bytes, at: int, length: int, rng, others) -> bytes:
    return data[:at + 4 * length] + data[at:]


_SPOILS: tuple[Callable, ...] = (_flipped, _flipped, _cut, _without, _with_noise, _swapped, _spliced, _blank, _repeated)


def _with_table(data: bytes, rng: np.random.Generator) -> bytes:
    """A model file with a spoilt header of the right length."""
    (length,) = struct.unpack("<Q", data[:8])
    table, values = data[8:8 + length], data[8 + length:]
    document = json.loads(table)
    if rng.random() < 0.5 and document.get("__metadata__"):
        metadata = document["__metadata__"]
        key = choice(rng, sorted(metadata))
        metadata[key] = spoilt_text(".json", metadata[key].encode(), rng).decode("utf-8", "replace")
        table = json.dumps(document).encode()
    else:
        table = spoilt_text(".json", table, rng)
    return struct.pack("<Q", len(table)) + table + values


def _with_chunk(data: bytes, rng: np.random.Generator) -> bytes:
    """A PNG of which one chunk is spoilt, its checksum right."""
    chunks, at = [], 8
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at:at + 4])
        chunks.append([data[at + 4:at + 8], data[at + 8:at + 8 + length]])
        at += 12 + length
    which = 0 if rng.random() < 0.6 else int(rng.integers(len(chunks)))
    chunks[which][1] = spoilt_bytes(chunks[which][1], rng)
    if rng.random() < 0.2:
        chunks.insert(int(rng.integers(len(chunks))), list(choice(rng, chunks)))
    parts = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
             for kind, body in chunks)
    return data[:8] + b"".join(parts)
