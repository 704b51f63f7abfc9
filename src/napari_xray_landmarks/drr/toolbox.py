"""Common tools and implants as closed surfaces: rods, wires, screws, nails, plates and hip stems, and random ones.

Lengths are in mm, points and directions in the patient's world, (superior, posterior, left).
"""

import numpy as np

from ..mesh import Mesh
from .tools import Tool

AROUND = 24  # sides of what is round
KINDS = ("wire", "screw", "nail", "plate", "stem")


def tube(path, radii, name: str = "rod", flatten: float = 1.0, side=None) -> Mesh:
    """A closed surface round a path, round or elliptic across it.

    Parameters
    ----------
    path : (N, 3) array
        At least two different points in a row.
    radii : (N,) array
        Positive.
    flatten
        Radius across `side` as a share of that along it.
    side : (3,) array, optional
        Direction of the longer radius; by default any across the path.
    """
    path, radii = np.asarray(path, float), np.asarray(radii, float)
    if len(path) < 2 or len(path) != len(radii) or not (radii > 0).all():
        raise ValueError(f"a tube takes a positive radius for each of two points or more, got {len(path)} points and "
                         f"radii {radii.tolist()}")
    along = np.gradient(path, axis=0)
    first, second = _across(along, side)
    angles = np.arange(AROUND) * 2 * np.pi / AROUND
    ring = np.cos(angles)[:, None] * first[:, None] + flatten * np.sin(angles)[:, None] * second[:, None]
    vertices = (path[:, None] + radii[:, None, None] * ring).reshape(-1, 3)
    return _between_rings(vertices, path[[0, -1]], len(path), AROUND, name)


def box(centre, along, side, half_sizes, name: str = "box") -> Mesh:
    """A block: half its length along, half its width along `side`, half its thickness across both."""
    along = np.asarray(along, float) / np.linalg.norm(along)
    path = np.asarray(centre, float) + np.array([-1.0, 1.0])[:, None] * half_sizes[0] * along
    first, second = _across(np.stack([along, along]), side)
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    ring = np.stack([a * half_sizes[1] * first + b * half_sizes[2] * second for a, b in corners], axis=1)
    return _between_rings((path[:, None] + ring).reshape(-1, 3), path, 2, 4, name)


def wire(tip, end, radius: float = 0.8, material: str = "steel") -> Tool:
    """A Kirschner wire with a trocar's tip."""
    tip, end = np.asarray(tip, float), np.asarray(end, float)
    return Tool("wire", material, (tube(*_profile(tip, end, (0, 3 * radius), (0.05, radius), radius), "wire"),))


def screw(tip, head, radius: float = 2.25, pitch: float = 1.75, threaded: float = 1.0,
          material: str = "titanium") -> Tool:
    """A bone screw: a thread of rings over the share `threaded` of its length from the tip, a head with a recess."""
    tip, head = np.asarray(tip, float), np.asarray(head, float)
    length = np.linalg.norm(head - tip)
    core, turns = 0.72 * radius, max(1, int(threaded * (length - 3) / pitch))
    starts = 3 + pitch * np.arange(turns)
    at = np.concatenate([[0, 2], np.ravel([starts, starts + 0.35 * pitch, starts + 0.65 * pitch], order="F")])
    radii = np.concatenate([[0.2, core], np.tile([core, radius, radius * 0.97], turns)])
    body = tube(*_profile(tip, head, at, radii, core), "screw")
    axis = (head - tip) / length
    cap = tube(head + np.outer([-2.6, -1.2, 1.0, 1.6], axis), radius * np.array([0.72, 1.75, 1.75, 1.2]), "head")
    recess = tube(head + np.outer([-0.6, 1.7], axis), [0.75 * radius] * 2, "recess")
    return Tool("screw", material, (body, cap), (recess,))


