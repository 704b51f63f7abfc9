"""One image with what was predicted and what is true, drawn for a report or a dock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..imaging import Radiograph, Volume
from ..io import load_image
from ..io.files import DICOM_SUFFIXES, PICTURE_SUFFIXES, VOLUME_SUFFIXES, stem, suffix

TRUE_COLOUR, PREDICTED_COLOUR = "#56b4e9", "#ffb000"
LEGEND = "true: blue rings and lines; predicted: amber crosses and dashes"
MOST_PIXELS = 1000
Picture = Radiograph | Volume | None
ImageSource = Callable[[str], Picture]


@dataclass(frozen=True, eq=False)
class Case:
    """What to draw of one image, in pixels of its film or slice.

    Parameters
    ----------
    image
        Its name.
    pixels : (rows, columns) array, optional
        The film or slice; None where it is not at hand.
    true_points, predicted_points : mapping of name to (2,) array
    true_curves, predicted_curves
        (N, 2) arrays; closed ones repeat their first vertex.
    aspect
        Height of a pixel by its width.
    """

    image: str
    pixels: np.ndarray | None = None
    true_points: Mapping[str, np.ndarray] = field(default_factory=dict)
    predicted_points: Mapping[str, np.ndarray] = field(default_factory=dict)
    true_curves: tuple[np.ndarray, ...] = ()
    predicted_curves: tuple[np.ndarray, ...] = ()
    aspect: float = 1.0

    @property
    def places(self) -> np.ndarray:
        """(N, 2) every finite point that is drawn."""
        parts = [*self.true_points.values(), *self.predicted_points.values(), *self.true_curves,
                 *self.predicted_curves]
        points = np.concatenate([np.reshape(p, (-1, 2)) for p in parts] or [np.empty((0, 2))])
        return points[np.isfinite(points).all(axis=1)]


def image_source(*places) -> ImageSource:
    """Finds the image of a name in files and folders, by the name without ending; None where there is none.

    Parameters
    ----------
    places
        Files, folders, and data sets' folders with `images/`; those that do not exist are passed over.
    """
    endings = PICTURE_SUFFIXES + VOLUME_SUFFIXES + DICOM_SUFFIXES
    files: dict[str, Path] = {}
    for place in (Path(p) for p in places if p is not None):
        folder = place / "images" if (place / "images").is_dir() else place
        listed = [place] if place.is_file() else sorted(folder.iterdir()) if folder.is_dir() else []
        for path in listed:
            if suffix(path) in endings:
                files.setdefault(stem(path), path)

    def find(name: str) -> Picture:
        path = files.get(stem(name))
        if path is None:
            return None
        try:
            return load_image(path)
        except InputError:  # a picture that cannot be read leaves the drawing without its background
            return None

    return find


def film_pixels(picture: Picture) -> np.ndarray | None:
    """The pixels of a film; None of anything else."""
    return picture.pixels if isinstance(picture, Radiograph) else None


def drawing(case: Case, width_px: int = 900) -> bytes:
    """The case as a PNG: the film, true places as rings and lines, predicted ones as crosses and dashes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows, columns = _extent(case)
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    ratio = min(max(height * case.aspect / width, 0.3), 2.0)
    with rc_context({"font.size": 8}):
        figure = Figure(figsize=(width_px / 150, width_px / 150 * ratio), dpi=150, facecolor="black")
        axes = figure.add_axes((0, 0, 1, 1), facecolor="black")
        axes.axis("off")
        if case.pixels is not None:
            _show(axes, case.pixels)
        _draw_curves(axes, case)
        _draw_points(axes, case)
        axes.set(xlim=columns, ylim=rows[::-1], aspect=case.aspect)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", facecolor="black")
    return buffer.getvalue()


def thumbnail(png: bytes, most: int = 220) -> bytes:
    """A smaller PNG, `most` pixels at its longer side."""
    from PIL import Image

    with Image.open(BytesIO(png)) as picture:
        small = picture.convert("RGB")
        small.thumbnail((most, most))
        buffer = BytesIO()
        small.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _extent(case: Case) -> tuple[tuple[float, float], tuple[float, float]]:
    """(first, last) row and column that the drawing shows: the film, or what is drawn with a margin."""
    if case.pixels is not None:
        return (-0.5, case.pixels.shape[0] - 0.5), (-0.5, case.pixels.shape[1] - 0.5)
    places = case.places if len(case.places) else np.zeros((1, 2))
    low, high = places.min(axis=0), places.max(axis=0)
    margin = max(0.08 * float((high - low).max()), 1.0)
    (top, left), (bottom, right) = low - margin, high + margin
    return (float(top), float(bottom)), (float(left), float(right))


def _show(axes, pixels: np.ndarray) -> None:
    step = max(1, -(-max(pixels.shape) // MOST_PIXELS))
    small = np.asarray(pixels[::step, ::step], float)
    known = small[np.isfinite(small)]
    low, high = np.percentile(known, (0.5, 99.5)) if known.size else (0.0, 1.0)
    rows, columns = (step * n for n in small.shape)
    axes.imshow(small, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), interpolation="antialiased",
                extent=(-0.5, columns - 0.5, rows - 0.5, -0.5))


def _draw_curves(axes, case: Case) -> None:
    lines = (case.true_curves, TRUE_COLOUR, "-"), (case.predicted_curves, PREDICTED_COLOUR, "--")
    for curves, colour, style in lines:
        for curve in curves:
            axes.plot(curve[:, 1], curve[:, 0], color=colour, ls=style, lw=2)


def _draw_points(axes, case: Case) -> None:
    for name in case.true_points.keys() & case.predicted_points.keys():
        (row, column), (other_row, other_column) = case.true_points[name], case.predicted_points[name]
        axes.plot([column, other_column], [row, other_row], color=PREDICTED_COLOUR, lw=0.8)
    for points, style in ((case.true_points, {"marker": "o", "mfc": "none", "mec": TRUE_COLOUR}),
                          (case.predicted_points, {"marker": "x", "mec": PREDICTED_COLOUR})):
        if points:
            places = np.array(list(points.values()))
            axes.plot(places[:, 1], places[:, 0], ls="none", ms=6, mew=1.3, **style)
    for name, (row, column) in case.true_points.items() if len(case.true_points) <= 40 else ():
        if np.isfinite([row, column]).all():
            axes.annotate(_plain(name), (column, row), (5, 5), textcoords="offset points", color=TRUE_COLOUR, size=6)


def _plain(text: str) -> str:
    from .plots import plain

    return plain(text)
