"""Heavy variation of how a film looks, so that what is learned from simulated films holds on real ones.

Nothing here moves: landmarks and outlines stay where they are.
"""

from dataclasses import dataclass, fields
from io import BytesIO

import numpy as np
from scipy.ndimage import gaussian_filter

from .collimation import Collimation
from .overlays import draw_collimator, draw_cut_outs, draw_grid_lines, draw_markers
from .smoothing import between_cells, wide_gaussian

LEVELS = 512
OCTAVES = 5
UNIFORM = ("rise", "shade", "equalise", "equalise_width", "sharpen", "colour", "collimator_size", "grid", "grid_px",
           "cut_out_size", "jpeg_quality", "gamma_log2", "contrast_log2", "warp")
LOGARITHMIC = ("blur_px", "noise")  # drawn uniformly in their logarithm


@dataclass(frozen=True)
class Ranges:
    """What films may look like: how often something happens (shares from 0 to 1), and (least, most) of how much.

    Parameters
    ----------
    inverted
        How often black and white change places.
    gamma_log2
        Binary logarithm of the exponent of the grey curve.
    contrast_log2
        Binary logarithm of the factor on the distance from the mean grey value.
    rise
        Added to all grey values, as a share of the whole range.
    warped, warp
        How often the grey curve is bent at random, and how far it may leave the straight line, as a share.
    shaded, shade
        How often one side is brighter than the other or the corners than the middle, and by what share of the range.
    equalised, equalise, equalise_width
        How often large structures are taken out, what share of them, and what is large, as a share of the shorter side.
    blurred, blur_px
        How often the film is blurred, and the standard deviation.
    sharpened, sharpen
        How often it is sharpened, and the factor on the details.
    noisy, noise, colour
        How often there is noise, its standard deviation as a share of the range, and the factor on its strength from
        one octave to the next coarser: 0 is white.
    collimated, collimator_size
        How often there is a collimator, a circle or a rectangle, and its size as a share of the film's.
    gridded, grid, grid_px
        How often a grid's strips show, their strength as a share of the range, and their period.
    marked, markers
        How often there are letters, and how many.
    cut, cut_outs, cut_out_size
        How often there are cut-outs, how many, and the largest side as a share of the film's.
    compressed, jpeg_quality
        How often the film was a JPEG, and of what quality.
    """

    inverted: float = 0.25
    gamma_log2: tuple[float, float] = (-0.7, 0.7)
    contrast_log2: tuple[float, float] = (-0.8, 0.5)
    rise: tuple[float, float] = (-0.12, 0.12)
    warped: float = 0.4
    warp: tuple[float, float] = (0.02, 0.15)
    shaded: float = 0.5
    shade: tuple[float, float] = (0.05, 0.35)
    equalised: float = 0.4
    equalise: tuple[float, float] = (0.2, 0.9)
    equalise_width: tuple[float, float] = (0.03, 0.2)
    blurred: float = 0.4
    blur_px: tuple[float, float] = (0.4, 2.5)
    sharpened: float = 0.3
    sharpen: tuple[float, float] = (0.3, 2.5)
    noisy: float = 0.7
    noise: tuple[float, float] = (0.004, 0.08)
    colour: tuple[float, float] = (0.0, 1.2)
    collimated: float = 0.35
    collimator_size: tuple[float, float] = (0.6, 1.1)
    gridded: float = 0.1
    grid: tuple[float, float] = (0.005, 0.04)
    grid_px: tuple[float, float] = (2.5, 9.0)
    marked: float = 0.3
    markers: tuple[int, int] = (1, 4)
    cut: float = 0.3
    cut_outs: tuple[int, int] = (1, 5)
    cut_out_size: tuple[float, float] = (0.05, 0.3)
    compressed: float = 0.25
    jpeg_quality: tuple[float, float] = (15.0, 90.0)

    def __post_init__(self):
        for key in fields(self):
            value = getattr(self, key.name)
            if isinstance(value, tuple):
                if len(value) != 2 or not value[0] <= value[1]:
                    raise ValueError(f"{key.name} must be (least, most), got {value}")
            elif not 0 <= value <= 1:
                raise ValueError(f"{key.name} must be a share from 0 to 1, got {value}")


@dataclass(frozen=True)
class Appearance:
    """How one film looks; the parameters are those of `Ranges`. None and zeros leave it as it is."""

    inverted: bool = False
    gamma_log2: float = 0.0
    contrast_log2: float = 0.0
    rise: float = 0.0
    warp: tuple[float, ...] = ()
    shade: tuple[float, float, float] = (0.0, 0.0, 0.0)
    equalise: float = 0.0
    equalise_width: float = 0.1
    blur_px: float = 0.0
    sharpen: float = 0.0
    noise: float = 0.0
    colour: float = 0.0
    collimator: Collimation | None = None
    outside: float = 0.0
    grid: float = 0.0
    grid_px: float = 4.0
    grid_along_rows: bool = True
    markers: int = 0
    cut_outs: int = 0
    cut_out_size: float = 0.2
    jpeg_quality: int | None = None


