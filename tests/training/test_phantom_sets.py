"""Training sets of phantom films."""

import numpy as np

from napari_xray_landmarks.phantoms import SCHEMAS, film
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.phantom_sets import write_phantom_set


def test_a_set_holds_the_films_and_their_exact_landmarks(tmp_path):
    written = write_phantom_set("proximal-femur", range(3, 5), tmp_path / "set")
    read = read_training_set(tmp_path / "set")
    assert [f.subject for f in read.films] == ["3", "4"] == [f.subject for f in written.films]
    assert read.about["anatomy"] == "proximal femur"
    truth = film("proximal-femur", 4)
    got = read.radiograph(read.films[1])
    assert np.array_equal(got.pixels, truth.radiograph.pixels)
    assert np.allclose(got.spacing_mm, truth.radiograph.spacing_mm)
    assert np.allclose(read.landmarks(read.films[1]).points, truth.landmarks.points)
    assert read.landmark_names == SCHEMAS["proximal-femur"].names
