"""Solids from signed distances: primitives joined by smooth unions, cuts and intersections.

Coordinates are (superior, posterior, left) in mm in the body's own frame. A solid is a table of primitives, one a row:
kind, operation, blend width, then the primitive's own numbers.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from .endplates import endplates_distance

ELLIPSOID, CAPSULE, SHEET, SACRUM, VERTEBRAL_BODY, HALF_SPACE, ENDPLATES = range(7)
UNION, CUT, INTERSECTION = range(3)
WIDTH = 24
FAR_MM = 20.0  # from here on a lower bound of the distance does


@dataclass(frozen=True, eq=False)
class Solid:
    """A solid and where it stands in the world.

    Parameters
    ----------
    rows : (N, 24) array
        Primitives, from the functions of this module.
    polygon : (M, 2) array
        (superior, posterior) vertices that the sheets among them refer to.
    world_from_body : (4, 4) array
        Rigid.
    """

    rows: np.ndarray
    polygon: np.ndarray = field(default_factory=lambda: np.zeros((1, 2)))
    world_from_body: np.ndarray = field(default_factory=lambda: np.eye(4))

    @property
    def body_from_world(self) -> np.ndarray:
        return np.linalg.inv(self.world_from_body)

    def bounds_mm(self, margin_mm: float = 4.0) -> np.ndarray:
        """(2, 3) lowest and highest world corner of a box round the solid."""
        lows, highs = zip(*(_bounds(row, self.polygon) for row in self.rows if row[1] == UNION), strict=True)
        box = np.array([np.min(lows, 0) - margin_mm, np.max(highs, 0) + margin_mm])
        corners = np.stack(np.meshgrid(*box.T, indexing="ij"), -1).reshape(-1, 3)
        world = corners @ self.world_from_body[:3, :3].T + self.world_from_body[:3, 3]
        return np.array([world.min(0), world.max(0)])

    def spheres(self) -> np.ndarray:
        """(N, 4) centre and radius, in the body's frame, of a ball round each primitive, huge round half-spaces."""
        balls = np.array([[0.0, 0.0, 0.0, 1e4]] * len(self.rows))
        for ball, row in zip(balls, self.rows, strict=True):
            if row[0] != HALF_SPACE:
                low, high = _bounds(row, self.polygon)
                ball[:3], ball[3] = (low + high) / 2, np.linalg.norm(high - low) / 2
        return balls

    def distance_mm(self, points_mm) -> np.ndarray:
        """(N,) signed distances of (N, 3) world points, negative inside; exact at the surface, a bound elsewhere."""
        body = np.asarray(points_mm, float) @ self.body_from_world[:3, :3].T + self.body_from_world[:3, 3]
        return _distances(self.rows, self.polygon, np.ascontiguousarray(body))

    def farthest_mm(self, start_mm, direction, reach_mm: float = 25.0, *, across=(0, 0, 0)) -> np.ndarray:
        """The surface point farthest along `direction` that a walk on the surface reaches from near `start_mm`.

        The walk climbs and stops at the first summit, never goes farther than `reach_mm` from its start, and does not
        move along the unit vector `across`.
        """
        turn, direction = self.world_from_body[:3, :3].T, np.asarray(direction, float)
        start, across = self.body_from_world @ [*start_mm, 1.0], turn @ np.asarray(across, float)
        direction = turn @ direction / np.linalg.norm(direction)
        found = _climb(self.rows, self.polygon, start[:3], direction, reach_mm, across)
        return self.world_from_body[:3, :3] @ found + self.world_from_body[:3, 3]

    def surface_mm(self, point_mm, *, across=(0, 0, 0)) -> np.ndarray:
        """The surface point reached from `point_mm` along the gradient of the distance, not moving along `across`."""
        point, turn = self.body_from_world @ [*point_mm, 1.0], self.world_from_body[:3, :3].T
        found = _drop(self.rows, self.polygon, point[:3], turn @ np.asarray(across, float))
        return self.world_from_body[:3, :3] @ found + self.world_from_body[:3, 3]


def _row(kind: int, operation: int, blend: float, *numbers) -> np.ndarray:
    flat = np.concatenate([np.ravel(np.asarray(n, float)) for n in numbers])
    return np.concatenate([[kind, operation, blend], flat, np.zeros(WIDTH - 3 - len(flat))])


def ellipsoid(centre, radii, blend=6.0, operation=UNION) -> np.ndarray:
    return _row(ELLIPSOID, operation, blend, centre, radii)


def capsule(start, end, start_radius, end_radius, blend=6.0, operation=UNION) -> np.ndarray:
    """A rod with round ends whose radius changes along it."""
    return _row(CAPSULE, operation, blend, start, end, start_radius, end_radius)


