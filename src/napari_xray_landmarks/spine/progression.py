"""One patient's films compared: how each curve changed between the same end vertebrae.

A curve is measured on every film between the end vertebrae that it had on the first film that shows it. More than 5
degrees counts as progression (Richards et al., Spine 30:2068, 2005), where it is more than the measurement's own error.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from .cobb import CURVES, Curvature, Curve, measure_between

PROGRESSION_DEG = 5.0
DAYS_A_YEAR = 365.25
_DATES = ((re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d"), (re.compile(r"\d{1,2}-[A-Z][a-z]{2}-\d{4}"), "%d-%b-%Y"))


@dataclass(frozen=True)
class Change:
    """One curve of one film against the first film that shows it.

    Parameters
    ----------
    curve
        On this film, between the first film's end vertebrae.
    change_deg
        Later minus first; a curve that bulges to the other side by now counts negative. NaN where it is not on the
        film, 0 on the first one.
    sd_deg
        Of the change; NaN where the angles' own are unknown.
    per_year_deg
        NaN without dates, or within a month of the first film.
    trend
        "first", "progressed", "improved", "stable", or "" where there is nothing to compare.
    """

    curve: Curve
    change_deg: float
    sd_deg: float = float("nan")
    per_year_deg: float = float("nan")
    trend: str = ""


def date_in(name: str) -> date | None:
    """The date that a film's name tells, "2017-01-02" or "02-Jan-2017"."""
    for pattern, form in _DATES:
        if found := pattern.search(name):
            try:
                return datetime.strptime(found.group(), form).date()
            except ValueError:
                continue
    return None


def in_order(dates: Sequence[date | None]) -> list[int]:
    """Positions of films from the earliest to the latest; as they come where a date is unknown."""
    if any(day is None for day in dates):
        return list(range(len(dates)))
    return sorted(range(len(dates)), key=lambda i: dates[i])


def compare(films: Sequence[Curvature], dates: Sequence[date | None] | None = None) -> list[tuple[Change, ...]]:
    """PT, MT and TL/L of each film against the first one that shows them.

    Parameters
    ----------
    films
        Of one patient, the earliest first.
    dates
        Of each film; None where it is unknown.
    """
    dates = [None] * len(films) if dates is None else list(dates)
    if len(dates) != len(films):
        raise ValueError(f"{len(dates)} dates for {len(films)} films")
    columns = []
    for name in CURVES:
        first = next((i for i, film in enumerate(films) if film[name].there), None)
        if first is None:
            columns.append([Change(film[name], float("nan")) for film in films])
            continue
        columns.append([_change(films[first][name], film, _years(dates[first], dates[i])) if i > first else
                        Change(film[name], 0.0, trend="first") if i == first else Change(film[name], float("nan"))
                        for i, film in enumerate(films)])
    return list(zip(*columns, strict=True))


def _change(first: Curve, film: Curvature, years: float) -> Change:
    curve = measure_between(film.vertebrae, first.name, first.upper, first.lower)
    if not curve.there:
        return Change(curve, float("nan"))
    change = curve.angle_deg * (1 if curve.convex == first.convex else -1) - first.angle_deg
    sd = float(np.hypot(first.sd_deg, curve.sd_deg))
    beyond = abs(change) > max(PROGRESSION_DEG, 1.96 * sd if np.isfinite(sd) else 0.0)
    trend = "stable" if not beyond else "progressed" if change > 0 else "improved"
    return Change(curve, change, sd, change / years if years > 1 / 12 else float("nan"), trend)


def _years(first: date | None, later: date | None) -> float:
    return float("nan") if first is None or later is None else (later - first).days / DAYS_A_YEAR
