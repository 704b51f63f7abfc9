"""Shape models of the plain femur."""

import sys
from pathlib import Path

import numpy as np
import pytest

from napari_xray_landmarks.deep_morphing.morphing import OutlineModel
from napari_xray_landmarks.deep_morphing.outlines import HEAD, NAMES, SHORT, shape_of
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel

sys.path.insert(0, str(Path(__file__).parent))

from plain_femurs import plain_film  # noqa: E402


@pytest.fixture(scope="session")
def models():
    """A shape model with the shaft and one without, of left and right femurs."""
    shapes = []
    for number in range(20):
        film, contours, marks = plain_film(np.random.default_rng(number), side=("left", "right")[number % 2])
        shapes.append(shape_of(contours, marks, film.shape, film.spacing_mm[0], 0.0).points_mm)
    whole = PointDistributionModel.fit(np.array(shapes), retained=0.99, names=NAMES)
    upper = PointDistributionModel.fit(np.array(shapes)[:, SHORT], retained=0.99, names=NAMES[SHORT])
    head = slice(HEAD.start - SHORT.start, HEAD.stop - SHORT.start)
    return OutlineModel("ap", True, whole, HEAD), OutlineModel("ap", False, upper, head)
