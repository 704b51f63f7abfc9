"""Where models are found, what is said where there is none, and what a model refuses to look at."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from napari_xray_landmarks.errors import InputError, ModelError
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.joint_displacement.settings import JointDisplacementSettings
from napari_xray_landmarks.models import ModelHeader, find_models, list_models, load_model, read_card, save_model
from napari_xray_landmarks.models.anatomy import what_else_it_shows
from napari_xray_landmarks.models.methods import METHODS, settings_from
from napari_xray_landmarks.models.registry import BUNDLED_FOLDER, check_image, find_model, models_folder


def header(**changes) -> ModelHeader:
    values = {"method": "joint-displacement", "anatomy": "pelvis", "landmarks": ("a", "b")}
    return ModelHeader(**values | changes)


@pytest.fixture
def local(tmp_path, monkeypatch):
    monkeypatch.setenv("XRAY_LANDMARKS_MODELS", str(tmp_path))
    return tmp_path


def test_the_local_folder_can_be_chosen_and_has_a_place_otherwise(local, monkeypatch):
    assert models_folder() == local
    monkeypatch.delenv("XRAY_LANDMARKS_MODELS")
    assert models_folder().name == "models"
    assert "napari-xray-landmarks" in models_folder().parts


def test_local_models_are_listed_by_name(local):
    save_model(local / "zz-knee.safetensors", header(anatomy="knee"), {})
    save_model(local / "aa-hip.safetensors", header(), {})
    (local / "aa-hip.md").write_text("# Hip\nlimits")
    names = [h.name for h in list_models()]
    assert names == sorted(names)
    assert {"zz-knee", "aa-hip"} <= set(names)
    assert find_model("aa-hip") == local / "aa-hip.safetensors"
    assert find_model(local / "aa-hip.safetensors") == local / "aa-hip.safetensors"
    assert read_card("aa-hip") == "# Hip\nlimits"
    assert read_card("zz-knee") == ""


def test_models_are_listed_by_what_they_can_do(local):
    save_model(local / "zz-outline.safetensors", header(extra={"tasks": ["segment"]}), {})
    save_model(local / "aa-points.safetensors", header(), {})
    assert "zz-outline" in [h.name for h in list_models("segment")]
    assert "zz-outline" not in [h.name for h in list_models("detect")]
    assert "aa-points" in [h.name for h in list_models("detect")]
    with pytest.raises(ValueError, match="tasks are"):
        header(extra={"tasks": ["cook"]})


def test_a_model_that_detects_only_does_not_segment():
    model = load_model("proximal-femur-ap")
    model = replace(model, header=replace(model.header, extra={**model.header.extra, "tasks": ["detect"]}))
    with pytest.raises(ModelError, match="cannot segment, only detect"):
        model.segment(Radiograph(np.eye(64)))


def test_a_damaged_local_model_is_left_out_with_a_warning(local):
    (local / "broken.safetensors").write_bytes(b"nonsense, too short")
    save_model(local / "whole.safetensors", header(), {})
    with pytest.warns(UserWarning, match="broken.safetensors"):
        names = [h.name for h in list_models()]
    assert "whole" in names
    assert "broken" not in names


def test_a_missing_model_says_which_there_are(local):
    save_model(local / "pelvis-ap.safetensors", header(), {})
    with pytest.raises(ModelError, match="pelvis-pa: there is no model of that name. Did you mean 'pelvis-ap'?"):
        load_model("pelvis-pa")
    with pytest.raises(ModelError, match="No such file"):
        load_model(local / "none.safetensors")


def test_a_file_beside_us_is_no_name(local, monkeypatch):
    monkeypatch.chdir(local)
    (local / "weights.pt").write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(ModelError, match="is a pickle or zip archive"):
        load_model("weights.pt")


def test_a_model_for_another_anatomy_is_refused_and_a_fitting_one_named(local):
    save_model(local / "knee-ap.safetensors", header(anatomy="knee"), {})
    save_model(local / "my-hip.safetensors", header(anatomy="hip of mine"), {})
    with pytest.raises(ModelError, match="for the knee, not for the hip of mine. Choose one of: my-hip"):
        load_model("knee-ap", anatomy="hip of mine")
    with pytest.raises(ModelError, match="Train a model for the wrist"):
        load_model("knee-ap", anatomy="wrist")


def test_every_bundled_model_can_be_read_and_has_a_card():
    for name, path in find_models().items():
        if path.parent == BUNDLED_FOLDER:
            assert load_model(path).header.licence, name
            assert len(read_card(path)) > 200, f"{name} has no card"


FILM = np.arange(400.0).reshape(20, 20)


@pytest.mark.parametrize(
    ("image", "error", "match"),
    [
        (Volume(np.zeros((2, 2, 2))), ModelError, "works on radiographs, not on a volume"),
        (FILM, ModelError, "not on a ndarray"),
        (Radiograph(np.full((20, 20), 7)), InputError, "all pixels have the value 7"),
        (Radiograph(np.full((20, 20), np.nan)), InputError, "NaN or infinite"),
        (Radiograph(np.where(FILM == 3, np.inf, FILM)), InputError, "NaN or infinite"),
        (Radiograph(FILM, header={"anatomy": "knee"}), ModelError, "the header of radiograph says knee"),
        (Radiograph(FILM, header={"body_part_examined": "CHEST"}), ModelError, "for the pelvis, but .* says CHEST"),
    ],
)
def test_what_a_model_cannot_work_on_is_refused(image, error, match):
    with pytest.raises(error, match=match):
        check_image(header(), image)


def test_a_film_that_fits_or_says_nothing_is_taken():
    check_image(header(), Radiograph(FILM))
    check_image(header(), Radiograph(FILM, header={"anatomy": "pelvis"}))


@pytest.mark.parametrize(
    ("term", "anatomy", "fits"),
    [
        ("HIP", "pelvis", True),
        ("PELVIS", "proximal femur", True),
        ("CHEST", "proximal femur", False),
        ("KNEE", "proximal femur", False),
        ("KNEE", "distal femur", True),
        ("SKULL", "skull, lateral", True),
        ("HAND", "skull, lateral", False),
        ("CHEST", "spine", True),
        ("EXTREMITY", "pelvis", True),
        ("ABDOMEN", "pelvis", True),
        ("", "pelvis", True),
        ("T SPINE", "skull", False),
        ("CHEST", "left hind paw", True),
    ],
)
def test_the_body_part_of_a_header_speaks_only_against_what_it_cannot_show(term, anatomy, fits):
    assert (what_else_it_shows({"body_part_examined": term}, anatomy) == "") is fits


def test_every_method_has_its_settings():
    for method in METHODS.values():
        assert method.settings_class()() == method.settings_class()()


def test_settings_are_the_defaults_then_the_models_then_the_users():
    found = settings_from(JointDisplacementSettings, {"alpha": 0.5, "beta": 0.6, "gone": 1}, {"beta": 0.7}, "m")
    default = JointDisplacementSettings()
    assert (found.alpha, found.beta, found.gamma) == (0.5, 0.7, default.gamma)


@dataclass(frozen=True)
class Options:
    mode: str = "a"
    count: int = 2
    weight: float = 0.5
    flip: bool = False


def test_settings_are_read_from_text():
    found = settings_from(Options, {}, {"mode": "3", "count": "4", "weight": "1e-3", "flip": "yes"}, "m")
    assert found == Options("3", 4, 0.001, True)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"wieght": 1}, "m: there is no setting 'wieght'. Settings are: mode, count, weight, flip"),
        ({"count": "2.5"}, "count must be a whole number, got '2.5'"),
        ({"weight": "heavy"}, "weight must be a number, got 'heavy'"),
        ({"flip": "perhaps"}, "flip must be true or false"),
    ],
)
def test_settings_that_do_not_exist_or_fit_are_named(given, match):
    with pytest.raises(InputError, match=match):
        settings_from(Options, {}, given, "m")


def test_a_value_out_of_range_is_an_input_error():
    with pytest.raises(InputError, match="alpha must lie between"):
        settings_from(JointDisplacementSettings, {}, {"alpha": "1e9"}, "model x")
