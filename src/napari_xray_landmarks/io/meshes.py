"""Surfaces: legacy VTK text files here, STL, PLY, OBJ and OFF through trimesh.

Files hold LPS or RAS; a mesh is in the world frame, (superior, posterior, left), where triangles run the other way
round.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from ..errors import FileError
from ..mesh import Mesh
from .files import TEXT_LIMIT, read_text, replacing, require_file
from .frames import RAS_FROM_LPS, lps_from_world, world_from_lps

TRIMESH_SUFFIXES = (".stl", ".ply", ".obj", ".off")
VTK_SUFFIXES = (".vtk", ".vtk.gz")
MESH_SUFFIXES = VTK_SUFFIXES + TRIMESH_SUFFIXES
FRAMES = ("LPS", "RAS")


def read_mesh(path, *, frame: str | None = None) -> Mesh:
    """The surface in a file.

    Parameters
    ----------
    path
        `.vtk` (legacy, ASCII, polygons), `.vtk.gz`, `.stl`, `.ply`, `.obj` or `.off`, in mm.
    frame
        "LPS" or "RAS"; None for what 3D Slicer writes into the header ("SPACE=RAS"), or else LPS.

    Raises
    ------
    FileError
        Not such a file, damaged, or without triangles.
    """
    path = require_file(path)
    if frame not in (None, *FRAMES):
        raise FileError(path, f"the frame {frame!r} is unknown", f"Use {' or '.join(FRAMES)}")
    if _is(path, VTK_SUFFIXES):
        points, faces, title = _read_vtk(path)
        if frame is None and "SPACE=RAS" in title:
            frame = "RAS"
    elif _is(path, TRIMESH_SUFFIXES):
        points, faces = _read_trimesh(path)
    else:
        raise FileError(path, "is no surface that can be read", f"Use {', '.join(MESH_SUFFIXES)}")
    if frame == "RAS":
        points = points * RAS_FROM_LPS
    try:
        return Mesh(world_from_lps(points), faces[:, ::-1], _name(path))
    except ValueError as error:
        raise FileError(path, str(error), "Export it again") from error


def write_mesh(path, mesh: Mesh) -> None:
    """Write a surface in LPS; inverse of `read_mesh`.

    Raises
    ------
    FileError
        An unknown ending, or the file cannot be written.
    """
    path = Path(path)
    points, faces = lps_from_world(mesh.vertices), mesh.faces[:, ::-1]
    with replacing(path) as temporary:
        if _is(path, VTK_SUFFIXES):
            data = _vtk_text(points, faces).encode()
            temporary.write_bytes(gzip.compress(data, mtime=0) if path.name.lower().endswith(".gz") else data)
        elif _is(path, TRIMESH_SUFFIXES):
            import trimesh

            trimesh.Trimesh(points, faces, process=False).export(temporary, file_type=path.suffix[1:].lower())
        else:
            raise FileError(path, "is no ending of a surface", f"Use {', '.join(MESH_SUFFIXES)}")


def _is(path: Path, endings) -> bool:
    return path.name.lower().endswith(tuple(endings))


def _name(path: Path) -> str:
    ending = next(e for e in MESH_SUFFIXES[::-1] if path.name.lower().endswith(e))
    return path.name[: -len(ending)]


def _read_trimesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import trimesh

    try:
        kind = path.suffix[1:].lower()
        alone = {"skip_materials": True} if kind in ("obj", "ply") else {}
        with open(path, "rb") as file:  # and nothing that it names: materials and textures may lie anywhere
            mesh = trimesh.load_mesh(file, file_type=kind, process=False, resolver={}, **alone)
        points, faces = np.asarray(mesh.vertices, float), np.asarray(mesh.faces)
    except Exception as error:  # whatever its parsers trip over
        raise FileError(path, f"cannot be read as a surface ({type(error).__name__})", "Export it again") from error
    if not len(faces):
        raise FileError(path, "holds no triangles", "Export the surface, not only its points")
    if path.suffix.lower() == ".stl":  # which repeats every corner in each of its triangles
        points, numbers = np.unique(points, axis=0, return_inverse=True)
        faces = numbers.reshape(-1)[faces]
    return points, faces


def _read_vtk(path: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Points in file order, triangles, and the title line."""
    lines = _vtk_source(path).split("\n", 4)
    if len(lines) < 5 or not lines[0].startswith("# vtk DataFile"):
        raise FileError(path, "is no legacy VTK file", "Export it as legacy VTK (ASCII), PLY or STL")
    if lines[2].strip().upper() != "ASCII" or lines[3].split()[-1:] != ["POLYDATA"]:
        kind = f"{lines[2].strip()} {lines[3].strip()}"
        raise FileError(path, f"is a VTK file of kind {kind!r}", "Export it as POLYDATA in ASCII, PLY or STL")
    words = lines[4].split()
    try:
        points = _numbers(words, "POINTS", 3, float).reshape(-1, 3)
        faces = _triangles(words)
    except (ValueError, IndexError, OverflowError) as error:
        raise FileError(path, f"is damaged ({error})", "Copy or export it again") from error
    return points, faces, lines[1]