def random_appearance(rng: np.random.Generator, ranges: Ranges | None = None) -> Appearance:
    """How a film might look."""
    r = ranges or Ranges()
    draw = {name: float(rng.uniform(*getattr(r, name))) for name in UNIFORM}
    draw |= {name: float(np.exp(rng.uniform(*np.log(getattr(r, name))))) for name in LOGARITHMIC}
    happens = {f.name: bool(rng.random() < getattr(r, f.name)) for f in fields(r) if f.type is float}
    return Appearance(
        inverted=happens["inverted"], gamma_log2=draw["gamma_log2"], contrast_log2=draw["contrast_log2"],
        rise=draw["rise"], warp=tuple(draw["warp"] * rng.uniform(-1, 1, 4)) if happens["warped"] else (),
        shade=tuple(draw["shade"] * rng.uniform(-1, 1, 3)) if happens["shaded"] else (0.0, 0.0, 0.0),
        equalise=draw["equalise"] * happens["equalised"], equalise_width=draw["equalise_width"],
        blur_px=draw["blur_px"] * happens["blurred"], sharpen=draw["sharpen"] * happens["sharpened"],
        noise=draw["noise"] * happens["noisy"], colour=draw["colour"],
        collimator=_collimator(rng, draw["collimator_size"]) if happens["collimated"] else None,
        outside=float(rng.choice((0.0, 1.0, rng.random()), p=(0.6, 0.25, 0.15))),
        grid=draw["grid"] * happens["gridded"], grid_px=draw["grid_px"], grid_along_rows=bool(rng.random() < 0.5),
        markers=int(rng.integers(*r.markers, endpoint=True)) * happens["marked"],
        cut_outs=int(rng.integers(*r.cut_outs, endpoint=True)) * happens["cut"], cut_out_size=draw["cut_out_size"],
        jpeg_quality=int(draw["jpeg_quality"]) if happens["compressed"] else None)


def vary(film: np.ndarray, appearance: Appearance, rng: np.random.Generator) -> np.ndarray:
    """A film with another look.

    Parameters
    ----------
    film : (rows, columns) array
        Grey values in [0, 1].
    appearance
    rng
        Source of the noise, and of where markers and cut-outs are: the same seed gives the same film.

    Returns
    -------
    (rows, columns) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        A film with values outside [0, 1].
    """
    a, image = appearance, np.array(film, dtype=np.float32)
    if image.ndim != 2 or not (image.min() >= 0 and image.max() <= 1):
        raise ValueError(f"a film has two axes and grey values from 0 to 1, got shape {image.shape} and "
                         f"{image.min():g} to {image.max():g}")
    _change_details(image, a)
    image = _curve(a)[np.clip(np.rint(image * (LEVELS - 1)), 0, LEVELS - 1).astype(np.intp)]
    mean = image.mean()
    image = mean + np.float32(a.rise) + np.float32(2.0**a.contrast_log2) * (image - mean)
    _shade(image, a.shade)
    if a.noise:
        image += coloured_noise(image.shape, a.colour, rng) * np.float32(a.noise)
    if a.grid:
        draw_grid_lines(image, a.grid_px, a.grid, a.grid_along_rows, rng)
    if a.collimator is not None:
        draw_collimator(image, a.collimator, a.outside)
    np.clip(image, 0, 1, out=image)
    draw_markers(image, a.markers, rng)
    draw_cut_outs(image, a.cut_outs, a.cut_out_size, rng)
    if a.inverted:
        np.subtract(1, image, out=image)
    return image if a.jpeg_quality is None else _compressed(image, a.jpeg_quality)


def coloured_noise(shape: tuple[int, int], colour: float, rng: np.random.Generator) -> np.ndarray:
    """(rows, columns) float32 noise of standard deviation 1: octaves of cells of 1, 2, 4 ... pixels.

    Each octave is `colour` times as strong as the next finer one.
    """
    noise = rng.standard_normal(shape, dtype=np.float32)
    for octave in range(1, OCTAVES if colour > 0 else 1):
        cell = 2**octave
        cells = [-(-n // cell) + 1 for n in shape]
        coarse = rng.standard_normal(cells, dtype=np.float32) * np.float32(1.5 * colour**octave)
        noise += between_cells(coarse, cell, shape)
    return noise / max(float(noise.std()), 1e-6)


def _collimator(rng: np.random.Generator, size: float) -> Collimation:
    circle = rng.random() < 0.5
    sides = (size, size) if circle else (size, float(size * rng.uniform(0.7, 1.2)))
    return Collimation("circle" if circle else "rectangle", sides, tuple(0.5 + rng.normal(0, 0.03, 2)),
                       float(rng.normal(0, 4)), float(rng.uniform(0.5, 4)))


def _change_details(image: np.ndarray, a: Appearance) -> None:
    """Equalise, blur, sharpen, in place."""
    if a.equalise:
        large = wide_gaussian(image, a.equalise_width * min(image.shape))
        image -= np.float32(a.equalise) * (large - large.mean())
    if a.blur_px:
        gaussian_filter(image, a.blur_px, output=image, mode="nearest", truncate=3)
    if a.sharpen:
        image += np.float32(a.sharpen) * (image - gaussian_filter(image, 1.5, mode="nearest", truncate=3))


def _curve(a: Appearance) -> np.ndarray:
    """(LEVELS,) float32 grey curve that never falls: bent, then with a gamma."""
    level = np.linspace(0, 1, LEVELS)
    if a.warp:
        knots = np.linspace(0, 1, len(a.warp) + 2)
        heights = np.maximum.accumulate(np.clip(knots + [0, *a.warp, 0], 0, 1))
        level = np.interp(level, knots, heights)
    return (level ** 2.0**a.gamma_log2).astype(np.float32)


def _shade(image: np.ndarray, shade: tuple[float, float, float]) -> None:
    """Brighter towards one side along rows and columns, and towards the corners, in place."""
    if any(shade):
        rows, columns = (np.linspace(-1, 1, n, dtype=np.float32) for n in image.shape)
        down, across, corners = (np.float32(s / 2) for s in shade)
        image += (down * rows + corners * rows**2)[:, None] + (across * columns + corners * columns**2)


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.float32) / np.float32(255)
