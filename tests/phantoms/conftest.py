import pytest

from napari_xray_landmarks.phantoms import film
from napari_xray_landmarks.phantoms.pelvis import individual


@pytest.fixture(scope="session")
def people():
    return {subject: individual(subject) for subject in range(6)}


@pytest.fixture(scope="session")
def films():
    return {name: film(name, 2) for name in ("pelvis", "proximal-femur")}
