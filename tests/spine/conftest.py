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


@pytest.fixture(scope="session")
def learnt(drawn_set, tmp_path_factory):
    """A model file that has seen the drawn spines often enough to know them."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("monai")
    pytest.importorskip("lightning_fabric")
    from napari_xray_landmarks.training.recipes import train

    settings = {"rows": 256, "crop": 64, "vertebra_epochs": 25, "corner_epochs": 20, "batch": 2, "learning_rate": 3e-3,
                "held_out": 0.25}
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("models") / "drawn.safetensors"
    train("spine", drawn_set, path, settings=settings, seed=1)
    torch.set_num_threads(before)
    return path
