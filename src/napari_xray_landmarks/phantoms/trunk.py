"""The soft parts about a spine: skin, fat and muscle, lungs, heart and great vessels, diaphragm, psoas, gas."""

from dataclasses import dataclass

import numpy as np

from .ribs import Cage
from .scoliosis import LEVELS
from .thoracolumbar_parameters import SpineParameters
from .trunk_drawing import PLANE, draw_body, draw_gas, draw_vessels

LEVEL = np.array([-3.0, -1.0, *range(len(LEVELS)), 18.5, 21.0, 24.0])  # of the cross-sections, as in `scoliosis`
HILUM, LOIN, GROIN = 6.2, 13.0, 17.0  # levels


@dataclass(frozen=True, eq=False)
class Trunk:
    """The soft parts.

    Parameters
    ----------
    heights_mm : (N,) array
        Of the cross-sections, from the top downwards.
    planes : (N, 22) array
        One horizontal cross-section each, with the columns `trunk_drawing.PLANE`; in between, they are interpolated.
    organs : (12,) array
        The heart's centre, radii and lean to the left; the domes of the diaphragm: height and place of the left one,
        of the right one, and how far behind they lie.
    vessels : (M, 8) array
        Of the lungs: start, end, radius at either.
    gas : (K, 7) array
        Ellipsoids in the bowel: centre, radii, HU.
    bubble : (7,) array
        Gas in the stomach: centre, radii, level of the fluid under it.
    """

    heights_mm: np.ndarray
    planes: np.ndarray
    organs: np.ndarray
    vessels: np.ndarray
    gas: np.ndarray
    bubble: np.ndarray


def trunk(q: SpineParameters, vertebrae, shape: Cage, rng: np.random.Generator) -> Trunk:
    """The soft parts about these vertebrae, C7 to L5, and this rib cage."""
    g = q.size
    centres = np.array([v.centre_mm for v in vertebrae])
    above = centres[0] + np.array([(66, -16, 0), (22, -4, 0)]) * g
    below = centres[-1] + np.array([(-40, 14, 0), (-95, 40, 0), (-160, 40, 0)]) * g
    middles = np.vstack([above, centres, below])
    depths, widths = (np.interp(LEVEL, range(len(LEVELS)), [getattr(v.size, n) for v in vertebrae])
                      for n in ("depth", "width"))
    planes = {"spine behind": middles[:, 1], "spine left": middles[:, 2], "spine radius": widths + 2.5 * g}
    _chest(planes, g, middles[:, 0], shape)
    _skin(planes, q, depths, shape)
    _inside(planes, g, depths, widths, shape)
    organs = _organs(q, middles[:, 0], planes, rng)
    table = np.stack([planes[name] for name in PLANE], 1)
    return Trunk(middles[:, 0], table, organs, _vessels(g, middles[:, 0], planes, rng),
                 _bowel(q, middles[:, 0], planes, rng), _stomach(q, organs, rng))


def _by_level(levels, values) -> np.ndarray:
    return np.interp(LEVEL, levels, values)


def _chest(planes: dict, g: float, heights, shape: Cage) -> None:
    """Where the lungs can be: inside the ribs, closed at the top."""
    behind, left, half_width, half_depth, turn = shape.at(heights)
    opening = _by_level([0.1, 0.5, 1.6], [0.05, 0.55, 1.0])
    planes["chest width"], planes["chest depth"] = opening * (half_width - 6 * g), opening * (half_depth - 7 * g)
    planes["chest behind"], planes["chest left"], planes["chest turn"] = behind, left, turn


def _skin(planes: dict, q: SpineParameters, depths, shape: Cage) -> None:
    g, chest, thick = q.size, shape.half_width_mm.max(), shape.half_depth_mm.max()
    waist, belly = q.waist_mm * g, q.belly_mm * g
    wide = {-3: 56 * g, -1: 60 * g, 0.3: 74 * g, 1.2: 112 * g, 2.2: 158 * g, 3.5: chest + 52 * g, 5: chest + 46 * g,
            8: chest + 26 * g, 11: chest + 16 * g, 14: waist, 16: waist + 8, 18.5: 1.2 * waist, 24: 1.32 * waist}
    deep = {-3: 54 * g, 0: 58 * g, 2: 66 * g, 4: thick + 2, 8: thick + 16 * g, 14: belly, 18: belly, 24: 1.05 * belly}
    planes["skin width"], planes["skin depth"] = (_by_level(list(t), list(t.values())) for t in (wide, deep))
    back = planes["spine behind"] + depths + g * _by_level([-3, 0, 3, 10, 14, 18, 24], [34, 38, 46, 46, 48, 60, 75])
    planes["skin behind"] = back - planes["skin depth"]
    to_middle = _by_level([14, 18.5], [1.0, 0.0]) * shape.left_mm[-1]
    planes["skin left"] = np.where(LEVEL < 14, planes["chest left"], to_middle)
    planes["fat"] = (abs(q.fat_mm) + 3) * _by_level([-3, 3, 14, 18, 24], [0.35, 0.6, 1.0, 1.3, 1.5])