def sheet(side, coefficients, half_thickness, rim_half_thickness, rim_width, polygon_length, blend=0.0) -> np.ndarray:
    """A curved plate: |left| is a quartic in (superior, posterior), cut by the solid's polygon, thicker at its rim."""
    numbers = (side, coefficients, half_thickness, rim_half_thickness, rim_width, polygon_length, 0)
    return _row(SHEET, UNION, blend, *numbers)


def half_space(normal, offset, blend=2.0, operation=INTERSECTION) -> np.ndarray:
    """Everything where normal . point <= offset."""
    return _row(HALF_SPACE, operation, blend, normal, offset)


def sacrum_plate(arc_centre, arc_radius, start_angle, length, widths, thicknesses, lateral_curve, foramina, blend=0.0):
    """The sacrum: a plate bent round an axis along left, tapering downwards, with four pairs of foramina.

    `arc_centre` is (superior, posterior); `widths` and `thicknesses` are halves, at the top and at the tip;
    `foramina` is their distance from the midline at S1 and the roundness of their rims.
    """
    numbers = (arc_centre, arc_radius, start_angle, length, widths, thicknesses, lateral_curve, foramina)
    return _row(SACRUM, UNION, blend, *numbers)


def vertebral_body(centre, half_width, half_depth, half_height, tilt, waist=0.12, blend=0.0) -> np.ndarray:
    """An elliptic cylinder with a waist, tilted about the left axis (positive: its top leans backwards)."""
    return _row(VERTEBRAL_BODY, UNION, blend, centre, half_width, half_depth, half_height, tilt, waist)


def body_between_endplates(half_sizes, waist, taper, concavities, upper_slopes, lower_slopes, blend=0.0) -> np.ndarray:
    """A vertebral body about the origin: rounded box with a waist, wider below, between two hollow endplates.

    `half_sizes` are width, depth, height; `concavities` the depths of the upper and the lower endplate; the slopes of
    an endplate are its rise per mm towards left and posterior.
    """
    return _row(ENDPLATES, UNION, blend, half_sizes, waist, taper, concavities, upper_slopes, lower_slopes)


def _bounds(row, polygon):
    kind, p = int(row[0]), row[3:]
    if kind == ELLIPSOID:
        return p[:3] - p[3:6], p[:3] + p[3:6]
    if kind == CAPSULE:
        ends, radii = p[:6].reshape(2, 3), p[6:8, None]
        return (ends - radii).min(0), (ends + radii).max(0)
    if kind == SHEET:
        left = p[0] * np.array([20.0, 150.0])
        return np.append(polygon.min(0), left.min()), np.append(polygon.max(0), left.max())
    if kind == SACRUM:
        angles = p[3] - np.linspace(0, p[4] / p[2], 9)
        arc = p[:2] + (p[2] * np.array([np.sin(angles), np.cos(angles)])).T
        thick = p[7:9].max()
        return np.append(arc.min(0) - thick, -p[5]), np.append(arc.max(0) + thick, p[5])
    if kind == ENDPLATES:
        rise = max(abs(p[7]) + abs(p[9]), abs(p[8]) + abs(p[10])) * p[:2].max()
        reach = np.array([p[2] + rise, *(p[1::-1] * (1 + abs(p[4])))])
        return -reach, reach
    reach = np.hypot(p[4:6].max(), p[3:6].max())
    return p[:3] - reach, p[:3] + reach


@njit(cache=True)
def _distances(rows, polygon, points):
    out = np.empty(len(points))
    for i in range(len(points)):
        out[i] = signed_distance(rows, polygon, points[i, 0], points[i, 1], points[i, 2])
    return out


@njit(fastmath=True, cache=True)
def signed_distance(rows, polygon, s, p, l):  # noqa: E741
    """Distance of one body point to the solid of these rows."""
    d = 1e6
    for i in range(rows.shape[0]):
        d = combine(d, primitive(rows, i, polygon, s, p, l), rows, i)
    return d


@njit(cache=True)
def _gradient(rows, polygon, point):
    """Distance and its gradient at a body point."""
    step, gradient = 0.05, np.empty(3)
    for a in range(3):
        there = point.copy()
        there[a] = point[a] + step
        ahead = signed_distance(rows, polygon, there[0], there[1], there[2])
        there[a] = point[a] - step
        gradient[a] = (ahead - signed_distance(rows, polygon, there[0], there[1], there[2])) / (2 * step)
    return signed_distance(rows, polygon, point[0], point[1], point[2]), gradient


@njit(cache=True)
def _drop(rows, polygon, point, across):
    """See `Solid.surface_mm`."""
    for _ in range(40):
        distance, gradient = _gradient(rows, polygon, point)
        gradient = gradient - (gradient * across).sum() * across
        point = point - distance * gradient / max((gradient * gradient).sum(), 0.1)
        if abs(distance) < 1e-4:
            break
    return point


