"""Training on drawn spines: it learns, it is the same each time, and it goes on where it was stopped."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("lightning_fabric")

import torch  # noqa: E402
from drawn_spines import drawn_spine  # noqa: E402

from napari_xray_landmarks.errors import Cancelled, InputError  # noqa: E402
from napari_xray_landmarks.models import load_model, read_model_header  # noqa: E402
from napari_xray_landmarks.models.format import read_model_file  # noqa: E402
from napari_xray_landmarks.spine.training_films import levels_of, split  # noqa: E402
from napari_xray_landmarks.training.recipes import train  # noqa: E402

QUICK = {"rows": 256, "crop": 64, "vertebra_epochs": 2, "corner_epochs": 2, "batch": 4, "held_out": 0.25}
PUBLISHED = {"network": "as published", "rows": 128, "corner_epochs": 2, "learning_rate": 1e-4, "held_out": 0.0}


@pytest.fixture(scope="module", autouse=True)
def few_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_it_finds_the_corners_of_a_spine_that_it_has_not_seen(learnt):
    film, corners = drawn_spine(100)
    found = load_model(learnt).detect(film)
    assert found.shown == ("L1", "L2", "L3", "L4", "L5")
    errors = np.linalg.norm(found.landmarks.points.reshape(5, 4, 2) - corners, axis=-1)
    assert np.median(errors) < 5  # of bodies that are 57 px wide


def test_its_header_tells_what_it_is_and_how_well_it_did(learnt):
    header = read_model_header(learnt)
    assert header.method == "bipartite-spine" and header.anatomy == "spine"
    assert header.landmarks[:4] == ("L1-top-left", "L1-top-right", "L1-bottom-left", "L1-bottom-right")
    assert header.training["films"] == 6 and header.training["held_out_films"] == 2
    assert 0 < header.metrics["median_radial_error_px"] < 10


def tensors_of(path):
    return read_model_file(path)[1]


@pytest.mark.parametrize("settings", [QUICK, PUBLISHED], ids=["default", "published"])
def test_a_run_that_was_stopped_ends_as_any_other(drawn_set, tmp_path, settings):
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    train("spine", drawn_set, whole, settings=settings, seed=3)
    seen = []

    def stop(fraction, stage):
        seen.append(stage)
        if len([s for s in seen if "epoch 2 of 2" in s]) == 1 and "epoch" in stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        train("spine", drawn_set, parts, settings=settings, seed=3, progress=stop)
    assert not parts.exists()
    again = []
    train("spine", drawn_set, parts, settings=settings, seed=3, progress=lambda f, stage: again.append(stage))
    assert not any("epoch 1 of 2" in stage for stage in again if stage.startswith(seen[-1].split(",")[0]))
    first, second = tensors_of(whole), tensors_of(parts)
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert np.array_equal(values, second[name]), name


def test_it_begins_with_a_model(drawn_set, learnt, tmp_path):
    settings = {"vertebra_epochs": 1, "corner_epochs": 1, "learning_rate": 1e-6}
    header = train("spine", drawn_set, tmp_path / "m.safetensors", settings=settings, start=str(learnt))
    before, after = tensors_of(learnt), tensors_of(tmp_path / "m.safetensors")
    weights = [key for key in before if before[key].ndim > 1]
    assert {key.partition(".")[0] for key in weights} == {"vertebrae", "corners"}
    assert all(np.abs(before[key] - after[key]).max() < 5e-3 for key in weights)
    assert header.training["start"].startswith(learnt.stem)
    with pytest.raises(InputError, match="has 68 landmarks, the data 20"):
        train("spine", drawn_set, tmp_path / "n.safetensors", start="spine-ap")


def test_another_seed_gives_another_model(drawn_set, tmp_path):
    for seed in (0, 1):
        train("spine", drawn_set, tmp_path / f"{seed}.safetensors", settings=PUBLISHED, seed=seed)
    first, second = (tensors_of(tmp_path / f"{seed}.safetensors") for seed in (0, 1))
    assert any(not np.array_equal(first[name], second[name]) for name in first)


def test_the_published_network_runs_from_its_file(drawn_set, tmp_path):
    train("spine", drawn_set, tmp_path / "m.safetensors", settings=PUBLISHED, seed=0)
    film, _ = drawn_spine(100)
    found = load_model(tmp_path / "m.safetensors").detect(film)
    assert found.landmarks.points.shape == (20, 2) and np.isnan(found.landmarks.confidence).all()


def test_landmarks_that_are_no_corners_are_refused(drawn_set, tmp_path):
    named = replace(drawn_set, landmark_names=("hip", *drawn_set.landmark_names[1:]))
    with pytest.raises(InputError, match="'hip' is no corner of a vertebra"):
        train("spine", named, tmp_path / "m.safetensors")


def test_a_vertebra_without_one_of_its_corners_is_refused():
    with pytest.raises(InputError, match="L1-bottom-right is missing"):
        levels_of(("L1-top-left", "L1-top-right", "L1-bottom-left"), "set")


def test_levels_come_from_above_whatever_their_order():
    names = [f"{level}-{end}-{side}" for level in ("L1", "T12") for side in ("left", "right")
             for end in ("bottom", "top")]
    levels, index = levels_of(names, "set")
    assert levels == ("T12", "L1")
    assert [names[i] for i in index[0]] == ["T12-top-left", "T12-top-right", "T12-bottom-left", "T12-bottom-right"]


def test_no_patient_is_on_both_sides():
    films = [type("Film", (), {"subject": str(i // 3)})() for i in range(30)]
    trained, held = split(films, 0.3, 0)
    assert len(held) == 9 and not {f.subject for f in trained} & {f.subject for f in held}


def test_a_library_that_is_missing_is_named(monkeypatch):
    import sys

    from napari_xray_landmarks.models.methods import METHODS

    for name in [n for n in sys.modules if n.startswith("napari_xray_landmarks.spine.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "monai", None)
    monkeypatch.setitem(sys.modules, "monai.networks.nets", None)
    with pytest.raises(InputError, match=r"needs the library monai.*\[torch\]"):
        METHODS["bipartite-spine"].detector_module()