def _inside(planes: dict, g: float, depths, widths, shape: Cage) -> None:
    """Mediastinum, windpipe, aorta, psoas."""
    behind, left = planes["spine behind"], planes["spine left"]
    middle = 0.55 * left + 0.45 * _by_level(range(len(shape.left_mm)), shape.left_mm)
    planes["middle width"] = g * _by_level([0, 2, 3.5, 5, 7, 12], [34, 26, 21, 22, 23, 24])
    planes["trachea"] = g * _by_level([0, 4.6, 5.0, 5.01], [8.6, 8.8, 0.0, -50.0])
    planes["trachea behind"] = behind - depths - g * _by_level([0, 5], [17, 20])
    planes["trachea left"] = middle - g * _by_level([0, 5], [0, 4])
    planes["aorta"] = g * _by_level([3.4, 4.2, 6, 13, 17, 17.01], [-20, 12.5, 11.5, 10.0, 8.5, -20.0])
    planes["aorta behind"] = behind - _by_level([4, 9, 12], [0.5, 0.6, 1.3]) * depths - 5 * g
    planes["aorta left"] = left + _by_level([4, 9, 13], [1.0, 0.95, 0.25]) * (widths + 7 * g)
    planes["psoas"] = g * _by_level([12.2, 13, 16, 18.5, 24], [0, 8, 24, 28, 20])
    planes["belly"] = _by_level([12, 14], [0.0, 1.0])


def _organs(q: SpineParameters, heights, planes: dict, rng) -> np.ndarray:
    g, h = q.size, q.heart * q.size

    def chest(level):
        return [np.interp(level, LEVEL, planes[f"chest {name}"]) for name in ("behind", "left", "depth")]

    behind, left, depth = chest(8.2)
    heart = [np.interp(8.1, LEVEL, heights), behind - 0.42 * depth, left + 30 * h, 60 * h, 32 * h, 50 * h,
             0.5 + rng.uniform(-0.1, 0.1)]
    dome = np.interp(9.6, LEVEL, heights) + q.diaphragm_mm * g
    behind, left, depth = chest(10)
    return np.array([*heart, dome - 13 * g, left + 62 * g, dome, left - 62 * g, behind - 0.2 * depth])


def _vessels(g: float, heights, planes: dict, rng) -> np.ndarray:
    """Arteries that branch from either hilum into the lungs."""
    height, behind, left = (np.interp(HILUM, LEVEL, v) for v in (heights, planes["chest behind"], planes["chest left"]))
    rods = []
    for side in (1, -1):
        root = np.array([height, behind - 4, left + side * 30 * g])
        for _ in range(20):
            way = np.array([rng.normal(-0.25, 0.9), rng.normal(0, 0.7), side * abs(rng.normal(0.7, 0.5))])
            _branch(rods, root + rng.normal(0, 7, 3), way / np.linalg.norm(way), rng.uniform(2.4, 5.2) * g, rng, 0)
    return np.array(rods)


def _branch(rods: list, start, way, radius: float, rng, generation: int) -> None:
    if radius < 0.7 or generation > 6:
        return
    for _ in range(2):
        end = start + way * rng.uniform(7, 13)
        rods.append([*start, *end, radius, 0.92 * radius])
        start, radius = end, 0.92 * radius
        way = way + rng.normal(0, 0.22, 3)
        way /= np.linalg.norm(way)
    for share in (0.8, 0.6):
        turned = way + rng.normal(0, 0.45, 3)
        _branch(rods, start, turned / np.linalg.norm(turned), share * radius, rng, generation + 1)


def _stomach(q: SpineParameters, organs, rng) -> np.ndarray:
    """A bubble of gas under the left dome, level below: the patient stands."""
    g = q.size
    radii = rng.uniform((14, 20, 22), (26, 34, 38)) * g * min(0.6 + 0.4 * q.bowel_gas, 1.2)
    centre = organs[[7, 11, 8]] - (radii[0] + rng.uniform(4, 12), 12 * g, rng.uniform(0, 22) * g)
    return np.array([*centre, *radii, centre[0] - rng.uniform(0.1, 0.7) * radii[0]])


def _bowel(q: SpineParameters, heights, planes: dict, rng) -> np.ndarray:
    """Gas and stool along the colon and in loops of small bowel."""
    g = q.size
    loin, groin = (np.interp(level, LEVEL, heights) for level in (LOIN, GROIN))
    front = np.interp(15.0, LEVEL, planes["spine behind"]) - 45 * g
    blobs = []
    for _ in range(int(rng.poisson(16 * max(q.bowel_gas, 0.1)))):
        if rng.random() < 0.6:
            low, high, radius, steps = (-70, 0, 66), (0, 30, 100), rng.uniform(11, 22) * g, rng.integers(3, 8)
        else:
            low, high, radius, steps = (-60, -30, 0), (-30, 0, 85), rng.uniform(4, 12) * g, rng.integers(2, 5)
        corners = np.array([(groin, front, 0), (loin, front, 0)]) + g * np.array([low, high])
        at = rng.uniform(*corners) * (1, 1, rng.choice((-1, 1)))
        heading, hu = rng.standard_normal(3) * (1, 0.3, 0.6), rng.choice((-980.0, -980.0, -900.0, -500.0))
        for _ in range(steps):
            r = radius * rng.uniform(0.6, 1.2)
            blobs.append([*at, r, r * rng.uniform(0.6, 0.9), r * rng.uniform(0.8, 1.2), hu])
            heading = heading + 0.8 * rng.standard_normal(3) * (1, 0.3, 1)
            at = at + heading / np.linalg.norm(heading) * r * rng.uniform(0.6, 1.2)
    return np.array(blobs).reshape(-1, 7)


def draw_trunk(soft: Trunk, shape, origin_mm, spacing_mm) -> np.ndarray:
    """(planes, rows, columns) float32 HU of the body without its bones."""
    hu = np.empty(shape, np.float32)
    origin, spacing = np.asarray(origin_mm, float), np.asarray(spacing_mm, float)
    heights = origin[0] + spacing[0] * np.arange(shape[0])
    planes = np.stack([np.interp(-heights, -soft.heights_mm, values) for values in soft.planes.T], 1)
    draw_body(hu, origin, spacing, planes, soft.organs, soft.bubble)
    draw_vessels(hu, origin, spacing, soft.vessels)
    draw_gas(hu, origin, spacing, soft.gas)
    return hu
