"""Drawn films: two discs and a bar, of which the left disc is the one on the film's right side."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def drawn_set(tmp_path_factory):
    """24 drawn films of eight subjects as a training set."""
    from drawn_discs import write_set

    return write_set(tmp_path_factory.mktemp("sets") / "drawn", 24)


@pytest.fixture(scope="session")
def learnt(drawn_set, tmp_path_factory):
    """A model file that has seen the drawn films often enough to know them."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("lightning_fabric")
    from napari_xray_landmarks.training.recipes import train

    settings = {"rows": 96, "columns": 112, "pixel_mm": 1.0, "epochs": 35, "batch": 6, "learning_rate": 4e-3,
                "stages": 2, "channels": 8, "threads": 1}
    before = torch.get_num_threads()
    path = tmp_path_factory.mktemp("models") / "discs.safetensors"
    train("view-invariant", drawn_set, path, settings=settings, seed=1)
    assert torch.get_num_threads() == before
    return path
