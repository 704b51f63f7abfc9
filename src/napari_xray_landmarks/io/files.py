"""What every file has in common: atomic writing, size limits and a cheap look at what it is."""

import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..errors import FileError

SIZE_LIMIT = 4 * 2**30
"""Bytes of pixels that one image may claim before anything is allocated."""

TEXT_LIMIT = 64 * 2**20
"""Bytes that a table or markups file may have."""

DEFLATE_RATIO = 1032
"""No deflated stream grows by more than this when it is unpacked."""

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_LONG_SUFFIXES = (".mrk.json", ".nii.gz")


def suffix(path) -> str:
    """The lower-case extension, with `.nii.gz` and `.mrk.json` in one piece."""
    name = Path(path).name.lower()
    return next((s for s in _LONG_SUFFIXES if name.endswith(s)), Path(name).suffix)


def stem(path) -> str:
    """The file's or folder's name without a known extension."""
    path = Path(path)
    name = path.name or path.resolve().name
    ending = suffix(name)
    known = (*_LONG_SUFFIXES, *VOLUME_SUFFIXES, *PICTURE_SUFFIXES, *DICOM_SUFFIXES, ".csv", ".fcsv", ".json")
    return name[: -len(ending)] if ending in known and len(name) > len(ending) else name


@contextmanager
def replacing(path) -> Iterator[Path]:
    """Write to a temporary name in the same folder, and take the final name only when the file is whole.

    Parameters
    ----------
    path
        The final name. Its extension is kept in the temporary one.

    Yields
    ------
    temporary
        Where to write. It is removed, and whatever was at `path` stays, when the block raises.

    Raises
    ------
    FileError
        If the folder is missing, the target is read-only, the disk refuses, or a text is no Unicode.
    """
    target = Path(path)
    _require_writable(target)
    final = target.resolve()
    temporary = final.with_name(f".{secrets.token_hex(4)}-{final.name}")
    try:
        yield temporary
        if final.exists():
            temporary.chmod(stat.S_IMODE(final.stat().st_mode))
        os.replace(temporary, final)
    except OSError as error:
        raise FileError(target, f"cannot be written ({error.strerror or type(error).__name__})",
                        "Choose another folder") from error
    except UnicodeEncodeError as error:
        raise FileError(target, f"cannot hold a text that is no Unicode: {error.object[error.start:error.end]!r}",
                        "Rename it") from error
    finally:
        temporary.unlink(missing_ok=True)


def _require_writable(target: Path) -> None:
    folder = target.parent
    try:
        if not folder.is_dir():
            raise FileError(target, f"there is no folder {folder}", "Create it first, or choose another folder")
        if target.is_dir():
            raise FileError(target, "is a folder", "Give the name of a file in it")
        existing = target.exists()
        readable_only = existing and not target.stat().st_mode & 0o222
        if readable_only or (existing and not os.access(target, os.W_OK)):
            raise FileError(target, "is read-only", "Choose another name, or make it writable")
        if not folder.stat().st_mode & 0o222 or not os.access(folder, os.W_OK):
            raise FileError(target, f"the folder {folder} is read-only", "Choose another folder")
    except OSError as error:
        raise FileError(target, f"cannot be written ({error.strerror})", "Choose another name") from error


def require_file(path) -> Path:
    """The path of an existing, non-empty file, otherwise a FileError."""
    path = Path(path)
    try:
        if not path.exists():
            raise FileError(path, "does not exist", "Check the name")
        if path.is_dir():
            raise FileError(path, "is a folder", "Give a file")
        if path.stat().st_size == 0:
            raise FileError(path, "is empty (0 bytes)", "Copy or export it again")
    except FileError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(path, f"cannot be opened ({reason})", "Check the name and the permissions") from error
    return path


def require_plausible_size(path, shape, bytes_per_item: int, *, stored_bytes: int | None = None) -> None:
    """Refuse what a header claims before any of it is allocated.

    Parameters
    ----------
    path
        Named in the error.
    shape
        What the header claims.
    bytes_per_item
        Bytes of one pixel with all its samples.
    stored_bytes
        The most bytes of pixels that the file can hold; None where that cannot be known.

    Raises
    ------
    FileError
        If the claim is not positive, exceeds `SIZE_LIMIT`, or exceeds what the file can hold.
    """
    shape = tuple(int(n) for n in shape)
    dimensions = " x ".join(str(n) for n in shape)
    if min(shape, default=0) <= 0:
        raise FileError(path, f"its header claims {dimensions} pixels", "Export it again")
    claimed = prod(shape) * bytes_per_item
    if claimed > SIZE_LIMIT:
        raise FileError(path, f"its header claims {dimensions} pixels ({_gigabytes(claimed)}), "
                        f"more than the limit of {_gigabytes(SIZE_LIMIT)}", "Crop or resample it, or export it again")
    if stored_bytes is not None and claimed > stored_bytes:
        raise FileError(path, f"is truncated: its header claims {dimensions} pixels ({claimed:.0f} bytes) and it holds "
                        f"at most {stored_bytes} bytes", "Copy or export it again")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def read_text(path) -> str:
    """The text of a small UTF-8 file; FileError if it is too large or not text."""
    path = require_file(path)
    try:
        size = path.stat().st_size
        if size > TEXT_LIMIT:
            raise FileError(path, f"has {size} bytes, too many for a table or markups file", "Split it")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(path, "is not a UTF-8 text file", "Export it again") from error
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the permissions") from error


class BoundedFile(io.BufferedReader):
    """An open file of which a read allocates no more than is left of it, whatever length a header claims.

    Parameters
    ----------
    path
        Opened for reading, as bytes; OSError where it cannot be.
    """

    def __init__(self, path):
        super().__init__(io.FileIO(path))
        self._end = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or those that are left."""
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, self._end - self.tell()))
        return super().read(size)


def leads_out(name: str) -> bool:
    """Whether a name that stands in a file leads out of that file's folder, on any system."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return posix.is_absolute() or bool(windows.drive or windows.root) or ".." in (*posix.parts, *windows.parts)


def is_dicom(path) -> bool:
    """Whether a file is read as DICOM: by its ending, or where that says nothing, by its first bytes."""
    ending = suffix(path)
    return ending in DICOM_SUFFIXES or (ending not in VOLUME_SUFFIXES + PICTURE_SUFFIXES and looks_like_dicom(path))


def looks_like_dicom(path) -> bool:
    """Whether the first bytes are those of a DICOM file; never raises."""
    try:
        with open(path, "rb") as file:
            head = file.read(132)
    except (OSError, ValueError):
        return False
    return head[128:132] == b"DICM" or _bare_data_set(head)


def _bare_data_set(head: bytes) -> bool:
    """A data set without preamble: it starts with group 2 or 8 and an explicit VR or a short implicit length."""
    if len(head) < 16 or head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08"):
        return False
    little = head[1] == 0
    element = int.from_bytes(head[2:4], "little" if little else "big")
    explicit = head[4:6] in (b"UL", b"UI", b"OB", b"CS", b"SH", b"LO", b"DA", b"TM", b"AE")
    length = int.from_bytes(head[4:8], "little" if little else "big")
    return element <= 0x0070 and (explicit or 0 < length <= 256)
