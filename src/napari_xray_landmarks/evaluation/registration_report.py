"""How the masks of a shape model were registered, subject by subject: a table and a picture."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..io.tables import truth, write_table
from ..shape.correspondence import Correspondences
from ..shape.subjects import SubjectReport
from .plots import BLUE, GREY, ORANGE, STYLE, plain

TABLE = "registration.csv"
_NUMBERS = ("overlap", "registered_median_mm", "registered_p95_mm", "median_mm", "p95_mm", "voxel_mm", "median_voxels",
            "p95_voxels", "smallest_jacobian", "folds", "cut")
_COLUMNS = ("subject", "used", "is_reference", "mirrored", *_NUMBERS, "notes")


def write_registrations(path: Path, correspondences: Correspondences) -> None:
    """One line for every mask, those that were left out too.

    Raises
    ------
    FileError
        The file cannot be written.
    """
    write_table(path, _COLUMNS, [_line(subject) for subject in correspondences.report])


def _line(subject: SubjectReport) -> list[str]:
    flags = [truth(getattr(subject, name)) for name in ("used", "is_reference", "mirrored")]
    values = [f"{value:.4g}" if np.isfinite(value := getattr(subject, name)) else "" for name in _NUMBERS]
    return [subject.name, *flags, *values, "; ".join(subject.notes)]


def registration_plot(correspondences: Correspondences) -> Figure:
    """Surface distance (median to 95th percentile), overlap and smallest Jacobian determinant of each subject."""
    shown = [s for s in correspondences.report if not s.is_reference and np.isfinite(s.overlap)]
    shown.sort(key=lambda s: s.registered_p95_mm)
    rows = np.arange(len(shown))
    colors = [BLUE if s.used else ORANGE for s in shown]
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 1.2 + 0.2 * max(len(shown), 4)), layout="constrained")
        distance, overlap, jacobian = figure.subplots(1, 3, sharey=True)
        distance.hlines(rows, [s.registered_median_mm for s in shown], [s.registered_p95_mm for s in shown],
                        colors=colors, lw=2.5)
        distance.scatter([s.registered_median_mm for s in shown], rows, c=colors, s=18, zorder=3)
        distance.set(xlabel="surface distance, median to 95 % [mm]", yticks=rows,
                     yticklabels=[plain(s.name) for s in shown])
        distance.set_xlim(left=0)
        overlap.scatter([s.overlap for s in shown], rows, c=colors, s=18)
        overlap.set_xlabel("overlap with the reference (Dice)")
        jacobian.scatter([s.smallest_jacobian for s in shown], rows, c=colors, s=18)
        jacobian.axvline(0, color=GREY, lw=0.8, ls=":")
        jacobian.set_xlabel("smallest Jacobian determinant")
        for axes in (distance, overlap, jacobian):
            axes.xaxis.get_major_locator().set_params(nbins=4)
        if not all(s.used for s in shown):
            figure.suptitle("orange: left out", fontsize=9)
    return figure
