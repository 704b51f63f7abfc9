"""Films of any size, aspect and contrast; how sure it is; and what it refuses."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")

from drawn_spines import drawn_spine  # noqa: E402

from napari_xray_landmarks.errors import InputError, ModelError  # noqa: E402
from napari_xray_landmarks.imaging import Radiograph  # noqa: E402
from napari_xray_landmarks.models import load_model  # noqa: E402
from napari_xray_landmarks.models.format import read_model_file, save_model  # noqa: E402
from napari_xray_landmarks.spine.search import jitter  # noqa: E402


@pytest.fixture(scope="module")
def model(learnt):
    return load_model(learnt)


FILM, CORNERS = drawn_spine(101)


def error(found, corners=CORNERS):
    """Median distance in px from the true corners."""
    return np.median(np.linalg.norm(found.landmarks.points.reshape(5, 4, 2) - corners, axis=-1))


@pytest.mark.parametrize("pixels", [
    FILM.pixels / 3000.0 - 0.1, (FILM.pixels // 8).astype(np.uint8), FILM.pixels.astype(np.float64) * 40 + 10_000,
], ids=["fractions", "8 bit", "large numbers"])
def test_the_grey_scale_does_not_matter(model, pixels):
    assert error(model.detect(Radiograph(pixels))) < 6


def test_neither_does_the_size(model):
    large = np.kron(FILM.pixels, np.ones((3, 3), np.uint16))
    assert error(model.detect(Radiograph(large)), 3 * CORNERS + 1) < 3 * 6


def test_a_wide_film_is_searched_whole(model):
    wide = np.pad(FILM.pixels, ((0, 0), (60, 70)), constant_values=200)
    assert error(model.detect(Radiograph(wide)), CORNERS + [0, 60]) < 8


def test_a_mirrored_film_gives_mirrored_corners(model):
    found, other = model.detect(FILM), model.detect(Radiograph(FILM.pixels[:, ::-1]))
    turned = other.landmarks.points.reshape(5, 4, 2)[:, [1, 0, 3, 2]]
    turned[..., 1] = FILM.shape[1] - 1 - turned[..., 1]
    assert turned == pytest.approx(found.landmarks.points.reshape(5, 4, 2), abs=2)


def test_several_crops_of_each_vertebra(model):
    several = model.settings(crops=5)
    found, other = model.detect(FILM, several), model.detect(Radiograph(FILM.pixels[:, ::-1]), several)
    assert error(found) < 6
    assert not np.array_equal(found.landmarks.points, model.detect(FILM).landmarks.points)
    turned = other.landmarks.points.reshape(5, 4, 2)[:, [1, 0, 3, 2]]
    turned[..., 1] = FILM.shape[1] - 1 - turned[..., 1]
    assert turned == pytest.approx(found.landmarks.points.reshape(5, 4, 2), abs=2)


def test_crops_come_in_mirrored_pairs():
    first, second, third = jitter(3)[..., 0].T
    assert (first == 0).all() and (second != 0).all()
    assert third.tolist() == (second * second.new_tensor([-1, 1, -1, 1])).tolist()
    assert jitter(4).shape == (4, 4, 1)


def test_the_same_film_gives_the_same_corners(model):
    first, second = model.detect(FILM), model.detect(FILM)
    assert np.array_equal(first.landmarks.points, second.landmarks.points)
    assert np.array_equal(first.landmarks.confidence, second.landmarks.confidence)


def confidences(model, pixels):
    """Of all corners; zeros where the film is refused because it shows no spine."""
    try:
        return model.detect(Radiograph(pixels)).landmarks.confidence
    except InputError as error:
        assert "shows no spine" in str(error)
        return np.zeros(20)


@pytest.mark.parametrize("kind", ["noise", "ramp", "box"])
def test_what_is_no_spine_has_no_confidence(model, kind):
    rows, columns = np.indices(FILM.shape)
    pixels = {"noise": np.random.default_rng(0).normal(size=FILM.shape), "ramp": rows + columns,
              "box": (abs(rows - 200) < 100) & (abs(columns - 100) < 40)}[kind]
    assert np.median(confidences(model, np.asarray(pixels, float))) < 0.1
    sure = model.detect(FILM).landmarks
    assert np.median(sure.confidence) > 0.5 and sure.detected.mean() > 0.8


def test_a_film_in_which_no_vertebra_is_found_is_refused(learnt, tmp_path):
    header, tensors = read_model_file(learnt)
    blind = dict(tensors)
    bias = np.array(blind["vertebrae.layers.2.final_conv.bias"])
    bias[0] = -50.0  # no centre is ever probable
    save_model(tmp_path / "m.safetensors", header, blind | {"vertebrae.layers.2.final_conv.bias": bias})
    with pytest.raises(InputError, match="spine 101: shows no spine: 0 vertebrae were found"):
        load_model(tmp_path / "m.safetensors").detect(FILM)


def test_a_small_spine_on_a_large_film_is_found(model):
    large = np.pad(FILM.pixels, ((300, 300), (150, 150)), constant_values=200)
    assert error(model.detect(Radiograph(large)), CORNERS + [300, 150]) < 10


def test_a_part_of_a_spine_is_found_on_a_smaller_canvas(model):
    top, bottom = int(CORNERS[1, :, 0].min()) - 8, int(CORNERS[3, :, 0].max()) + 8
    found = model.detect(Radiograph(FILM.pixels[top:bottom])).landmarks.points.reshape(5, 4, 2)
    away = np.linalg.norm(found[:, None] - (CORNERS[1:4] - [top, 0]), axis=-1).mean(-1)  # whatever it calls them
    assert (away.min(0) < 12).all()


def test_a_corners_response_is_highest_at_the_corner(model):
    found = model.detect(FILM)
    assert set(found.responses) == set(found.landmarks.names)
    for name in ("L1-top-left", "L3-bottom-right"):
        response = found.responses[name]
        peak = np.unravel_index(np.argmax(response.values), response.values.shape)
        place = (response.image_from_response @ [*peak, 1])[:2]
        assert np.linalg.norm(place - found.landmarks[name]) < 10  # a cell has 7 px
        assert response.values.sum() == pytest.approx(1.0, abs=1e-3)


def test_a_cropped_spine_keeps_its_names_and_the_rest_has_no_confidence(model):
    cut = int(CORNERS[3, :2, 0].min()) - 8
    found = model.detect(Radiograph(FILM.pixels[:cut]))
    assert found.landmarks.confidence.reshape(5, 4)[4].max() < 0.2
    assert not found.landmarks.detected.reshape(5, 4)[4].any()


@pytest.mark.parametrize(("pixels", "problem"), [
    (np.full((200, 100), 7.0), "all pixels have the value 7"),
    (np.full((200, 100), np.nan), "NaN"),
    (np.random.default_rng(0).random((300, 20)), "300 x 20 pixels are too small"),
], ids=["plain", "nan", "tiny"])
def test_what_shows_nothing_is_refused(model, pixels, problem):
    with pytest.raises(InputError, match=problem):
        model.detector.detect(Radiograph(pixels))


@pytest.mark.parametrize("damage", ["missing", "shape", "order"])
def test_a_model_file_that_does_not_fit_is_refused(learnt, tmp_path, damage):
    header, tensors = read_model_file(learnt)
    tensors = dict(tensors)
    if damage == "missing":
        del tensors["calibration"]
    elif damage == "shape":
        tensors["spacing"] = tensors["spacing"][:-1]
    else:
        names = (header.landmarks[1], header.landmarks[0], *header.landmarks[2:])
        header = type(header)(header.method, header.anatomy, names, header.settings)
    save_model(tmp_path / "m.safetensors", header, tensors)
    with pytest.raises(ModelError):
        load_model(tmp_path / "m.safetensors")


def test_the_window_takes_what_has_nothing_to_tune(learnt):
    from napari_xray_landmarks.plugin.solving import Search, detect_in

    settings = load_model(learnt).settings()
    search = Search(None, FILM, {"L2-top-left": (100.0, 50.0)})
    found, failures = detect_in([search], str(learnt), settings, lambda *_: None)
    assert not failures
    at = found[0].landmarks.names.index("L2-top-left")
    assert found[0].landmarks.points[at].tolist() == [100.0, 50.0] and np.isnan(found[0].landmarks.confidence[at])
