"""The vertebrae C7 to L5: body, pedicles, laminae, and transverse, articular and spinous processes."""

from dataclasses import dataclass

import numpy as np

from .scoliosis import LEVELS
from .solids import body_between_endplates, capsule

# Means in mm, C7 to L5: of the bodies after the AASCE films (widths, heights) and Panjabi et al. 1991, 1992 (depths),
# of the pedicles after Zindrick et al. 1987; widened where films show them wider.
HALF_WIDTH = (15.0, 15.2, 14.5, 14.0, 13.8, 14.0, 14.5, 15.0, 15.6,
              16.3, 17.1, 18.1, 19.1, 20.0, 20.6, 21.4, 22.4, 23.6)
HALF_DEPTH = (9.0, 9.3, 10.0, 11.0, 12.0, 12.8, 13.6, 14.2, 14.8,
              15.2, 15.6, 15.8, 16.2, 17.0, 17.6, 18.2, 18.6, 18.6)
HEIGHT = (12.4, 13.4, 14.6, 15.8, 16.8, 17.6, 17.8, 18.2, 18.5,
          18.8, 19.5, 20.3, 21.2, 22.1, 22.6, 23.3, 23.2, 21.6)
DISC = (4.8, 5.2, 4.9, 4.9, 4.8, 4.6, 4.8, 5.0, 5.6,
        6.4, 7.4, 8.4, 9.6, 10.2, 10.8, 11.0, 11.4, 9.5)
PEDICLE_OUT = (11.5, 12.0, 11.0, 10.5, 10.3, 10.3, 10.5, 10.8, 11.2,
               11.6, 12.2, 13.2, 14.3, 14.9, 15.2, 15.8, 16.8, 18.6)
PEDICLE_WIDTH = (3.0, 3.6, 3.2, 2.8, 2.7, 2.7, 2.8, 2.9, 3.1,
                 3.3, 3.6, 4.0, 4.2, 4.3, 4.4, 4.7, 5.2, 6.3)
PEDICLE_HEIGHT = (4.0, 5.0, 5.4, 5.7, 5.9, 6.0, 6.1, 6.2, 6.4,
                  6.7, 7.2, 7.9, 8.2, 8.0, 7.7, 7.5, 7.3, 7.0)
TRANSVERSE = (27.0, 34.0, 34.0, 32.0, 31.0, 31.0, 31.0, 30.5, 30.0,
              29.0, 27.5, 25.0, 23.0, 33.0, 38.0, 43.0, 40.0, 40.0)
SPINOUS_DROP = (9.0, 11.0, 15.0, 19.0, 23.0, 27.0, 29.0, 30.0, 29.0,
                25.0, 19.0, 14.0, 11.0, 6.0, 6.0, 6.0, 5.0, 4.0)
WAIST = (0.05, 0.05, 0.06, 0.07, 0.07, 0.08, 0.08, 0.08, 0.08,
         0.09, 0.09, 0.10, 0.10, 0.11, 0.11, 0.11, 0.11, 0.10)
FIRST_LUMBAR = LEVELS.index("L1")


@dataclass(frozen=True, eq=False)
class Size:
    """A vertebra's measures in mm; those of the body are halves."""

    width: float
    depth: float
    height: float
    disc: float
    pedicle_out: float
    pedicle_width: float
    pedicle_height: float
    transverse: float
    spinous_drop: float
    waist: float


def sizes(scale: float, slenderness: float, disc_height: float, rng: np.random.Generator) -> tuple[Size, ...]:
    """The measures of all vertebrae of an individual; each varies a little about the individual's own.

    Parameters
    ----------
    scale
        Overall.
    slenderness
        Factor on heights, inverse on widths.
    disc_height
        Factor on the discs.
    rng
    """
    tables = (HALF_WIDTH, HALF_DEPTH, np.array(HEIGHT) / 2, DISC, PEDICLE_OUT, PEDICLE_WIDTH, PEDICLE_HEIGHT,
              TRANSVERSE, SPINOUS_DROP, WAIST)
    factors = np.array([1 / slenderness, 1 / slenderness, slenderness, disc_height * slenderness, 1 / slenderness, 1, 1,
                        1, 1, 1])
    spread = np.array([0.012, 0.015, 0.015, 0.04, 0.012, 0.04, 0.03, 0.04, 0.12, 0.10])
    table = np.array(tables).T * factors * (1 + spread * np.clip(rng.standard_normal((len(LEVELS), 10)), -2, 2))
    table[:, :9] *= scale
    return tuple(Size(*map(float, row)) for row in table)


def body_row(size: Size, upper_slopes, lower_slopes, hollow: float) -> np.ndarray:
    """The body as a primitive, with the slopes of its endplates towards left and posterior."""
    return body_between_endplates((size.width, size.depth, size.height), size.waist, 0.02,
                                  (0.8 * hollow, hollow), upper_slopes, lower_slopes, 1.0)


