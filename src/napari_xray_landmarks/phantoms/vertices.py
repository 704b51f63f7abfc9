"""Which vertices of public surface data mean what: facts found once, kept in `vertices.json`."""

import json
from pathlib import Path

import numpy as np

VERTICES = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius of the algebraic best sphere through (N, 3) points, N at least 4."""
    points = np.asarray(points, float)
    terms = np.column_stack([2 * points, np.ones(len(points))])
    *centre, rest = np.linalg.lstsq(terms, (points**2).sum(1), rcond=None)[0]
    return np.array(centre), float(np.sqrt(rest + np.dot(centre, centre)))