def nail(path, radius: float = 5.5, lag=None, material: str = "titanium") -> Tool:
    """An intramedullary nail along a path from its upper end, hollow, with a lag screw between two points, if given."""
    path = _smooth_path(path)
    share = np.linspace(0, 1, len(path))
    outer = radius * np.interp(share, (0, 0.25, 0.35, 0.97, 1), (1.4, 1.35, 1.0, 0.95, 0.5))
    solids, holes = [tube(path, outer, "nail")], [_stretched(path, 0.42 * radius)]
    if lag is not None:
        piece = screw(*lag, radius=0.95 * radius, pitch=3.0, threaded=0.3)
        solids, holes = solids + [piece.solids[0]], []
    return Tool("nail", material, tuple(solids), tuple(holes))


def plate(path, outwards, width: float = 12.0, depth: float = 3.6, holes: int = 5, screws: float = 0.0,
          material: str = "steel") -> tuple[Tool, ...]:
    """A plate along a path with round holes, and screws in them if `screws`, their length, is above zero.

    `outwards` is the side that the heads are on.
    """
    path = _smooth_path(path)
    first, second = _across(np.gradient(path, axis=0), np.cross(np.gradient(path, axis=0).mean(0), outwards))
    corners = [(1, 0.7), (0.8, 1), (-0.8, 1), (-1, 0.7), (-1, -1), (1, -1)]
    ring = np.stack([a * width / 2 * first + b * depth / 2 * second for a, b in corners], axis=1)
    body = _between_rings((path[:, None] + ring).reshape(-1, 3), path[[0, -1]], len(path), len(corners), "plate")
    places = np.linspace(0, len(path) - 1, holes + 2)[1:-1].round().astype(int)
    normal = np.asarray(outwards, float) / np.linalg.norm(outwards)
    drilled = tuple(tube(path[p] + np.outer([-depth, depth], normal), [0.21 * width] * 2, "hole") for p in places)
    pieces = [Tool("plate", material, (body,), drilled)]
    if screws > 0:
        pieces += [screw(path[p] - screws * normal, path[p] + 0.4 * depth * normal, radius=0.16 * width,
                         material=material) for p in places]
    return tuple(pieces)


def stem(head, neck, shaft_top, shaft_end, head_radius: float = 14.0, radius: float = 7.5,
         material: str = "cobalt-chromium") -> Tool:
    """A hip stem: a ball at `head`, a neck through `neck`, and a tapering stem down the shaft."""
    head, neck, top, end = (np.asarray(p, float) for p in (head, neck, shaft_top, shaft_end))
    path = _smooth_path([head, head + 0.8 * (neck - head), neck, top, top + 0.35 * (end - top), end])
    share = np.linspace(0, 1, len(path))
    radii = radius * np.interp(share, (0, 0.12, 0.25, 0.4, 0.6, 0.98, 1), (0.75, 0.75, 1.1, 1.35, 1.0, 0.6, 0.3))
    latitude = np.linspace(-1, 1, 13) * 0.97 * np.pi / 2
    axis = (neck - head) / np.linalg.norm(neck - head)
    ball = tube(head + head_radius * np.outer(np.sin(latitude), axis), head_radius * np.cos(latitude), "ball")
    return Tool("stem", material, (ball, tube(path, radii, "stem", 0.8)))


def random_tools(points_mm, rng: np.random.Generator, count: int | None = None, reach_mm: float = 40.0
                 ) -> tuple[Tool, ...]:
    """Tools of random kinds, sizes and directions, each near one of some points.

    Parameters
    ----------
    points_mm : (N, 3) array
        Landmarks, for example.
    rng
    count
        How many; None for one to four.
    reach_mm
        Standard deviation of their distance from the point.
    """
    points = np.asarray(points_mm, float).reshape(-1, 3)
    tools: list[Tool] = []
    for _ in range(int(rng.integers(1, 5)) if count is None else count):
        middle = points[rng.integers(len(points))] + rng.normal(0, reach_mm / np.sqrt(3), 3)
        tools += _random_tool(str(rng.choice(KINDS, p=(0.25, 0.35, 0.12, 0.18, 0.1))), middle, rng)
    return tuple(tools)