def arch_rows(level: int, size: Size, scale: float, asymmetry: np.ndarray) -> list[np.ndarray]:
    """Everything behind the body, in the vertebra's own frame.

    `asymmetry` (4,) moves the spinous process's tip sideways and scales each transverse process and its rise.
    """
    part = _lumbar_part if level >= FIRST_LUMBAR else _thoracic_part
    rows = []
    for side, longer in ((1, 1 + asymmetry[1]), (-1, 1 + asymmetry[2])):
        rows += _pedicle(size, side, scale) + part(size, side, longer, asymmetry[3] * side, scale)
    return rows + _spinous(level, size, asymmetry[0], scale)


def _pedicle(q: Size, side: int, g: float) -> list:
    """Tubes from the body backwards, oval seen from the front: higher than wide."""
    up, out = 0.25 * q.height, q.pedicle_out * side
    rise = max(min(q.pedicle_height, 0.68 * q.height) - q.pedicle_width, 0.5)
    back = 0.8 * q.depth
    return [capsule((up + s, 0.45 * q.depth, out), (up + s - 1, back + 8 * g, out), q.pedicle_width, q.pedicle_width,
                    1.5) for s in (-rise, -rise / 3, rise / 3, rise)]


def _thoracic_part(q: Size, side: int, longer: float, tilt: float, g: float) -> list:
    back, out, tip = 0.8 * q.depth, q.pedicle_out, q.transverse * longer
    at = lambda s, p, l: np.array([s * g, back + p * g, l * side])  # noqa: E731, E741
    root = out + 1.5 * g
    return [
        capsule(at(3, 9, root), at(4 + 20 * tilt, 17, tip - 3.5 * g), 4.2 * g, 3.2 * g, 2),
        capsule(at(4 + 20 * tilt, 17, tip - 3.5 * g), at(4.5 + 20 * tilt, 17.5, tip - 3 * g), 4.4 * g, 4.4 * g, 2),
        capsule(at(4, 9, out), at(10, 8.5, out + 0.5 * g), 3.2 * g, 2.0 * g, 2),
        capsule(at(-1, 14, out - 1.5 * g), at(-10.5, 17, out - 2.5 * g), 2.8 * g, 1.8 * g, 2),
        capsule(at(3, 10, out - g), at(0, 19, 0), 2.3 * g, 2.3 * g, 3),
        capsule(at(-3, 12, out - 2 * g), at(-6, 20, 0), 2.3 * g, 2.3 * g, 3),
        capsule(at(-8, 15, out - 3 * g), at(-10, 20, 2), 1.8 * g, 1.8 * g, 2),
    ]


def _lumbar_part(q: Size, side: int, longer: float, tilt: float, g: float) -> list:
    back, out, tip = 0.8 * q.depth, q.pedicle_out, q.transverse * longer
    at = lambda s, p, l: np.array([s * g, back + p * g, l * side])  # noqa: E731, E741
    return [
        capsule(at(3, 6, out + 2 * g), at(4 + 25 * tilt, 12, 0.65 * tip), 4.0 * g, 3.0 * g, 3),
        capsule(at(4 + 25 * tilt, 12, 0.65 * tip), at(6 + 40 * tilt, 13, tip - 2 * g), 3.0 * g, 2.3 * g, 3),
        capsule(at(4, 8, out + g), at(11, 12, out + 2.5 * g), 4.2 * g, 2.6 * g, 2),
        capsule(at(4, 9, out + g), at(-6, 16, out - 4 * g), 3.6 * g, 3.4 * g, 3),
        capsule(at(-6, 16, out - 4 * g), at(-15.5, 19.5, out - 6 * g), 3.3 * g, 2.2 * g, 2),
        capsule(at(1, 14, out - 3 * g), at(-1, 22, 0), 3.0 * g, 3.0 * g, 3),
        capsule(at(-7, 17, out - 5 * g), at(-9, 23, 0), 3.3 * g, 3.3 * g, 3),
    ]


def _spinous(level: int, q: Size, sideways: float, g: float) -> list:
    """The spinous process: a rod that slants downwards in the chest, an upright blade at the loins."""
    back, drop = 0.8 * q.depth, q.spinous_drop
    at = lambda s, p, l=0.0: np.array([s, back + p * g, l])  # noqa: E731, E741
    if level < FIRST_LUMBAR:
        tip = at(-5 * g - drop, 38 - 0.2 * drop, sideways)
        return [capsule(at(-3 * g, 20), tip, 2.6 * g, 2.2 * g, 2), capsule(at(-8 * g, 20), tip - (1.5, 0, 0), 2.2 * g,
                                                                        2.6 * g, 2)]
    rows = []
    for height, radius in ((0, 2.9), (-3.5, 2.7), (-7, 2.7), (-9.5, 3.0)):
        rows.append(capsule(at(height * g, 22), at(height * g - 0.5 * drop, 46, sideways), radius * g,
                            (radius + 0.4) * g, 2))
    return rows
