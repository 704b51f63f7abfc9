"""Training: the same each time, taken up where it was stopped, from films and from CTs."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from napari_xray_landmarks.errors import Cancelled, InputError  # noqa: E402
from napari_xray_landmarks.models.format import read_model_file, read_model_header  # noqa: E402
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


class TestStart:
    """Training that begins with a trained model."""

    def test_it_begins_where_the_model_ended_and_says_so(self, drawn_set, learnt, tmp_path):
        fresh, begun = tmp_path / "fresh.safetensors", tmp_path / "begun.safetensors"
        short = {"epochs": 1, "learning_rate": 1e-6}
        train("view-invariant", drawn_set, fresh, settings={**QUICK, **short})
        header = train("view-invariant", drawn_set, begun, settings=short, start=str(learnt), seed=1)
        before, after = tensors_of(learnt), tensors_of(begun)
        weights = [key for key in before if before[key].ndim > 1]
        assert weights and all(np.abs(before[key] - after[key]).max() < 5e-3 for key in weights)
        assert header.settings["rows"] == 96 and header.settings["channels"] == 8  # the model's, as it was trained
        assert header.training["start"].startswith("discs ")
        assert header.metrics["mean_radial_error_mm"] < 5

    def test_a_run_does_not_go_on_from_another_start(self, drawn_set, learnt, tmp_path):
        out = tmp_path / "model.safetensors"

        def stop(fraction, stage):
            if "epoch 2" in stage:
                raise Cancelled

        with pytest.raises(Cancelled):
            train("view-invariant", drawn_set, out, settings={"epochs": 2}, start=str(learnt), progress=stop)
        with pytest.raises(InputError, match="another start"):
            train("view-invariant", drawn_set, out, settings=read_model_header(learnt).settings | {"epochs": 2})

    @pytest.mark.parametrize("settings", [{"channels": 4}, {"stages": 3}, {"network": "as published"}])
    def test_another_network_is_refused(self, drawn_set, learnt, tmp_path, settings):
        with pytest.raises(InputError, match="does not fit the network to train"):
            train("view-invariant", drawn_set, tmp_path / "m.safetensors", settings=settings, start=str(learnt))
        assert not list(tmp_path.iterdir())

    def test_other_landmarks_are_refused(self, drawn_set, learnt, tmp_path):
        from dataclasses import replace

        names = drawn_set.landmark_names
        other = replace(drawn_set, landmark_names=(*names[:-1], "elsewhere"))
        with pytest.raises(InputError, match="'elsewhere' is not in both"):
            train("view-invariant", other, tmp_path / "m.safetensors", start=str(learnt))

    def test_a_model_of_another_method_is_refused(self, drawn_set, tmp_path):
        with pytest.raises(InputError, match="is one of joint-displacement"):
            train("view-invariant", drawn_set, tmp_path / "m.safetensors", start="pelvis-ap")

    def test_a_recipe_that_begins_with_no_model_says_so(self, drawn_set, learnt, tmp_path):
        with pytest.raises(InputError, match="begins with no other model"):
            train("joint-displacement", drawn_set, tmp_path / "m.safetensors", start=str(learnt))
