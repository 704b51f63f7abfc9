"""The headers of NRRD and MetaImage files, looked at before ITK's readers see them.

These print what they cannot parse, read voxels from any place that a header names, and crash or never end where a key
stands twice or a number is huge or thousands of letters long. What passes here is left to them.
"""

import re
from math import isnan, prod
from os.path import isfile
from pathlib import Path

from ..errors import FileError
from .files import leads_out

META_SUFFIXES, NRRD_SUFFIXES = (".mha", ".mhd"), (".nrrd", ".nhdr")
_LONGEST_HEADER, _LONGEST_LINE, _LONGEST_NAME = 2**20, 1000, 100
_NOT_VALUES = ("comment", "name", "content")
_META_NEEDED = ("NDims", "DimSize", "ElementType", "ElementDataFile")
_META_VECTORS = ("ElementSpacing", "ElementSize", "Offset", "Position", "Origin", "CenterOfRotation")
_META_MATRICES = ("TransformMatrix", "Rotation", "Orientation")
_AFTER_NDIMS = ("DimSize", *_META_VECTORS, *_META_MATRICES)
_META_TYPE = re.compile(r"MET_(U?(CHAR|SHORT|INT|LONG|LONG_LONG)|FLOAT|DOUBLE)(_ARRAY)?")
_NRRD_NEEDED = ("dimension", "type", "sizes", "encoding")
_NRRD_MAGIC = re.compile(r"NRRD\d{4}")
_DATA_FILE = ("data file", "datafile")
_NRRD_PLACES = ("space origin", "space directions", "spacings", "measurement frame", "axis mins", "axis maxs")
_FLOAT = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|inf|nan)", re.IGNORECASE)
_PATTERN = re.compile(r"([^\s%]*%0?\d?d[^\s%]*)((?: -?\d{1,6}){3,4})")
_MOST_AXES, FARTHEST = 16, 1e9
_AGAIN = "Export it again"


def require_sound_header(path: Path) -> list[Path] | None:
    """Check the header of a NRRD or MetaImage file.

    Returns
    -------
    files
        Where the voxels are: the file itself, or others in its folder; None where they are many, by a pattern.

    Raises
    ------
    FileError
        If what readers need is missing, a number is none or of an absurd length, or the voxels are said to lie outside
        of the folder.
    """
    is_meta = path.suffix.lower() in META_SUFFIXES
    lines, end = _lines(path, is_meta)
    values = _meta_values(path, lines) if is_meta else _nrrd_values(path, lines)
    for key, value in values.items():
        if len(value) > _LONGEST_LINE and key.lower() not in _NOT_VALUES:
            raise FileError(path, f"its header's {key} has {len(value)} letters", _AGAIN)
    if is_meta:
        _check_meta(path, values)
        files = _files(path, values["ElementDataFile"], lines)
        if values.get("CompressedData", "").lower() in ("true", "t", "1"):
            _check_packed(path, values, files or [], end)
        return files
    _check_nrrd(path, values)
    said = next((values[key] for key in _DATA_FILE if key in values), None)
    if said is None and path.suffix.lower() == ".nhdr":
        raise FileError(path, "names no file of voxels", _AGAIN)
    return [path] if said is None else _files(path, said, lines)


def is_far(number: float) -> bool:
    """Whether a number of a header cannot be a place, direction or distance in mm."""
    return not isnan(number) and abs(number) > FARTHEST


def _lines(path: Path, is_meta: bool) -> tuple[list[str], int]:
    """The header's lines, and at which byte they end; what follows is voxels."""
    with open(path, "rb") as file:
        start = file.read(_LONGEST_HEADER)
    lines, at = [], 0
    while at < len(start):
        end = start.find(b"\n", at)
        end = len(start) if end < 0 else end
        line = start[at:end].decode("latin-1").rstrip("\r")
        if not line and not is_meta:
            return lines, end + 1
        lines.append(line)
        at = end + 1
        if is_meta and re.match(r"\s*ElementDataFile\s*=\s*(local)?\s*$", line, re.IGNORECASE):
            return lines, at
    if len(start) == _LONGEST_HEADER:
        raise FileError(path, f"its header has more than {_LONGEST_HEADER} bytes", _AGAIN)
    return lines, at


