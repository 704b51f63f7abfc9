"""Angles of found corners against the data set's own, and how often the stated uncertainty covers the truth."""

from collections.abc import Mapping

import numpy as np

from _page import table
from _spine import LEVELS
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.evaluation.agreement import agreement
from napari_xray_landmarks.evaluation.angles import circular_mean_absolute_error, smape
from napari_xray_landmarks.landmarks import LandmarkSet, vertebral_corners
from napari_xray_landmarks.spine.aasce import aasce_angles, expected_angles
from napari_xray_landmarks.spine.cobb import Curvature, measure
from napari_xray_landmarks.spine.uncertainty import with_confidences
from napari_xray_landmarks.spine.vertebrae import vertebrae_of

ANGLES = ("first (largest)", "second", "third")
PUBLISHED = (("RouterNet", "6.24", "2.69"), ("Seg4Reg+", "7.32", "3.73"), ("Yi et al.", "8.21", "3.55"))
NAMES = vertebral_corners(levels=LEVELS)
Piece = Mapping[str, np.ndarray]


def angles_of(corners: np.ndarray, rows: int) -> np.ndarray:
    """(2, 3) angles in degrees as the data set takes them: expected ones, and those of the corners as they lie."""
    if not np.isfinite(corners).all():
        return np.full((2, 3), np.nan)
    return np.array([expected_angles(corners, int(rows)), aasce_angles(corners, int(rows)).angles_deg])


def errors_row(own: np.ndarray, true: np.ndarray) -> list[str]:
    return [f"{smape(own, true):.2f}", f"{circular_mean_absolute_error(own, true):.2f}"]


def angle_table(own: np.ndarray, true: np.ndarray) -> str:
    """Agreement of each angle."""
    rows = []
    for name, a, b in zip(ANGLES, own.T, true.T, strict=True):
        fit = agreement(a, b)
        rows.append([name, f"{fit.correlation:.3f}", f"{np.abs(a - b).mean():.2f}", f"{fit.bias:+.2f}",
                     f"{fit.low:.1f} to {fit.high:.1f}"])
    return table(["angle", "Pearson r", "mean absolute error, °", "bias, °", "95 % limits of agreement, °"], rows)


def coverage_table(piece: Piece) -> str:
    """Errors of the standard angles in stated standard deviations."""
    pairs = [pair for film in zip(*(piece[k] for k in ("points", "truth", "confidence")), strict=True)
             if (pair := _measured(*film)) is not None]
    groups = {"every curve that both have to one side": [(own, other) for a, b in pairs for own, other in
                                                         zip(a.curves, b.curves, strict=True)
                                                         if own.there and other.there and own.convex == other.convex],
              "the largest curve": [(a.largest, b.largest) for a, b in pairs]}
    rows = []
    for name, curves in groups.items():
        error, sd = (np.array(v) for v in zip(*((a.angle_deg - b.angle_deg, a.sd_deg) for a, b in curves),
                                              strict=True))
        rows.append([name, len(error), f"{np.abs(error).mean():.2f}", f"{np.sqrt(np.mean(error**2)):.2f}",
                     f"{np.sqrt(np.mean(sd**2)):.2f}", f"{100 * (np.abs(error) <= sd).mean():.0f}",
                     f"{100 * (np.abs(error) <= 1.96 * sd).mean():.0f}"])
    head = ["standard Cobb angle", "curves", "mean error, °", "root mean square, °", "stated, °",
            "within 1 standard deviation, % (68)", "within 1.96, % (95)"]
    return table(head, rows)


def _measured(points: np.ndarray, truth: np.ndarray, confidence: np.ndarray) -> tuple[Curvature, Curvature] | None:
    """The curves of found and of true corners; None where either is no spine."""
    found = LandmarkSet(NAMES, points.reshape(-1, 2), confidence.ravel())
    try:
        own = measure(with_confidences(vertebrae_of(found, lenient=True), found))
        true = measure(vertebrae_of(LandmarkSet(NAMES, truth.reshape(-1, 2)), lenient=True))
    except InputError:
        return None
    return (own, true) if own.largest.there and true.largest.there else None
