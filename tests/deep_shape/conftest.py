"""Made-up volumes, and a model trained on them for seconds."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Four ellipsoids as a set of volumes, the last one for validation."""
    from ellipsoids import write_ellipsoids

    return write_ellipsoids(tmp_path_factory.mktemp("ellipsoids") / "set")


@pytest.fixture(scope="session")
def ellipsoid_model(drawn, tmp_path_factory):
    """A model file that was trained in one go."""
    from ellipsoids import QUICK

    from napari_xray_landmarks.training.recipes import train

    path = tmp_path_factory.mktemp("models") / "whole.safetensors"
    train("deep-shape", drawn, path, settings=QUICK, seed=3)
    return path