@njit(cache=True)
def _climb(rows, polygon, start, direction, reach, across):
    """See `Solid.farthest_mm`."""
    start = _drop(rows, polygon, start, across)
    point, step = start, 2.0
    while step > 0.01:
        _, normal = _gradient(rows, polygon, point)
        slope = direction - (direction * normal).sum() * normal / (normal * normal).sum()
        slope = slope - (slope * across).sum() * across
        steepness = math.sqrt((slope * slope).sum())
        if steepness < 1e-3:
            break
        new = _drop(rows, polygon, point + step * slope / steepness, across)
        if ((new - point) * direction).sum() > 0 and ((new - start) ** 2).sum() < reach * reach:
            point = new
        else:
            step /= 2
    return point


@njit(fastmath=True, cache=True, inline="always")
def combine(d, v, rows, i):
    """Apply the operation of row `i` to the distance so far."""
    if rows[i, 1] == UNION:
        return _smooth_min(d, v, rows[i, 2])
    if rows[i, 1] == CUT:
        return -_smooth_min(-d, v, rows[i, 2])
    return -_smooth_min(-d, -v, rows[i, 2])


@njit(fastmath=True, cache=True, inline="always")
def _smooth_min(a, b, k):
    if k <= 0:
        return min(a, b)
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * k * 0.25


@njit(fastmath=True, cache=True)
def primitive(rows, i, polygon, s, p, l):  # noqa: E741
    """Signed distance to the primitive of row `i`."""
    kind = int(rows[i, 0])
    if kind == ELLIPSOID:
        return _ellipsoid(rows, i, s, p, l)
    if kind == CAPSULE:
        return _capsule(rows, i, s, p, l)
    if kind == SHEET:
        return _sheet(rows, i, polygon, s, p, l)
    if kind == SACRUM:
        return _sacrum(rows, i, s, p, l)
    if kind == VERTEBRAL_BODY:
        return _vertebral_body(rows, i, s, p, l)
    if kind == ENDPLATES:
        return endplates_distance(rows, i, s, p, l)
    return s * rows[i, 3] + p * rows[i, 4] + l * rows[i, 5] - rows[i, 6]


@njit(fastmath=True, cache=True, inline="always")
def _ellipsoid(v, n, s, p, l):  # noqa: E741
    a, b, c = (s - v[n, 3]) / v[n, 6], (p - v[n, 4]) / v[n, 7], (l - v[n, 5]) / v[n, 8]
    k0 = math.sqrt(a * a + b * b + c * c)
    k1 = math.sqrt((a / v[n, 6]) ** 2 + (b / v[n, 7]) ** 2 + (c / v[n, 8]) ** 2)
    return -min(v[n, 6], min(v[n, 7], v[n, 8])) if k1 < 1e-9 else k0 * (k0 - 1.0) / k1


@njit(fastmath=True, cache=True, inline="always")
def _capsule(v, n, s, p, l):  # noqa: E741
    a, b, c = v[n, 6] - v[n, 3], v[n, 7] - v[n, 4], v[n, 8] - v[n, 5]
    x, y, z = s - v[n, 3], p - v[n, 4], l - v[n, 5]
    h = min(max((x * a + y * b + z * c) / (a * a + b * b + c * c), 0.0), 1.0)
    return math.sqrt((x - h * a) ** 2 + (y - h * b) ** 2 + (z - h * c) ** 2) - (v[n, 9] + h * (v[n, 10] - v[n, 9]))


@njit(fastmath=True, cache=True)
def _sheet(v, n, polygon, s, p, l):  # noqa: E741
    # v[n, 3:]: side, fifteen coefficients, half thickness, at the rim, width of the rim, polygon length and offset
    y, z = (p - 20.0) * 0.01, (s - 60.0) * 0.01
    y2, z2 = y * y, z * z
    height = (v[n, 4] + v[n, 5] * y + v[n, 6] * z + v[n, 7] * y2 + v[n, 8] * y * z + v[n, 9] * z2
              + v[n, 10] * y2 * y + v[n, 11] * y2 * z + v[n, 12] * y * z2 + v[n, 13] * z2 * z
              + v[n, 14] * y2 * y2 + v[n, 15] * y2 * y * z + v[n, 16] * y2 * z2 + v[n, 17] * y * z2 * z
              + v[n, 18] * z2 * z2)
    slope_p = 0.01 * (v[n, 5] + 2 * v[n, 7] * y + v[n, 8] * z + 3 * v[n, 10] * y2 + 2 * v[n, 11] * y * z
                      + v[n, 12] * z2 + 4 * v[n, 14] * y2 * y + 3 * v[n, 15] * y2 * z + 2 * v[n, 16] * y * z2
                      + v[n, 17] * z2 * z)
    slope_s = 0.01 * (v[n, 6] + v[n, 8] * y + 2 * v[n, 9] * z + v[n, 11] * y2 + 2 * v[n, 12] * y * z
                      + 3 * v[n, 13] * z2 + v[n, 15] * y2 * y + 2 * v[n, 16] * y2 * z + 3 * v[n, 17] * y * z2
                      + 4 * v[n, 18] * z2 * z)
    across = abs(l * v[n, 3] - height) / math.sqrt(1 + slope_p * slope_p + slope_s * slope_s)
    if across > FAR_MM:
        return across - v[n, 20]
    inside_polygon = _polygon(polygon, int(v[n, 23]), int(v[n, 22]), s, p)
    rim = min(max(1.0 + inside_polygon / v[n, 21], 0.0), 1.0)
    half = v[n, 19] + (v[n, 20] - v[n, 19]) * rim * rim
    across -= half
    worst = max(across, inside_polygon)
    return worst if worst < 0 else math.sqrt(max(across, 0.0) ** 2 + max(inside_polygon, 0.0) ** 2)