def _meta_values(path: Path, lines: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if equals and "ElementDataFile" not in values:
            _add(path, values, key.strip(), value.strip())
    if missing := [key for key in _META_NEEDED if not values.get(key)]:
        raise FileError(path, f"its header has no {missing[0]}", _AGAIN)
    return values


def _nrrd_values(path: Path, lines: list[str]) -> dict[str, str]:
    if not lines or not _NRRD_MAGIC.fullmatch(lines[0].strip()):
        raise FileError(path, "is no NRRD file: its first line says otherwise", _AGAIN)
    values: dict[str, str] = {}
    for line in lines[1:]:
        key, colon, value = line.partition(": ")
        if line.startswith("#") or ":=" in (key if colon else line):
            continue
        if not colon or len(key) > _LONGEST_NAME:
            raise FileError(path, f"its header has the line {line[:80]!r}", _AGAIN)
        _add(path, values, key.strip().lower(), value.strip())
        if key.strip().lower() in _DATA_FILE and value.strip().upper().startswith("LIST"):  # files follow
            break
    if missing := [key for key in _NRRD_NEEDED if not values.get(key)]:
        raise FileError(path, f"its header has no {missing[0]}", _AGAIN)
    return values


def _add(path: Path, values: dict[str, str], key: str, value: str) -> None:
    if key in values:
        raise FileError(path, f"its header has {key[:80]!r} twice", _AGAIN)
    values[key] = value


def _check_meta(path: Path, values: dict[str, str]) -> None:
    axes = _whole(path, "NDims", values["NDims"], 1)[0]
    if not 1 <= axes <= _MOST_AXES:
        raise FileError(path, f"NDims is {values['NDims']}", _AGAIN)
    if min(place for place, key in enumerate(values) if key in _AFTER_NDIMS) < list(values).index("NDims"):
        raise FileError(path, "its header has NDims after what depends on it", _AGAIN)
    _whole(path, "DimSize", values["DimSize"], axes)
    if not _META_TYPE.fullmatch(values["ElementType"]):
        raise FileError(path, f"ElementType is {values['ElementType']!r}", _AGAIN)
    for keys, count in ((_META_VECTORS, axes), (_META_MATRICES, axes**2)):
        for key in keys:
            if key in values and any(is_far(number) for number in _numbers(path, key, values[key], count)):
                raise FileError(path, f"its header's {key} is {values[key][:80]!r}", _AGAIN)
    if _whole(path, "CompressedDataSize", values.get("CompressedDataSize", "0"), 1)[0] < 0:
        raise FileError(path, f"its header's CompressedDataSize is {values['CompressedDataSize']}", _AGAIN)
    for key in ("HeaderSize", "ElementNumberOfChannels", "CompressedDataSize"):
        if key in values and _whole(path, key, values[key], 1)[0] > path.stat().st_size and _is_local(values):
            raise FileError(path, f"is truncated: its header's {key} is {values[key]}", "Copy or export it again")


def _check_packed(path: Path, values: dict[str, str], files: list[Path], end: int) -> None:
    """MetaIO may never end where it has to guess how long a zlib stream behind a header is, and never does where the
    stream asks for a dictionary, which nobody has."""
    if _is_local(values) and int(values.get("CompressedDataSize", 0)) == 0:
        raise FileError(path, "its header has no CompressedDataSize", _AGAIN)
    for file in files:
        with open(file, "rb") as stream:
            stream.seek(end if _is_local(values) else 0)
            first = stream.read(2)
        if len(first) == 2 and first[0] & 0x0F == 8 and first[1] & 0x20:
            raise FileError(path, "is damaged: its voxels cannot be unpacked", "Copy or export it again")


def _is_local(values: dict[str, str]) -> bool:
    return values["ElementDataFile"].lower() == "local"


def _check_nrrd(path: Path, values: dict[str, str]) -> None:
    axes = _whole(path, "dimension", values["dimension"], 1)[0]
    if not 1 <= axes <= _MOST_AXES:
        raise FileError(path, f"dimension is {values['dimension']}", _AGAIN)
    if prod(_whole(path, "sizes", values["sizes"], axes)) < 1:
        raise FileError(path, f"sizes are {values['sizes']}", _AGAIN)
    for key in _NRRD_PLACES:
        if any(is_far(float(number)) for number in _FLOAT.findall(values.get(key, ""))):
            raise FileError(path, f"its header's {key} is {values[key][:80]!r}", _AGAIN)


def _whole(path: Path, key: str, text: str, count: int) -> list[int]:
    return [int(number) for number in _numbers(path, key, text, count, int)]


def _numbers(path: Path, key: str, text: str, count: int, kind: type = float) -> list:
    try:
        numbers = [kind(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        expected = "a number" if count == 1 else f"{count} numbers"
        raise FileError(path, f"its header's {key} is {text[:80]!r}, not {expected}", _AGAIN)
    return numbers


def _files(path: Path, said: str, lines: list[str]) -> list[Path] | None:
    """The files of voxels that a header names."""
    if said.lower() == "local" and path.suffix.lower() in META_SUFFIXES:
        return [path]
    pattern = _PATTERN.fullmatch(said)
    if said.upper().split()[:1] == ["LIST"]:
        at = next(i for i, line in enumerate(lines) if "LIST" in line.upper() and said in line)
        names = [line.strip() for line in lines[at + 1:] if line.strip()]
    else:
        names = [pattern[1] if pattern else said]
    if not names or any(not name or not name.isprintable() or ("%" in name and not pattern) for name in names):
        raise FileError(path, f"keeps its voxels in {said[:80]!r}, which is no name of a file", _AGAIN)
    for name in names:
        if leads_out(name):
            raise FileError(path, f"keeps its voxels in {name[:200]!r}, outside of its folder",
                            "Put both into one folder, and only the file's name into the header")
    if "%" in names[0]:
        return None
    files = [path.parent / name for name in names]
    if missing := [file for file in files if not isfile(file)]:
        raise FileError(path, f"keeps its voxels in {missing[0].name[:200]!r}, which is not there", "Copy both files")
    return files
