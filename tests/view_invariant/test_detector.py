"""A model trained on drawn films finds their landmarks in films of any size, contrast and side."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from drawn_discs import NAMES, drawn_film  # noqa: E402

from napari_xray_landmarks.errors import InputError  # noqa: E402
from napari_xray_landmarks.imaging import Radiograph  # noqa: E402
from napari_xray_landmarks.models import load_model, read_model_header  # noqa: E402


@pytest.fixture(scope="module")
def model(learnt):
    return load_model(learnt)


def off(model, film, points) -> np.ndarray:
    return np.linalg.norm(model.detect(film).landmarks.points - points, axis=1)


def test_it_finds_landmarks_between_pixels(model):
    errors = np.concatenate([off(model, *drawn_film(seed)) for seed in range(100, 106)])
    assert np.median(errors) < 1.2  # of discs that are 14 px wide


def test_a_landmark_beyond_the_edge_is_not_detected(model):
    found = [model.detect(drawn_film(seed, outside=True)[0]) for seed in range(200, 206)]
    beliefs = np.array([f.beliefs for f in found])
    assert np.median(beliefs[:, 0]) < 0.4 < np.median(beliefs[:, 1])
    assert [f.landmarks.detected.tolist() for f in found] == [(b >= 0.4).tolist() for b in beliefs]


def test_left_stays_left_in_a_film_seen_from_behind(model):
    film, points = drawn_film(300)
    behind = replace(film, pixels=film.pixels[:, ::-1])
    mirrored = (points * (1, -1) + (0, film.shape[1] - 1))[[1, 0, 2]]
    assert np.median(off(model, behind, mirrored)) < 2


def test_searching_the_mirrored_film_too_treats_both_sides_alike(model):
    film, _ = drawn_film(301, (96, 112))
    behind = replace(film, pixels=film.pixels[:, ::-1])
    one, other = model.detect(film), model.detect(behind)
    expected = (one.landmarks.points * (1, -1) + (0, film.shape[1] - 1))[[1, 0, 2]]
    assert other.landmarks.points == pytest.approx(expected, abs=0.3)
    assert other.beliefs == pytest.approx(one.beliefs[[1, 0, 2]], abs=0.06)


@pytest.mark.parametrize("change", [lambda p: 5000 - p, lambda p: p.astype(float) * 1e-3, lambda p: p[:, :100]],
                         ids=["inverted", "other grey values", "cut"])
def test_contrast_and_size_do_not_matter(model, change):
    film, points = drawn_film(400)
    assert np.median(off(model, replace(film, pixels=change(film.pixels.astype(np.int32))), points)) < 3


def test_finer_pixels_and_other_aspects_give_the_same_places(model):
    film, points = drawn_film(500)
    fine = Radiograph(np.kron(film.pixels, np.ones((3, 2))), (1 / 3, 0.5), "drawn")
    assert np.median(off(model, fine, (points + 0.5) * (3, 2) - 0.5)) < 5


def test_belief_maps_lie_on_the_film_and_stages_are_kept_where_asked_for(model):
    film, points = drawn_film(600)
    found = model.detect(film, model.settings(stages_shown=True))
    response = found.responses["bar"]
    peak = np.unravel_index(response.values.argmax(), response.values.shape)
    at = response.image_from_response @ [*peak, 1]
    assert np.linalg.norm(at[:2] - points[2]) < 4
    assert set(found.responses) == set(NAMES)
    assert len(found.stages) == 2 and set(found.stages[0]) == set(NAMES)
    assert np.array_equal(found.stages[-1]["bar"].values, response.values)
    assert model.detect(film).stages == ()


def test_averaged_belief_is_the_mean_of_the_stages(model):
    film, _ = drawn_film(601)
    found = model.detect(film, model.settings(stages_shown=True, averaging=True))
    mean = np.mean([stage["bar"].values for stage in found.stages], axis=0)
    assert np.allclose(found.responses["bar"].values, mean, atol=1e-6)


def test_more_belief_gives_more_confidence(model):
    beliefs = np.linspace(0.05, 0.99, 8)
    assert (np.diff(model.detector.calibration.confidence(beliefs)) > 0).all()


def test_the_threshold_decides_what_is_detected(model):
    film, _ = drawn_film(602, outside=True)
    assert model.detect(film, model.settings(threshold=0.0)).landmarks.detected.all()
    between = float(np.sort(model.detect(film).beliefs)[:2].mean())
    assert model.detect(film, model.settings(threshold=between)).landmarks.detected.tolist() == [False, True, True]


@pytest.mark.parametrize(("pixels", "problem"), [
    (np.full((200, 200), 7.0), "all pixels"), (np.where(np.eye(200), np.nan, 1.0), "NaN"),
    (np.arange(20.0 * 300).reshape(20, 300), "too small")])
def test_what_shows_nothing_is_refused(model, pixels, problem):
    with pytest.raises(InputError, match=problem):
        model.detector.detect(Radiograph(pixels))


def test_without_a_spacing_several_scales_are_tried(model):
    film, points = drawn_film(700, (237, 237))
    unknown = Radiograph(film.pixels)  # 1 mm a pixel is the field of a C-arm
    assert np.median(off(model, unknown, points)) < 3


def test_its_header_tells_what_it_is_and_how_well_it_did(learnt):
    header = read_model_header(learnt)
    assert header.method == "view-invariant" and header.landmarks == NAMES
    assert header.training["films"] + header.training["validation_films"] == 24
    assert 0 < header.metrics["recall"] <= 1 and header.metrics["mean_radial_error_mm"] < 3