@njit(fastmath=True, cache=True)
def _polygon(polygon, offset, count, s, p):
    nearest, inside, j = 1e18, False, count - 1
    for i in range(count):
        az, ay = polygon[offset + i, 0], polygon[offset + i, 1]
        bz, by = polygon[offset + j, 0], polygon[offset + j, 1]
        ey, ez, wy, wz = by - ay, bz - az, p - ay, s - az
        t = min(max((wy * ey + wz * ez) / (ey * ey + ez * ez), 0.0), 1.0)
        nearest = min(nearest, (wy - ey * t) ** 2 + (wz - ez * t) ** 2)
        if (az > s) != (bz > s) and p < ey * (s - az) / ez + ay:
            inside = not inside
        j = i
    return -math.sqrt(nearest) if inside else math.sqrt(nearest)


@njit(fastmath=True, cache=True)
def _sacrum(v, n, s, p, l):  # noqa: E741
    # v[n, 3:]: centre s, p; radius; start angle; length; half widths; half thicknesses; lateral curve; foramina x, rim
    ds, dp = s - v[n, 3], p - v[n, 4]
    radius, length = math.sqrt(ds * ds + dp * dp), v[n, 7]
    arc = (v[n, 6] - math.atan2(ds, dp)) * v[n, 5]
    if arc > length + 200:
        arc -= 2 * math.pi * v[n, 5]
    f = min(max(arc / length, 0.0), 1.0)
    width, thick = v[n, 9] + (v[n, 8] - v[n, 9]) * (1 - f**3), v[n, 10] * (1 - f) + v[n, 11] * f
    g = l / max(width, 1.0)
    thick = thick * math.sqrt(max(1 - 0.55 * min(g * g, 1.0), 0.05))
    a, c = abs(l) - width + 5, max(-arc, arc - length) + 4
    b = abs(radius - v[n, 5] + v[n, 12] * g * g * 6.0) - thick + 4
    d = min(max(a, max(b, c)), 0.0) - 4.0
    d += math.sqrt(max(a, 0.0) ** 2 + max(b, 0.0) ** 2 + max(c, 0.0) ** 2)
    for k in range(4):
        across, along = 0.8 * (abs(l) - v[n, 13] * (1 - 0.13 * k)), arc - length * (0.24 + 0.175 * k)
        hole = math.hypot(across, along) - (5.6 - 0.7 * k)
        d = -_smooth_min(-d, hole, v[n, 14])
    return d * 0.9


@njit(fastmath=True, cache=True)
def _vertebral_body(v, n, s, p, l):  # noqa: E741
    # v[n, 3:]: centre; half width, depth, height; tilt; waist
    cos, sin = math.cos(v[n, 9]), math.sin(v[n, 9])
    y, z = cos * (p - v[n, 4]) - sin * (s - v[n, 3]), sin * (p - v[n, 4]) + cos * (s - v[n, 3])
    level = min(abs(z) / v[n, 8], 1.0)
    waist = 1.0 - v[n, 10] * (1 - level * level)
    rx, ry = v[n, 6] * waist, v[n, 7] * waist * (0.85 if y > 0 else 1.0)
    x = l - v[n, 5]
    k0, k1 = math.hypot(x / rx, y / ry), math.hypot(x / rx / rx, y / ry / ry)
    side = -min(rx, ry) if k1 < 1e-9 else k0 * (k0 - 1) / k1
    a, b = side + 3, abs(z) - v[n, 8] + 3
    return min(max(a, b), 0.0) + math.hypot(max(a, 0.0), max(b, 0.0)) - 3
