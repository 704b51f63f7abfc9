"""A folder of a user's own shapes, one file a subject: contours or surfaces, brought into correspondence."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import FileError, InputError, listed
from ..io import meshes, read_contours
from ..io.files import suffix
from ..landmarks import Contour
from ..mesh import Mesh
from ..shape.distances import spaced

CONTOUR_SUFFIXES = (".mrk.json", ".csv")
MOST_POINTS = 10_000


@dataclass(frozen=True, eq=False)
class ShapeSet:
    """Corresponding points of several subjects.

    Parameters
    ----------
    points : (K, N, D) array
        In `unit`.
    names
        One a point.
    subjects
        Names of the files, without their endings.
    unit
        "mm" or "px".
    closed
        Whether the points run round a closed contour.
    faces : (T, 3) array, optional
        Triangles between the points, of surfaces.
    groups
        Whose each shape is, where a subject has several; empty where each is another one's.
    """

    points: np.ndarray
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    unit: str
    closed: bool
    faces: np.ndarray | None = None
    groups: tuple[str, ...] = ()


def read_shapes(folder, *, contour: str = "", points: int = 0, progress: Callable | None = None) -> ShapeSet:
    """The shapes in a folder.

    Surfaces must have their vertices in correspondence. So must contours, or they are resampled: along their length
    between vertices whose names all of them have, in the same order; open ones between their ends too.

    Parameters
    ----------
    folder
        Holds one file a subject: `.mrk.json` or `.csv` with a contour, or a surface.
    contour
        Which contour, where files hold several.
    points
        How many points to resample contours to; 0 leaves those in correspondence as they are, and gives others as many
        as the first has.
    progress
        Called as `progress(fraction, stage)`.

    Raises
    ------
    FileError
        If there are fewer than two subjects, a file is damaged, or one does not correspond to the others.
    """
    files = _shape_files(Path(folder))
    report = progress or (lambda fraction, stage="": None)
    read = []
    for number, path in enumerate(files):
        report(number / len(files), path.name)
        read.append(meshes.read_mesh(path) if _is_surface(path) else _contour(path, contour))
    if isinstance(read[0], Mesh):
        return _surfaces(files, read)
    return _contours(files, read, points)


def _is_surface(path: Path) -> bool:
    return path.name.lower().endswith(meshes.MESH_SUFFIXES)


def _shape_files(folder: Path) -> list[Path]:
    try:
        found = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        raise FileError(folder, error.strerror or str(error), "Give the folder with the shapes") from error
    files = [p for p in found if _is_surface(p) or suffix(p) in CONTOUR_SUFFIXES]
    if len(files) < 2:
        remedy = "Put one contour (.mrk.json, .csv) or surface (.vtk, .ply, .stl, ...) a subject into it"
        raise FileError(folder, f"holds {len(files)} shapes; a shape model needs at least two subjects", remedy)
    surfaces = [_is_surface(path) for path in files]
    if any(surfaces) and not all(surfaces):
        raise FileError(folder, f"holds contours ({files[surfaces.index(False)].name}) and surfaces "
                        f"({files[surfaces.index(True)].name})", "Keep them in folders of their own")
    return files


def _contour(path: Path, name: str) -> Contour:
    found = [c for c in read_contours(path) if c.name == name or not name]
    if not found:
        raise FileError(path, f"has no contour {name!r}", "Name one that it has")
    if len(found) > 1:
        raise FileError(path, f"holds {len(found)} contours ({listed([c.name for c in found], 4)})",
                        "Choose one with --set contour=NAME, one file a subject")
    return replace(found[0], names=_told(found[0]))


def _told(contour: Contour) -> tuple[str, ...]:
    """The names of the vertices, "" for those that only count them, as 3D Slicer's own do."""
    counting = [re.search(r"(?:^|[-_ ])(\d+)$", name) for name in contour.names or ()]
    return tuple("" if found and int(found[1]) == i + 1 else name
                 for i, (found, name) in enumerate(zip(counting, contour.names or (), strict=True))
                 ) or ("",) * len(contour.points)


def _surfaces(files: Sequence[Path], found: Sequence[Mesh]) -> ShapeSet:
    first = found[0]
    if len(first.vertices) > MOST_POINTS:
        raise FileError(files[0], f"has {len(first.vertices)} vertices; a shape model has at most {MOST_POINTS}",
                        "Simplify the surfaces, all in the same way")
    for path, mesh in zip(files, found, strict=True):
        _require_alike(files[0], path, len(first.vertices), len(mesh.vertices), "vertices",
                       "Give surfaces whose vertices correspond")
        if not np.array_equal(mesh.faces, first.faces):
            raise FileError(path, f"joins its vertices to other triangles than {files[0].name}: they do not correspond",
                            "Give surfaces with the same triangles, as .vtk or .ply (.stl does not number vertices)")
    names = tuple(f"vertex-{i + 1}" for i in range(len(first.vertices)))
    return ShapeSet(np.array([m.vertices for m in found]), names, _subjects(files), "mm", False, first.faces)


