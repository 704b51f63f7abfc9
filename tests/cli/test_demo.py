"""What the demo works with."""

import sys

import pytest

from napari_xray_landmarks.cli.demo import FILM, OUTLINED, bundled_model
from napari_xray_landmarks.phantoms import SCHEMAS


@pytest.mark.parametrize(("anatomy", "task"), [(FILM, "detect"), (SCHEMAS[OUTLINED[0]].anatomy, "segment")])
def test_its_models_need_no_library_that_is_installed_on_request_only(monkeypatch, anatomy, task):
    for name in ("torch", "monai", "lightning_fabric", "highdicom", "distributed", "h5py"):
        monkeypatch.setitem(sys.modules, name, None)
    model = bundled_model(anatomy, task)
    assert task in model.header.tasks and model.detector is not None
