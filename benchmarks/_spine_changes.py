"""Films made harder: other brightness, inverted, cropped, turned, with metal drawn in; and the true corners in them."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import affine_transform

from napari_xray_landmarks.imaging import Radiograph

Change = Callable[[Radiograph, np.ndarray], tuple[Radiograph, np.ndarray]]


def _of(film: Radiograph, pixels: np.ndarray) -> Radiograph:
    return Radiograph(pixels, name=film.name)


def brightness(gamma: float) -> Change:
    """Grey values to the power of `gamma`, of their range."""

    def change(film, truth):
        low, high = float(film.pixels.min()), float(film.pixels.max())
        return _of(film, ((film.pixels - low) / (high - low)) ** gamma), truth

    return change


def inverted(film: Radiograph, truth: np.ndarray):
    """Bone dark."""
    return _of(film, float(film.pixels.max()) - film.pixels.astype(float)), truth


def cropped(share: float) -> Change:
    """Without the upper and the lower `share` of the rows; corners outside are NaN."""

    def change(film, truth):
        cut = round(share * film.shape[0])
        moved = truth - [cut, 0]
        rows = film.shape[0] - 2 * cut
        outside = (moved[..., 0] < 0) | (moved[..., 0] > rows - 1)
        return _of(film, film.pixels[cut:cut + rows]), np.where(outside[..., None], np.nan, moved)

    return change


def turned(angle_deg: float) -> Change:
    """Turned about its centre, on a film that holds all of it; black beside it."""

    def change(film, truth):
        cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
        matrix = np.array([[cos, -sin], [sin, cos]])
        size = np.array(film.shape)
        shape = np.ceil(np.abs(matrix) @ size).astype(int)
        middle, new_middle = (size - 1) / 2, (shape - 1) / 2
        pixels = affine_transform(film.pixels.astype(np.float32), matrix.T, middle - matrix.T @ new_middle,
                                  output_shape=tuple(shape), order=1, cval=float(film.pixels.min()))
        return _of(film, pixels), (truth - middle) @ matrix.T + new_middle

    return change


def with_hardware(rods: int) -> Change:
    """Bright rods along the spine, on its left and right in turns, with a screw at every second vertebra."""

    def change(film, truth):
        pixels, metal = film.pixels.astype(np.float32), float(film.pixels.max())
        width = np.nanmean(np.linalg.norm(truth[:, 1] - truth[:, 0], axis=-1))
        for rod in range(rods):
            weight = (0.3, 0.7)[rod % 2]
            line = (1 - weight) * truth[3:15, [0, 2]].mean(1) + weight * truth[3:15, [1, 3]].mean(1)
            line = line[np.isfinite(line).all(1)]
            for start, end in zip(line[:-1], line[1:], strict=True):
                _draw(pixels, start, end, 0.045 * width, metal)
            for point in line[::2]:
                _draw(pixels, point, point + [0, (0.35, -0.35)[rod % 2] * width], 0.035 * width, metal)
        return _of(film, pixels), truth

    return change


def _draw(pixels: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float, value: float) -> None:
    """A capsule of one grey value, in place."""
    low = np.maximum(np.floor(np.minimum(start, end) - radius).astype(int), 0)
    high = np.minimum(np.ceil(np.maximum(start, end) + radius).astype(int) + 1, pixels.shape)
    if (high <= low).any():
        return
    places = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
    along = end - start
    part = np.clip((places - start) @ along / max(along @ along, 1e-9), 0, 1)
    inside = np.linalg.norm(places - start - part[..., None] * along, axis=-1) <= radius
    pixels[low[0]:high[0], low[1]:high[1]][inside] = value


CURVES: dict[str, dict[str, Change]] = {
    "brightness (gamma)": {f"{g:g}": brightness(g) for g in (0.4, 0.7, 1.0, 1.5, 2.5)},
    "inverted": {"yes": inverted},
    "cropped above and below (%)": {f"{100 * s:g}": cropped(s) for s in (0.05, 0.1, 0.2)},
    "turned (°)": {f"{a:g}": turned(a) for a in (-15.0, -10.0, -5.0, 5.0, 10.0, 15.0)},
    "rods drawn in": {f"{n}": with_hardware(n) for n in (1, 2)},
}