def _contours(files: Sequence[Path], found: Sequence[Contour], count: int) -> ShapeSet:
    first = found[0]
    for path, contour in zip(files, found, strict=True):
        for what, own, others in (("D", contour.points.shape[1], first.points.shape[1]),
                                  ("", contour.unit, first.unit),
                                  ("", "closed" if contour.closed else "open", "closed" if first.closed else "open")):
            if own != others:
                raise FileError(path, f"is {own}{what} and {files[0].name} is {others}{what}",
                                "A shape model needs shapes of one kind")
    if _correspond(found) and not count:
        points = np.array([c.points for c in found])
        names = [name or f"point-{i + 1}" for i, name in enumerate(first.names)]
    else:
        points, names = _resampled(files, found, count or len(first.points))
    if len(set(names)) < len(names):
        raise FileError(files[0], "names a vertex twice", "Give each vertex its own name, or none")
    return ShapeSet(points, tuple(names), _subjects(files), first.unit, first.closed)


def _correspond(found: Sequence[Contour]) -> bool:
    return all(len(c.points) == len(found[0].points) and c.names == found[0].names for c in found)


def _resampled(files: Sequence[Path], found: Sequence[Contour], count: int) -> tuple[np.ndarray, list[str]]:
    """(K, count, D) points at equal distances along each contour between the places that all have, and their names."""
    anchors = [name for name in found[0].names if name and all(name in c.names for c in found)]
    for path, contour in zip(files, found, strict=True):
        _require_same_run(files[0], found[0], path, contour, anchors)
    if found[0].closed and not anchors and not _correspond(found):
        raise FileError(files[0].parent, "no vertex has the same name in all contours", "Name one at least")
    pieces = [_pieces(contour, anchors) for contour in found]
    lengths = np.array([[np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for p in own] for own in pieces])
    shares = _shared(lengths.mean(0), count - (not found[0].closed))
    points = []
    for own in pieces:
        parts = [spaced(piece, number + 1, closed=False)[:-1] for piece, number in zip(own, shares, strict=True)]
        points.append(np.vstack(parts if found[0].closed else [*parts, own[-1][-1:]]))
    return np.array(points), _names(found[0], anchors, shares)


def _require_same_run(first: Path, model: Contour, path: Path, contour: Contour, anchors: Sequence[str]) -> None:
    """FileError where a contour runs another way than the first one."""
    if contour.closed and not anchors and not _correspond([model, contour]) and (
            not set(model.names) & set(contour.names) - {""}):
        raise FileError(path, f"has {len(contour.points)} points and {first.name} has {len(model.points)}, and no "
                        "vertex has the same name in both", "Name at least one vertex alike in all, or give them the "
                        "same points")
    at = [contour.names.index(name) for name in anchors]
    turned = np.roll(at, -int(np.argmin(at))) if at and contour.closed else at
    if list(turned) != sorted(at):
        raise FileError(path, f"has the vertices {listed(anchors)} in another order than {first.name}",
                        "Draw it in the same direction")
    if contour.closed and contour.points.shape[1] == 2 and _area(contour.points) * _area(model.points) < 0:
        raise FileError(path, f"runs the other way round than {first.name}", "Draw it in the same direction")


def _area(points: np.ndarray) -> float:
    """Signed area of a closed polygon."""
    row, column = points.T
    return float(0.5 * (row @ np.roll(column, -1) - column @ np.roll(row, -1)))


def _pieces(contour: Contour, anchors: Sequence[str]) -> list[np.ndarray]:
    """The polylines between successive anchors; a closed contour's run from the first one round to it again."""
    at = [contour.names.index(name) for name in anchors]
    if contour.closed:
        first = at[0] if at else 0
        line = np.roll(contour.points, -first, axis=0)
        line, stops = np.vstack([line, line[:1]]), [(a - first) % len(contour.points) for a in at or [0]]
        stops.append(len(contour.points))
    else:
        line, stops = contour.points, sorted({0, *at, len(contour.points) - 1})
    return [line[a:b + 1] for a, b in zip(stops, stops[1:], strict=False)]


def _shared(lengths: np.ndarray, count: int) -> np.ndarray:
    """How many points each piece gets, one at least, by its length (largest remainders)."""
    if count < len(lengths):
        raise InputError("--set points", f"{count} points are too few for {len(lengths)} pieces", "Give more")
    wished = lengths / lengths.sum() * (count - len(lengths))
    shares = np.floor(wished).astype(int)
    shares[np.argsort(shares - wished, kind="stable")[: count - len(lengths) - shares.sum()]] += 1
    return shares + 1


def _names(contour: Contour, anchors: Sequence[str], shares: np.ndarray) -> list[str]:
    """The anchors' names, and between them those of the anchor before with a number."""
    total = int(shares.sum()) + (not contour.closed)
    starts = np.concatenate([[0], np.cumsum(shares)]).astype(int)
    if contour.closed:
        at = dict(zip(starts, anchors, strict=False))
    else:
        places = sorted({0, *(contour.names.index(name) for name in anchors), len(contour.points) - 1})
        named = dict(zip(places, starts, strict=True))
        at = {int(named[contour.names.index(name)]): name for name in anchors}
    names, last, since = [], "point", 0
    for i in range(total):
        last, since = (at[i], 0) if i in at else (last, since + 1)
        names.append(last if i in at else f"{last}-{since}")
    return names


def _require_alike(first: Path, path: Path, wanted: int, found: int, what: str, remedy: str) -> None:
    if wanted != found:
        raise FileError(path, f"has {found} {what} and {first.name} has {wanted}", remedy)


def _subjects(files: Sequence[Path]) -> tuple[str, ...]:
    return tuple(path.name[: len(path.name) - len(suffix(path))] or path.name for path in files)
