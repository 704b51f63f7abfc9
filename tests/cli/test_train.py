"""What `train` says of the model that it wrote."""

from pathlib import Path

import pytest

from napari_xray_landmarks.cli.train import how_to_use
from napari_xray_landmarks.models.format import read_model_header
from napari_xray_landmarks.models.registry import find_model


@pytest.mark.parametrize(("model", "command"), [("pelvis-ap", "detect"), ("hip-fluoroscopy", "segment"),
                                                ("complete-femur-ap", "segment")])
def test_a_model_is_used_for_what_it_was_trained_for(model, command):
    header = read_model_header(find_model(model))
    assert how_to_use(header, Path("my.safetensors")) == f"xray-landmarks {command} FILM --model my.safetensors -o OUT"