def _random_tool(kind: str, middle: np.ndarray, rng: np.random.Generator) -> tuple[Tool, ...]:
    along, across = np.linalg.qr(rng.standard_normal((3, 2)))[0].T
    material = str(rng.choice(("titanium", "steel")))
    if kind == "wire":
        half = rng.uniform(40, 120) * along
        return (wire(middle - half, middle + half, rng.uniform(0.5, 1.6), material),)
    if kind == "screw":
        half, radius = rng.uniform(9, 50) * along, rng.uniform(1.2, 3.7)
        pitch, threaded = rng.uniform(0.6, 0.9) * radius, rng.uniform(0.2, 1)
        return (screw(middle - half, middle + half, radius, pitch, threaded, material),)
    half = rng.uniform(30, 110) * along
    bow = middle + rng.normal(0, 4) * across
    if kind == "nail":
        lag = (middle + rng.uniform(25, 60) * across, middle - 20 * across) if rng.random() < 0.5 else None
        return (nail([middle - half, bow, middle + half], rng.uniform(3.5, 6.5), lag, material),)
    if kind == "plate":
        return plate([middle - half, bow, middle + half], across, rng.uniform(5, 16), rng.uniform(1.5, 5),
                     int(rng.integers(2, 9)), rng.choice((0.0, rng.uniform(8, 45))), material)
    neck = middle + rng.uniform(25, 40) * (0.7 * along + 0.7 * across)
    top = neck + rng.uniform(15, 30) * along
    return (stem(middle, neck, top, top + rng.uniform(70, 130) * along, rng.uniform(11, 18), rng.uniform(5, 9),
                 str(rng.choice(("cobalt-chromium", "titanium")))),)


def _across(along: np.ndarray, side=None) -> tuple[np.ndarray, np.ndarray]:
    """Two (N, 3) unit vectors across each direction, right-handed with it; the first towards `side`."""
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    side = np.eye(3)[np.abs(along.mean(0)).argmin()] if side is None else np.asarray(side, float)
    first = side - (along @ side)[:, None] * along
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(along, first)


def _between_rings(vertices: np.ndarray, ends: np.ndarray, rings: int, around: int, name: str) -> Mesh:
    """The surface through rings of vertices, closed by fans at both ends."""
    ring, i = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = (ring * around + i).ravel(), (ring * around + (i + 1) % around).ravel()
    walls = np.concatenate([np.column_stack([a, b, b + around]), np.column_stack([a, b + around, a + around])])
    i, last, count = np.arange(around), (rings - 1) * around, rings * around
    caps = np.concatenate([np.column_stack([np.full(around, count), (i + 1) % around, i]),
                           np.column_stack([np.full(around, count + 1), last + i, last + (i + 1) % around])])
    return Mesh(np.vstack([vertices, ends]), np.concatenate([walls, caps]), name)


def _profile(start: np.ndarray, end: np.ndarray, at, radii, last: float) -> tuple[np.ndarray, np.ndarray]:
    """Path and radii of a straight rod: radii at some distances from its start, then `last` to its end."""
    length = np.linalg.norm(end - start)
    at, radii = np.append(at, length), np.append(radii, last)
    kept = np.concatenate([at[:-1] < length - 1e-3, [True]])
    return start + np.outer(at[kept] / length, end - start), radii[kept]


def _smooth_path(points, count: int = 25) -> np.ndarray:
    """(count, 3) equidistant points on a smooth curve through some."""
    from scipy.interpolate import PchipInterpolator

    points = np.asarray(points, float)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return PchipInterpolator(length, points)(np.linspace(0, length[-1], count))


def _stretched(path: np.ndarray, radius: float) -> Mesh:
    """A bore through both ends of a path."""
    ends = path[[0, -1]] + 5 * np.array([path[0] - path[1], path[-1] - path[-2]]) / np.linalg.norm(path[1] - path[0])
    whole = np.vstack([ends[:1], path, ends[1:]])
    return tube(whole, np.full(len(whole), radius), "bore")
