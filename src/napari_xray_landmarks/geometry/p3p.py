"""Poses from three points each, many triples at once (Lambda Twist: Persson and Nordberg, ECCV 2018).

The distances l of three points along their rays satisfy three quadrics, |l_i y_i - l_j y_j|^2 = |x_i - x_j|^2. Two
differences of them are cones, l' D l = 0. One cone of their pencil is a pair of planes (a root of a cubic); where these
cut another cone of the pencil are up to four solutions.
"""

import numpy as np

_SIDES = ((0, 1), (0, 2), (1, 2))
_POLISHING = 3
_AGREE = 1e-6  # of the longest squared side


def poses_of_triples(rays, points) -> tuple[np.ndarray, np.ndarray]:
    """Every rotation R and shift t that put three points on their rays, in front: R x + t is along y.

    Parameters
    ----------
    rays : (H, 3, 3) array
        Vectors from the source towards three places on the detector, one a row, of any length.
    points : (H, 3, 3) array
        The three points in space, one a row. A triple on a line has no solution.

    Returns
    -------
    (M, 3, 3) and (M, 3) arrays, M <= 4 H
    """
    rays, points = np.asarray(rays, float), np.asarray(points, float)
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    sides = np.stack([((points[:, i] - points[:, j]) ** 2).sum(-1) for i, j in _SIDES], axis=-1)
    cosines = np.stack([(rays[:, i] * rays[:, j]).sum(-1) for i, j in _SIDES], axis=-1)
    with np.errstate(all="ignore"):
        distances, triple = _distances(sides / sides.max(-1, keepdims=True), cosines)
        distances *= np.sqrt(sides[triple].max(-1))[:, None]
        turns, shifts = _motions(points[triple], distances[..., None] * rays[triple])
    good = np.isfinite(turns).all((1, 2))
    return turns[good], shifts[good]


def _distances(sides: np.ndarray, cosines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M, 3) distances and (M,) which triple each is of, from (H, 3) squared sides and cosines between rays."""
    (a12, a13, a23), (c12, c13, c23), zero = sides.T, cosines.T, np.zeros(len(sides))
    first = _symmetric(a23, a23 - a12, -a12, -c12 * a23, zero, c23 * a12)
    second = _symmetric(a23, -a13, a23 - a13, zero, -c13 * a23, c23 * a13)
    root = _cubic_root(first, second)[:, None, None]
    flat = first + root * second
    usable = np.isfinite(flat).all((1, 2))
    values, axes = np.linalg.eigh(np.where(usable[:, None, None], flat, np.eye(3)))  # the middle value vanishes
    low, high = np.sqrt(np.maximum(-values[:, :1], 0)), np.sqrt(np.maximum(values[:, 2:], 0))
    normals = np.stack([high * axes[..., 2] + sign * low * axes[..., 0] for sign in (1, -1)], 1)
    distances = _on_cone(normals, axes[:, None, :, 1], (second - root * first)[:, None])
    triple = np.broadcast_to(np.arange(len(sides))[:, None, None], distances.shape[:3])
    near = (distances > 0).all(-1)  # False where there is none
    distances, triple = distances[near], triple[near]
    distances *= np.sqrt(sides[triple, 2] / _squares(distances, cosines[triple])[:, 2])[:, None]
    return _polished(distances, triple, sides, cosines)


def _symmetric(xx, yy, zz, xy, xz, yz) -> np.ndarray:
    return np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=-1).reshape(-1, 3, 3)


def _cubic_root(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H,) g with det(first + g second) = 0: the real root that is farthest from the two others."""
    ends, up, down = np.linalg.det(second), np.linalg.det(first + second), np.linalg.det(first - second)
    none = np.linalg.det(first)
    b, c, d = ((up + down) / 2 - none) / ends, ((up - down) / 2 - ends) / ends, none / ends
    p, q = c / 3 - b**2 / 9, (2 * b**3 / 27 - b * c / 3 + d) / 2  # t^3 + 3 p t + 2 q = 0, t = g + b / 3
    inside = q**2 + p**3
    cube = np.cbrt(np.abs(q) + np.sqrt(np.maximum(inside, 0)))
    radius = np.sqrt(np.maximum(-p, 0))
    angle = np.arccos(np.clip(np.abs(q) / radius**3, 0, 1)) / 3
    root = np.where(q > 0, -1, 1) * np.where(inside > 0, cube - p / cube, 2 * radius * np.cos(angle)) - b / 3
    slope = (3 * root + 2 * b) * root + c
    return root - np.where(slope == 0, 0, (((root + b) * root + c) * root + d) / slope)


def _on_cone(normals: np.ndarray, along: np.ndarray, cone: np.ndarray) -> np.ndarray:
    """(H, 2, 2, 3) directions in both planes that lie on a cone, with a positive sum; NaN where there are none.

    Parameters
    ----------
    normals : (H, 2, 3) array
    along : (H, 1, 3) array
        Unit vector of the line that both planes share.
    cone : (H, 1, 3, 3) array
    """
    across = np.cross(normals / np.linalg.norm(normals, axis=-1, keepdims=True), along)
    on_along, on_across = (cone @ along[..., None])[..., 0], (cone @ across[..., None])[..., 0]
    a, b, c = (along * on_along).sum(-1), (across * on_along).sum(-1), (across * on_across).sum(-1)
    middle = np.arctan2(b, (a - c) / 2)
    apart = np.arccos(-(a + c) / 2 / np.hypot((a - c) / 2, b))
    angle = (middle[..., None] + np.stack([apart, -apart], -1))[..., None] / 2
    found = np.cos(angle) * along[..., None, :] + np.sin(angle) * across[..., None, :]
    return found * np.sign(found.sum(-1, keepdims=True))


def _squares(distances: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """(M, 3) squared sides of the triangles at these distances."""
    return np.stack([distances[:, i] ** 2 + distances[:, j] ** 2 - 2 * cosines[:, k] * distances[:, i] * distances[:, j]
                     for k, (i, j) in enumerate(_SIDES)], axis=-1)


def _polished(distances, triple, sides, cosines) -> tuple[np.ndarray, np.ndarray]:
    """After some steps of Newton on the three quadrics, those that meet them."""
    sides, cosines = sides[triple], cosines[triple]
    for _ in range(_POLISHING):
        off = _squares(distances, cosines) - sides
        (x, y, z), (c12, c13, c23) = distances.T, cosines.T
        # Jacobian / 2, rows by side: (a, b, 0), (d, 0, e), (0, f, g)
        a, b, d, e, f, g = x - c12 * y, y - c12 * x, x - c13 * z, z - c13 * x, y - c23 * z, z - c23 * y
        r, s, t = off.T / 2
        steps = np.stack([r * e * f - t * b * e + s * b * g, t * a * e - s * a * g + r * d * g,
                          s * a * f + t * b * d - r * d * f], axis=-1)
        distances = distances - steps / (a * e * f + b * d * g)[:, None]
    good = (np.abs(_squares(distances, cosines) - sides) < _AGREE).all(-1) & (distances > 0).all(-1)
    return distances[good], triple[good]


def _motions(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R, t that take triangles to congruent ones."""
    turns = _frames(target) @ _frames(source).transpose(0, 2, 1)
    return turns, target.mean(1) - (turns @ source.mean(1)[..., None])[..., 0]


def _frames(triangles: np.ndarray) -> np.ndarray:
    """(M, 3, 3) orthonormal axes, in columns, along the first side and the normal."""
    along, other = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    normal = np.cross(along, other)
    along, normal = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (along, normal))
    return np.stack([along, np.cross(normal, along), normal], axis=-1)
