"""Puts `drawn_spines`, the films that these tests share, where they can import it."""

import sys
from pathlib import Path

import pytest

from napari_xray_landmarks.landmarks import LandmarkSet, vertebral_corners
from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def drawn_set(tmp_path_factory):
    """Eight drawn spines as a training set, two films a patient."""
    from drawn_spines import LEVELS, drawn_spine

    names = vertebral_corners(levels=LEVELS)
    films = []
    for seed in range(8):
        film, corners = drawn_spine(seed)
        landmarks = {"": LandmarkSet(names, corners.reshape(-1, 2))}
        films.append(SourceFilm(f"film{seed}", film, landmarks, subject=f"patient{seed // 2}"))
    return write_training_set(tmp_path_factory.mktemp("sets") / "drawn", films, about={"anatomy": "spine"})
