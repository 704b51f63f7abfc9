"""Films with the lines of predicted and true Cobb angles, where the corners that they were measured on are at hand."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError, InputError
from ..io.files import stem
from ..spine.cobb import Curve, measure
from ..spine.drawing import draw_curve
from ..spine.table import KEYS
from ..spine.vertebrae import Vertebrae, vertebrae_of
from .cases import Case, ImageSource, film_pixels
from .matching import read_marked

CORNERS = "landmarks.csv"


def curve_cases(predicted: Path, truth: Path, pairs: Mapping[str, str], source: ImageSource, images: Path | None
                ) -> Callable[[str], Case] | None:
    """Draws a film and the end vertebrae's lines of both tables; None where neither films nor corners are there.

    Corners are those of `landmarks.csv` beside a table; the true ones, where there are none, those of the data set that
    the images belong to.

    Parameters
    ----------
    predicted, truth
        The tables.
    pairs
        The predicted image of each true one.
    source
        Gives an image.
    images
        Where they are.
    """
    places = [(predicted.parent,), (truth.parent, *((images, images.parent) if images else ()))]
    corners = [_corners_in(places) for places in places]
    if not any(corners) and not any(source(name) is not None for name in pairs):
        return None
    ends = [_ends_of(path) for path in (predicted, truth)]

    def case(name: str) -> Case:
        picture = source(name)
        lines = [_lines(marked.get(stem(image)), rows.get(image, {})) for marked, rows, image in
                 zip(corners, ends, (pairs[name], name), strict=True)]
        spacing = getattr(picture, "spacing_mm", None)
        aspect = spacing[0] / spacing[1] if spacing is not None and len(spacing) == 2 else 1.0
        return Case(name, film_pixels(picture), predicted_curves=lines[0], true_curves=lines[1], aspect=aspect)

    return case


def _corners_in(places) -> dict[str, object]:
    """Marked films by the stem of their name, of the first folder that has corners."""
    for place in places:
        path = place if (place / "images").is_dir() else place / CORNERS
        if (place / CORNERS).is_file():
            try:
                return {stem(name): marked for name, marked in read_marked(path).items()}
            except InputError:  # no landmarks in it: the films are shown without lines
                continue
    return {}


def _ends_of(path: Path) -> dict[str, dict[str, str]]:
    """The row of each image as texts."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read as a table ({error})", "Give what `cobb` wrote") from error
    return {row["image"]: row for row in table.to_dict("records")}


def _lines(marked, row: Mapping[str, str]) -> tuple[np.ndarray, ...]:
    """Endplates and perpendiculars of a film's curves in px: those between the end vertebrae of the table, where it
    names them."""
    if marked is None:
        return ()
    try:
        landmarks = next(iter(marked.by.values()))
        vertebrae = vertebrae_of(landmarks, spacing_mm=marked.spacing_mm, lenient=True, subject=marked.image)
        curves = [c for c in _named(vertebrae, row) if {c.upper, c.lower} <= set(vertebrae.levels)]
        drawn = [draw_curve(vertebrae, curve) for curve in curves]
    except (InputError, np.linalg.LinAlgError):  # corners that are no spine's leave the film without lines
        return ()
    return tuple(line for one in drawn for line in (*one.endplates, *one.perpendiculars))


def _named(vertebrae: Vertebrae, row: Mapping[str, str]) -> list[Curve]:
    named = [Curve(name, float(row.get(f"{key}_deg") or "nan"), row.get(f"{key}_upper", ""),
                   row.get(f"{key}_lower", ""), convex=row.get(f"{key}_convex", "")) for name, key in KEYS.items()]
    if not any(curve.there for curve in named):
        return [curve for curve in measure(vertebrae).curves if curve.there]
    return [curve for curve in named if curve.there and np.isfinite(curve.angle_deg)]