def _vtk_source(path: Path) -> str:
    if not path.name.lower().endswith(".gz"):
        return read_text(path)
    try:
        with gzip.open(path) as file:
            data = file.read(TEXT_LIMIT + 1)
        if len(data) > TEXT_LIMIT:
            raise FileError(path, f"unpacks to more than {TEXT_LIMIT} bytes", "Simplify the surface")
        return data.decode("ascii")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be unpacked ({type(error).__name__})", "Copy it again") from error


def _numbers(words: list[str], keyword: str, each: int, kind) -> np.ndarray:
    """The numbers of a section `KEYWORD count type` with `each` for one."""
    at = words.index(keyword)
    count = int(words[at + 1]) * each
    values = words[at + 3 : at + 3 + count]
    if len(values) < count or count <= 0:
        raise ValueError(f"{keyword} has {len(values)} of {count} numbers")
    return np.array(values, dtype=kind)


def _triangles(words: list[str]) -> np.ndarray:
    """(M, 3) triangles; polygons with more corners are cut into fans."""
    at = words.index("POLYGONS")
    count, size = int(words[at + 1]), int(words[at + 2])
    if words[at + 3 : at + 4] == ["OFFSETS"]:  # version 5: offsets one longer than the polygons, then the corners
        corners_at = words.index("CONNECTIVITY", at)
        offsets = np.array(words[at + 5 : at + 5 + count], dtype=np.int64)
        corners = np.array(words[corners_at + 2 : corners_at + 2 + size], dtype=np.int64)
    else:
        row = np.array(words[at + 3 : at + 3 + size], dtype=np.int64)
        if len(row) < size:
            raise ValueError(f"POLYGONS has {len(row)} of {size} numbers")
        starts, position = [], 0
        while position < size:
            starts.append(position)
            position += int(row[position]) + 1
            if row[starts[-1]] < 0:
                raise ValueError("a polygon has a negative number of corners")
        keep = np.ones(size, bool)
        keep[starts] = False
        corners, lengths = row[keep], row[starts]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
    fans = [corners[[a, i, i + 1]] for a, b in zip(offsets, offsets[1:], strict=False) for i in range(a + 1, b - 1)]
    if not fans:
        raise ValueError("it holds no triangles")
    return np.array(fans)


def _vtk_text(points: np.ndarray, faces: np.ndarray) -> str:
    lines = ["# vtk DataFile Version 3.0", "SPACE=LPS", "ASCII", "DATASET POLYDATA", f"POINTS {len(points)} double"]
    lines += [" ".join(map(repr, row)) for row in points.tolist()]
    lines.append(f"POLYGONS {len(faces)} {4 * len(faces)}")
    lines += [f"3 {a} {b} {c}" for a, b, c in faces.tolist()]
    return "\n".join(lines) + "\n"
