"""Outlines against true outlines: point to curve, surface distances, Dice of the areas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError
from ..io import load_image
from ..io.files import stem, suffix
from ..io.markups import read_contours as read_curves
from ..io.tables import contour_spacings
from ..io.tables import read_contours as read_table
from ..landmarks import Contour
from ..shape.distances import curve_distances, point_to_curve
from ..training.tables import read_training_set
from .cases import Case, ImageSource, film_pixels, image_source
from .comparison import Comparison, Measure, Pairs
from .labels import ENDINGS as LABEL_ENDINGS
from .labels import label_files, structures_of
from .mask_outlines import named_alike, outlines_of_labels
from .matched import files_in, matched, short_name
from .volumes import dice

CELLS = 1000  # along the longer side of two areas, where their Dice is counted
MARKUPS = (".mrk.json",)


@dataclass(frozen=True, eq=False)
class Outlined:
    """The outlines of one image, all in one unit.

    Parameters
    ----------
    image
    contours
    spacing_mm
        (row, column), or None where it is unknown.
    subject
    """

    image: str
    contours: tuple[Contour, ...]
    spacing_mm: tuple[float, float] | None = None
    subject: str = ""

    def curves(self, spacing_mm) -> dict[str, np.ndarray]:
        """Vertices by the outline's name: in mm with a spacing, in px without; LookupError where that is unknown."""
        found: dict[str, np.ndarray] = {}
        for contour in self.contours:
            name, number = contour.name, 2
            while name in found:
                name, number = f"{contour.name} ({number})", number + 1
            found[name] = _in(contour, spacing_mm)
        return found


def _in(contour: Contour, spacing_mm) -> np.ndarray:
    if spacing_mm is None:
        if contour.unit == "mm":
            raise LookupError("the spacing is unknown")
        return contour.points
    return contour.points if contour.unit == "mm" else contour.points * np.asarray(spacing_mm)


def read_outlined(path) -> dict[str, Outlined]:
    """Outlines by image: a contours CSV, markups of one image or a folder of them, a training set's folder, or masks.

    Raises
    ------
    FileError
        If it is none of these, or damaged.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "images").is_dir():
            return _of_training_set(path)
        if (path / "contours.csv").is_file():
            return read_outlined(path / "contours.csv")
        files = files_in(path, MARKUPS, "contours")
        if not files:
            return of_masks(path)
        return {stem(name): Outlined(stem(name), tuple(read_curves(file))) for name, file in files.items()}
    if suffix(path) in LABEL_ENDINGS:
        return of_masks(path)
    if path.name.lower().endswith(".csv"):
        spacings = contour_spacings(path)
        return {image: Outlined(image, tuple(curves), spacings.get(image))
                for image, curves in read_table(path).items()}
    return {stem(path): Outlined(stem(path), tuple(read_curves(path)))}


def _of_training_set(folder: Path) -> dict[str, Outlined]:
    dataset = read_training_set(folder)
    found = {film.name: Outlined(film.name, tuple(dataset.contours(film)), film.spacing_mm, film.subject)
             for film in dataset.films}
    if not any(one.contours for one in found.values()):
        return of_masks(folder)
    return {name: one for name, one in found.items() if one.contours}


def of_masks(path: Path) -> dict[str, Outlined]:
    """Outlines of a label image, or of those in a folder or its `masks/`.

    Raises
    ------
    FileError
        There are none.
    """
    files = label_files(path)
    if not files:
        raise FileError(path, "holds no outlines", "Give contours.csv, .mrk.json files, or masks of films")
    names = structures_of(path)
    images = {short_name(name): load_image(file) for name, file in files.items()}
    return {name: Outlined(name, outlines_of_labels(image, names), getattr(image, "spacing_mm", None))
            for name, image in images.items()}


def compare_contour_files(predicted, truth, *, thresholds=None, images=None, seed: int = 0) -> Comparison:
    """Compare files or folders of outlines; see `read_outlined` and `compare_contours`."""
    return compare_contours(read_outlined(predicted), read_outlined(truth), predicted=Path(predicted),
                            truth=Path(truth), thresholds=thresholds, seed=seed,
                            source=image_source(images, truth, predicted))


def compare_contours(found: Mapping[str, Outlined], known: Mapping[str, Outlined], *, predicted: Path, truth: Path,
                     thresholds=None, source: ImageSource = lambda _: None, seed: int = 0) -> Comparison:
    """Compare outlines by image and name.

    One outline on either side of an image is the same one, whatever they are called. Results are in mm where the
    spacing of every image is known, otherwise in px.

    Raises
    ------
    FileError
        They share no image or outline, or one is in mm and the other in px of unknown spacing.
    """
    pairs, notes = matched(predicted, found, known)
    spacings = {name: known[name].spacing_mm or found[other].spacing_mm for name, other in pairs.items()}
    in_mm = all(s is not None or _all_mm(known[n], found[pairs[n]]) for n, s in spacings.items())
    unit, rows = "mm" if in_mm else "px", []
    for name, other in pairs.items():
        scale = (spacings[name] or (1.0, 1.0)) if in_mm else None
        try:
            curves = found[other].curves(scale), known[name].curves(scale)
        except LookupError as error:
            raise FileError(predicted, f"{name} is in mm on one side and in px of unknown spacing on the other",
                            "Give the spacing in images.csv") from error
        curves = named_alike(curves[0], curves[1]), named_alike(curves[1], curves[0])
        closed = {contour.name: contour.closed for contour in known[name].contours}
        rows += [{"image": name, "subject": known[name].subject or name} | row for row in _rows(*curves, closed)]
    if all(row["unmatched"] for row in rows):
        raise FileError(predicted, "shares no outline with the truth, whose names differ", "Give outlines equal names")
    table = pd.DataFrame(rows)
    guessed = sum(not c.found for other in pairs.values() for c in found[other].contours)
    notes += [f"{guessed} predicted outlines are best guesses, and count"] if guessed else []
    notes += [] if in_mm else ["the spacing of some image is unknown: results are in pixels"]
    areas = Pairs("area", f"{unit}²", table.pop("predicted_area").to_numpy(), table.pop("true_area").to_numpy())
    made = Comparison("contours", predicted.name, truth.resolve().name, "outline", _measures(unit),
                      table.drop(columns="unmatched"), (), (areas,), tuple(notes),
                      **({} if thresholds is None else {"thresholds": thresholds}),
                      case=_cases(found, known, pairs, spacings, source), seed=seed)
    return made


def _all_mm(*outlined: Outlined) -> bool:
    return all(c.unit == "mm" for one in outlined for c in one.contours)


def _measures(unit: str) -> tuple[Measure, ...]:
    return (Measure("assd", "ASSD", unit), Measure("hd95", "HD95", unit),
            Measure("point_to_curve", "point to curve", unit),
            Measure("dice", "Dice", more_is_better=True))


def _rows(found: dict[str, np.ndarray], known: dict[str, np.ndarray], closed: Mapping[str, bool]) -> list[dict]:
    """A row for each outline of an image."""
    if len(found) == len(known) == 1:
        found = dict(zip(known, found.values(), strict=True))
    rows = []
    for name, curve in known.items():
        other, is_closed = found.get(name), closed.get(name, True)
        if other is None or not len(other) or not np.isfinite(other).all():
            values = {"assd": np.inf, "hd95": np.inf, "point_to_curve": np.inf, "dice": 0.0 if is_closed else np.nan}
            areas = {"predicted_area": np.nan, "true_area": _area(curve) if is_closed else np.nan}
        else:
            values, areas = _measured(other, curve, is_closed)
        rows.append({"item": name, "failed": other is None, "unmatched": other is None} | values | areas)
    return rows


def _measured(curve: np.ndarray, truth: np.ndarray, closed: bool) -> tuple[dict, dict]:
    distances = curve_distances(curve, truth, closed=closed)
    overlap = area_dice(curve, truth) if closed else np.nan
    values = {"assd": distances.mean, "hd95": distances.percentile95, "dice": overlap,
              "point_to_curve": float(point_to_curve(curve, truth, closed=closed).mean())}
    areas = (_area(curve), _area(truth)) if closed else (np.nan, np.nan)
    return values, dict(zip(("predicted_area", "true_area"), areas, strict=True))


def area_dice(curve: np.ndarray, other: np.ndarray) -> float:
    """Dice's coefficient of what two closed polylines enclose, counted on a grid of a thousand cells a side."""
    both = np.concatenate([curve, other])
    low, extent = both.min(axis=0), np.ptp(both, axis=0).max()
    if not extent > 0:
        return float("nan")
    scale = CELLS / extent
    shape = tuple(np.ceil(np.ptp(both, axis=0) * scale).astype(int) + 1)
    return dice(*(_inside((c - low) * scale, shape) for c in (curve, other)))


