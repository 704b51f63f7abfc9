"""Curves as a table: one row a film, for the command line and the window."""

from collections.abc import Sequence
from datetime import date
from math import isfinite

from ..io.tables import write_table
from .cobb import CURVES, Curvature
from .progression import Change

KEYS = dict(zip(CURVES, ("pt", "mt", "tll"), strict=True))
COLUMNS = (
    "image", "date", *(f"{key}_deg" for key in KEYS.values()), "severity", "largest",
    *(f"{key}_{what}" for key in KEYS.values() for what in ("upper", "lower", "apex", "convex", "sd_deg")),
    "vertebrae", "definition",
)  # fmt: skip
CHANGE_COLUMNS = tuple(f"{key}_{what}" for key in KEYS.values()
                       for what in ("same_ends_deg", "change_deg", "change_sd_deg", "change_deg_per_year", "trend"))


def row(image: str, film: Curvature, *, day: date | None = None, definition: str = "endplates") -> list[str]:
    """The cells of `COLUMNS` for one film."""
    details = [cell for c in film.curves for cell in (c.upper, c.lower, c.apex, c.convex, degrees(c.sd_deg))]
    return [image, day.isoformat() if day else "", *(degrees(a) for a in film.angles_deg), film.severity,
            film.largest.name if film.largest.there else "", *details, film.vertebrae.describe(), definition]


def change_row(changes: Sequence[Change]) -> list[str]:
    """The cells of `CHANGE_COLUMNS` for one film."""
    return [cell for c in changes for cell in (degrees(c.curve.angle_deg), degrees(c.change_deg), degrees(c.sd_deg),
                                               degrees(c.per_year_deg), c.trend)]


def write_curves(path, rows: Sequence[Sequence[str]], *, compared: bool, notes: Sequence[str]) -> None:
    """Write the table; the last column says what was left out or put right in each film."""
    columns = (*COLUMNS, *(CHANGE_COLUMNS if compared else ()), "note")
    write_table(path, columns, [[*cells, note] for cells, note in zip(rows, notes, strict=True)])


def degrees(value: float) -> str:
    """An angle to a hundredth, empty where there is none."""
    return f"{value:.2f}" if isfinite(value) else ""
