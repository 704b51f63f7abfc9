"""Circles of femoral heads in the map of their outlines (paper 001, section 2)."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from ..shape import conics
from ..shape.conics import Conic

TRIPLES = 600
BAND_PX = 2.0  # of a circle's inliers
NEAR_PX = 4.0  # pixels this near to the first circle make the last one
FAINT = 0.2
RADIUS_MM = (13.0, 40.0)  # of heads, with what spacings may be wrong by
AROUND = 120


@dataclass(frozen=True, eq=False)
class Head:
    """A head's circle in a map, px.

    Parameters
    ----------
    centre
    semi_axes
        Equal but for an ellipse.
    angle_deg
        Of the first axis, from the rows' towards the columns'.
    pixels
        Above one half, on the circle.
    confidence_along : (AROUND,) array
        Greatest confidence near each part of the circle; NaN outside of the film.
    scatter
        Root mean square distance of the pixels from the circle.
    """

    centre: np.ndarray
    semi_axes: tuple[float, float]
    angle_deg: float
    pixels: int
    confidence_along: np.ndarray
    scatter: float

    @property
    def radius(self) -> float:
        return float(np.sqrt(self.semi_axes[0] * self.semi_axes[1]))

    @property
    def coverage(self) -> float:
        """Share of the circle on which the map is above one half; what is outside of the film does not have it."""
        return float(self._shown.mean())

    @property
    def gap(self) -> float:
        """Share of the circle that the widest piece without outline takes."""
        places = np.flatnonzero(self._shown)
        if not len(places):
            return 1.0
        count = len(self.confidence_along)
        return float((np.diff(places, append=places[0] + count).max() - 1) / count)

    @property
    def _shown(self) -> np.ndarray:
        return np.nan_to_num(self.confidence_along) > 0.5


def find_heads(confidence: np.ndarray, inside: np.ndarray, circle: str, pixel_mm: float, most: int,
               rng: np.random.Generator) -> list[Head]:
    """Heads in a map, the best covered first.

    Parameters
    ----------
    confidence : (rows, columns) array
        Sigmoid output for the heads' outlines.
    inside : (rows, columns) bool array
    circle
        One of `settings.CIRCLES`. "algebraic" and "geometric" take all pixels above one half for one circle, as the
        paper does, "ransac" those that most agree; the others weigh the pixels near the circle that random triples
        agree on most by their confidence.
    pixel_mm
    most
        How many to look for.
    rng
    """
    left, found = confidence.copy(), []
    for _ in range(most):
        pixels = np.argwhere(left > 0.5).astype(float)
        if len(pixels) < 12:
            break
        first = _agreed(pixels, np.array(RADIUS_MM) / pixel_mm, rng)
        if first is None:
            break
        head = _head(left, inside, circle, first)
        if head is None:
            break
        found.append(head)
        rows, columns = np.indices(left.shape)
        left[np.abs(np.hypot(rows - head.centre[0], columns - head.centre[1]) - head.radius) < NEAR_PX + 1] = 0
    return sorted(found, key=lambda head: -head.coverage)


def _agreed(pixels: np.ndarray, radii, rng: np.random.Generator) -> Conic | None:
    """The circle of a likely radius through three pixels that most pixels lie near, refined on them (RANSAC)."""
    centres, radius = _circumcircles(pixels[rng.integers(len(pixels), size=(TRIPLES, 3))])
    sound = np.isfinite(radius) & (radius >= radii[0]) & (radius <= radii[1])
    if not sound.any():
        return None
    some = pixels[rng.permutation(len(pixels))[:400]]
    centres, radius = centres[sound], radius[sound]
    away = np.abs(np.linalg.norm(some - centres[:, None], axis=2) - radius[:, None])
    best = int(((away < BAND_PX).sum(1) / np.sqrt(radius)).argmax())
    near = pixels[np.abs(np.linalg.norm(pixels - centres[best], axis=1) - radius[best]) < BAND_PX]
    try:
        for _ in range(2):
            circle = conics.fit(near, method="taubin")
            near = pixels[np.abs(circle.off(pixels)) < BAND_PX]
    except ValueError:
        return None
    return circle if radii[0] <= circle.radius <= radii[1] else None


def _circumcircles(triples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) centres and (T,) radii of the circles through (T, 3, 2) points; infinite or NaN through a line."""
    a, b = triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        twice = 2 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        squares = (a**2).sum(1), (b**2).sum(1)
        centre = np.column_stack([b[:, 1] * squares[0] - a[:, 1] * squares[1],
                                  a[:, 0] * squares[1] - b[:, 0] * squares[0]]) / twice[:, None]
        return centre + triples[:, 0], np.linalg.norm(centre, axis=1)


def _head(confidence: np.ndarray, inside: np.ndarray, circle: str, first: Conic) -> Head | None:
    """The head's curve of the kind that was asked for, near the first one."""
    pixels = np.argwhere(confidence > FAINT).astype(float)
    weights = confidence[tuple(pixels.astype(int).T)].astype(float)
    sure, near = weights > 0.5, np.abs(first.off(pixels)) < NEAR_PX
    try:
        if circle in ("algebraic", "geometric"):
            found = conics.fit(pixels[sure], method=circle)
        elif circle == "ransac":
            found = conics.fit_robustly(pixels[sure], band=BAND_PX)
        elif circle == "ellipse":
            found = conics.fit(pixels[near], "ellipse", weights=weights[near])
        else:
            found = conics.fit(pixels[near], weights=weights[near], method=circle)
    except ValueError:
        return None
    if found is None:
        return None
    off = np.abs(found.off(pixels))
    close = off < NEAR_PX
    scatter = np.sqrt(np.average(off[close] ** 2, weights=weights[close])) if close.any() else NEAR_PX
    return Head(found.centre, tuple(found.semi_axes), found.angle_deg, int((close & sure).sum()),
                along_circle(confidence, inside, found.centre, found.radius), float(scatter))


def along_circle(confidence: np.ndarray, inside: np.ndarray, centre, radius: float) -> np.ndarray:
    """(AROUND,) greatest confidence within a pixel and a half of each part of a circle; NaN outside of the film."""
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    way = np.column_stack([np.cos(turn), np.sin(turn)])
    places = np.asarray(centre) + way * (radius + np.arange(-1.5, 1.6, 0.5))[:, None, None]
    values = map_coordinates(confidence, places.reshape(-1, 2).T, order=1, mode="constant").reshape(-1, AROUND).max(0)
    on_film = map_coordinates(inside.astype(np.float32), places[3].T, order=0, mode="constant") > 0.5
    return np.where(on_film, values, np.nan)
