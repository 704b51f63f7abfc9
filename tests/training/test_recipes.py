"""A recipe from films to a model file that detects, stopped on the way and taken up again."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_xray_landmarks.errors import Cancelled, ModelError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.models import detect, load_model, read_model_file, save_model
from napari_xray_landmarks.training.recipes import train
from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

NAMES = ("top left", "top right", "bottom right", "bottom left")
CORNERS = np.array([[-40.0, -30], [-40, 30], [40, 30], [40, -30]])
SETTINGS = {
    "patches": 150, "train_patches": 400, "neighbours": 10,
    "levels": 1, "resolution": 12, "components": 24, "rotation": "20",
}  # fmt: skip


def film(number: int) -> SourceFilm:
    """A bright plate with a blob of another size at each corner, noisy and never in the same place."""
    rng = np.random.default_rng(number)
    points = np.array([100, 110]) + rng.uniform(-8, 8, 2) + CORNERS * rng.uniform(0.95, 1.05) + rng.normal(0, 1, (4, 2))
    row, column = np.mgrid[:200, :220]
    low, high = points.min(0), points.max(0)
    grey = 120.0 * ((row > low[0]) & (row < high[0]) & (column > low[1]) & (column < high[1]))
    for k, point in enumerate(points):
        squared = (row - point[0]) ** 2 + (column - point[1]) ** 2
        grey += 15 * (k + 1) * np.exp(-squared / (2 * (4 + 2 * k) ** 2))
    grey = gaussian_filter(grey, 1.5) + rng.normal(0, 2, grey.shape) + 20
    pixels = np.clip(grey, 0, 255).astype(np.uint8)
    return SourceFilm(f"f{number}", Radiograph(pixels, (0.5, 0.5)), {"": LandmarkSet(NAMES, points)})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    about = {"anatomy": "test plate", "licence": "CC0-1.0", "citation": "Plates 1999"}
    about["schema"] = {"subshapes": [list(NAMES)], "closed": True}
    return write_training_set(tmp_path_factory.mktemp("set") / "plates", [film(i) for i in range(3)], about=about)


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "plate.safetensors"
    return train("joint-displacement", dataset, path, settings=SETTINGS, seed=3), path


def test_a_trained_model_says_what_it_was_made_from(trained, dataset):
    header, path = trained
    assert read_model_file(path)[0] == header
    assert (header.name, header.anatomy, header.licence) == ("plate", "test plate", "CC0-1.0")
    assert header.citation.startswith("Chen C, Xie W") and header.citation.endswith("MICCAI 2013. Films: Plates 1999")
    assert header.landmarks == NAMES
    assert header.schema.closed
    assert header.settings["rotation"] == 20
    assert {k: header.training[k] for k in ("films", "subjects", "seed", "data")} == {
        "films": 3, "subjects": 3, "seed": 3, "data": "plates",
    }  # fmt: skip
    assert not path.with_suffix(".run").exists()


def test_a_trained_model_finds_the_landmarks_of_a_film_that_it_has_not_seen(trained):
    new = film(9)
    found = load_model(trained[1], anatomy="test plate").detect(new.image).landmarks
    assert found.names == NAMES
    assert np.hypot(*(found.points - new.landmarks[""].points).T).max() < 8
    again = detect(new.image, trained[1], patches="150").landmarks
    np.testing.assert_array_equal(again.points, found.points)


def test_a_run_that_was_stopped_goes_on_and_gives_the_same_model(trained, dataset, tmp_path):
    path = tmp_path / "plate.safetensors"
    reached = []

    def stop(fraction, stage):
        reached.append(fraction)
        if any(path.with_suffix(".run").glob("stage-*")):
            raise Cancelled

    with pytest.raises(Cancelled):
        train("joint-displacement", dataset, path, settings=SETTINGS, seed=3, progress=stop)
    assert not path.exists()
    assert reached[-1] < 1
    assert any(path.with_suffix(".run").glob("stage-*"))
    train("joint-displacement", dataset, path, settings=SETTINGS, seed=3)
    assert path.read_bytes() == trained[1].read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["plate.safetensors"]


def test_a_run_that_is_stopped_before_its_first_stage_leaves_nothing(dataset, tmp_path):
    def stop(fraction, stage):
        raise Cancelled

    with pytest.raises(Cancelled):
        train("joint-displacement", dataset, tmp_path / "m.safetensors", settings=SETTINGS, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["missing", "cut", "landmarks"])
def test_tensors_that_do_not_fit_the_method_are_refused(trained, tmp_path, damage):
    header, tensors = read_model_file(trained[1])
    if damage == "missing":
        tensors.pop(sorted(tensors)[0])
    elif damage == "cut":
        tensors = {name: array[..., :1] if array.ndim else array for name, array in tensors.items()}
    else:
        header = replace(header, landmarks=(*NAMES, "one more"), extra={})
    path = tmp_path / "damaged.safetensors"
    save_model(path, header, tensors)
    with pytest.raises(ModelError, match="damaged.safetensors"):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("mean_shape", lambda a: 1e6 * a),
        ("mean_shape", lambda a: 0 * a),
        ("resolutions", lambda a: 1e6 * a),
        ("pose_resolution", lambda a: 1e-6 * a),
        ("resolutions", lambda a: a[:0]),
        ("scales", lambda a: 1e-4 * a),
        ("scales", lambda a: a[::-1]),
        ("scales_mm", lambda a: a[:1]),
        ("confidence", lambda a: a[:2]),
        ("tolerance", lambda a: 1e9 * a),
        ("level0.subshape0.displacements", lambda a: 0 * a),
        ("level0.subshape0.displacements", lambda a: 1e20 * a.astype(np.float32)),
        ("pose.mean", lambda a: 1e9 + a),
        ("pose.features", lambda a: a[:0]),
        ("subshape0", lambda a: a + 9),
        ("covariance", lambda a: -a),
    ],
)
def test_numbers_that_no_training_gives_are_refused_before_they_are_used(trained, tmp_path, name, change):
    header, tensors = read_model_file(trained[1])
    path = tmp_path / "absurd.safetensors"
    save_model(path, header, {**tensors, name: np.asarray(change(tensors[name]))})
    with pytest.raises(ModelError, match="absurd.safetensors: its tensors do not fit the method"):
        load_model(path)
