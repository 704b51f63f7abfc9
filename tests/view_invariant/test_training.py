"""Training: the same each time, taken up where it was stopped, from films and from CTs."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from napari_xray_landmarks.errors import Cancelled, InputError  # noqa: E402
from napari_xray_landmarks.models.format import read_model_file  # noqa: E402
from napari_xray_landmarks.training.recipes import train  # noqa: E402

QUICK = {"rows": 64, "columns": 64, "pixel_mm": 1.5, "epochs": 2, "batch": 8, "stages": 2, "channels": 4, "threads": 1}


def tensors_of(path):
    return read_model_file(path)[1]


@pytest.mark.parametrize("settings", [QUICK], ids=["light"])
def test_a_run_that_was_stopped_ends_as_any_other(drawn_set, tmp_path, settings):
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    train("view-invariant", drawn_set, whole, settings=settings, seed=3)

    def stop(fraction, stage):
        if "epoch 2" in stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        train("view-invariant", drawn_set, parts, settings=settings, seed=3, progress=stop)
    assert not parts.exists()
    train("view-invariant", drawn_set, parts, settings=settings, seed=3)
    one, other = tensors_of(whole), tensors_of(parts)
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_films_without_landmarks_are_refused(drawn_set, tmp_path):
    from dataclasses import replace

    empty = replace(drawn_set, points_px=np.full_like(drawn_set.points_px, np.nan))
    with pytest.raises(InputError, match="landmarks"):
        train("view-invariant", empty, tmp_path / "none.safetensors", settings=QUICK)
