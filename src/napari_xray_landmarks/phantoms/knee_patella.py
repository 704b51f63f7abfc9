"""The patella: an outline with an apex, a domed front, and two facets with a ridge between at the back.

Coordinates are (superior, posterior, lateral) mm of the mean size from the middle of the bone.
"""

import numpy as np

from .knee_femur import lesions, spurs
from .knee_fields import Field, Nodes, at_angle, round_about, smooth_max, waves
from .knee_parameters import KneeParameters

NODES = Nodes((-34.0, -24.0, -34.0), (32.0, 26.0, 34.0))
OUTLINE = (20.0, 22.0, 22.3, 19.0, 23.5, 18.5, 21.5, 21.0)  # every 45 degrees from superior through lateral


def patella(q: KneeParameters, rng: np.random.Generator) -> Field:
    """The patella of a left knee in its own frame, all channels."""
    s, p, l = axes = NODES.axes  # noqa: E741
    rim = round_about(np.arange(0, 360, 45), np.array(OUTLINE))
    value = np.sqrt(s * s + l * l) - at_angle(rim, np.degrees(np.arctan2(l, s)))
    front = -9.5 + np.square(l) / 75 + np.square(s - 2) / 95
    value = smooth_max(value, front - p, 6.0)
    value = smooth_max(value, p - _back(s, l), 4.0)
    spots = ((17, 4, 0), (0, 4, 19), (0, 4, -19), (-14, 4, 3))
    value = value - 0.7 * spurs(q.grade, rng, axes, spots)
    value = value + 0.7 * np.float32(q.irregularity_mm) * waves(rng, axes, 20.0)
    cover = _cartilage(s, p, l)
    cartilage = q.patellar_cartilage_mm * cover * lesions(q, rng, axes, ((2, 4),), s, None)
    film = np.where(cover > 0.05, 0.1 + 0.4 * q.effusion * (0.35 + 0.65 * waves(rng, axes, 14.0)), 0.0)
    scale = q.size * np.array([q.patella_height, 1, q.patella_width])
    return NODES.field(value, (np.maximum(cartilage, 0), film, 1.1, 0.8, s + 99 + 0 * l), scale)


def _back(s, l):  # noqa: E741
    """Where the back surface is: two facets, the lateral one longer, and the recess above the apex."""
    x = l + 3.0
    facets = 10.5 - 0.34 * (np.sqrt(x * x + 9) - 3) - 0.12 * np.maximum(-x, 0)
    return facets - np.square((s - 3) / 16) - 0.75 * np.maximum(-s - 8, 0)


def _cartilage(s, p, l):  # noqa: E741
    fade = lambda x, width: np.clip(x / width, 0, 1) ** 0.5  # noqa: E731
    rho = np.sqrt(np.square((s - 3.5) / 15.5) + np.square((l + 0.5) / 20.5))
    return fade((1 - rho) * 17, 4.0) * (0.72 + 0.28 * np.exp(-np.square((l + 3) / 10))) * (p > 0)
