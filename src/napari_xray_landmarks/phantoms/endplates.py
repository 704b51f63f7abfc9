"""A vertebral body between two endplates, as a signed distance: the primitive of thoracic and lumbar vertebrae."""

import math

from numba import njit

ROUNDING_MM = 1.8  # radius of the rim
BACK = 0.8  # the posterior half's depth, in anterior half depths


@njit(fastmath=True, cache=True)
def endplates_distance(v, n, s, p, l):  # noqa: E741
    """Signed distance of a point to the body of row `n`; see `solids.body_between_endplates`."""
    # v[n, 3:]: half width, depth, height; waist, taper; concavity of the upper and the lower endplate; slope of either
    # towards left and posterior
    half, u, w = v[n, 5], l / v[n, 3], p / v[n, 4]
    depth = v[n, 4]
    if p > 0:
        w, depth = w / BACK, depth * BACK
    rim = min((u * u + w * w) * 1.3, 1.0)
    dip = 1.0 - rim * rim
    top = half + v[n, 10] * l + v[n, 11] * p - v[n, 8] * dip
    bottom = -half + v[n, 12] * l + v[n, 13] * p + v[n, 9] * dip
    level = min(max((2 * s - top - bottom) / max(top - bottom, 1.0), -1.0), 1.0)
    girth = 1.0 - v[n, 6] * (1 - level * level) - v[n, 7] * level
    u, w = abs(u) / girth, abs(w) / girth
    power = u * u * math.sqrt(u) + w * w * math.sqrt(w)  # a superellipse of exponent 2.5
    k = power**0.4
    steep = math.sqrt(u * u * u / v[n, 3] ** 2 + w * w * w / depth**2) / girth
    side = -min(v[n, 3], depth) if k < 1e-3 else (k - 1.0) * k * math.sqrt(k) / steep
    cap = max((s - top) / math.sqrt(1 + v[n, 10] ** 2 + v[n, 11] ** 2),
              (bottom - s) / math.sqrt(1 + v[n, 12] ** 2 + v[n, 13] ** 2))
    a, b = side + ROUNDING_MM, cap + ROUNDING_MM
    return min(max(a, b), 0.0) + math.hypot(max(a, 0.0), max(b, 0.0)) - ROUNDING_MM