def _inside(curve: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which cells have their centre inside a closed polyline: an odd number of its edges to the left of them.

    (`skimage.draw.polygon` looks at every edge for every cell, a thousand times the work.)
    """
    rows, end = np.arange(shape[0]), np.roll(curve, -1, axis=0)
    row, edge = np.nonzero((curve[:, 0] <= rows[:, None]) != (end[:, 0] <= rows[:, None]))
    along = (rows[row] - curve[edge, 0]) / (end[edge, 0] - curve[edge, 0])
    column = curve[edge, 1] + along * (end[edge, 1] - curve[edge, 1])
    crossed = np.zeros((shape[0], shape[1] + 1), np.int32)
    np.add.at(crossed, (row, np.clip(np.ceil(column), 0, shape[1]).astype(int)), 1)
    return np.cumsum(crossed[:, :-1], axis=1) % 2 == 1


def _area(curve: np.ndarray) -> float:
    """What a closed polyline encloses, by the shoelace formula."""
    row, column = (curve - curve.mean(axis=0)).T
    return float(abs(row @ np.roll(column, -1) - column @ np.roll(row, -1)) / 2)


def _cases(found, known, pairs, spacings, source: ImageSource) -> Callable[[str], Case]:
    def case(name: str) -> Case:
        spacing = spacings[name]
        curves = [tuple(_drawn(c, spacing) for c in one.contours) for one in (known[name], found[pairs[name]])]
        in_mm = spacing is None and _all_mm(known[name])
        aspect = 1.0 if spacing is None else spacing[0] / spacing[1]
        return Case(name, None if in_mm else film_pixels(source(name)), true_curves=curves[0],
                    predicted_curves=curves[1], aspect=aspect)

    return case


def _drawn(contour: Contour, spacing_mm) -> np.ndarray:
    """The vertices in px where the spacing is known, closed ones with the first vertex again at the end."""
    points = contour.points / np.asarray(spacing_mm) if contour.unit == "mm" and spacing_mm else contour.points
    return np.vstack([points, points[:1]]) if contour.closed else points
