from dataclasses import replace

import numpy as np
import pytest

import figure
from napari_xray_landmarks.errors import Cancelled, InputError, ModelError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.joint_displacement.settings import names_of_group


def film(seed, **pose):
    pixels, landmarks = figure.figure(seed, **pose)
    return Radiograph(pixels, name=f"film {seed}"), landmarks.points


@pytest.fixture(scope="module")
def detections(detector):
    """Three films that the model has not seen: (found, true landmarks) each."""
    return [(detector.detect(radiograph), points) for radiograph, points in map(film, (400, 401, 402))]


def test_landmarks_are_found_from_nothing(detections):
    errors = np.array([np.linalg.norm(d.landmarks.points - points, axis=1) for d, points in detections])
    assert np.median(errors) < 3 and errors.mean() < 5  # of a shape of 60 px root mean square radius


def test_a_detection_is_whole(detector, detections):
    found, _ = detections[0]
    assert found.landmarks.names == detector.names == tuple(found.responses)
    assert found.landmarks.unit == "px" and ((found.landmarks.confidence > 0) & (found.landmarks.confidence < 1)).all()
    assert {n for s in found.subshapes for n in s.names} == set(detector.names)
    for response in found.responses.values():
        assert response.values.dtype == np.float32 and 0 <= response.values.sum() <= 1 + 1e-5


def test_a_response_image_lies_where_its_landmark_is(detections):
    found, _ = detections[0]
    for name, response in found.responses.items():
        peak = np.unravel_index(response.values.argmax(), response.values.shape)
        on_film = (response.image_from_response @ [*peak, 1])[:2]
        assert np.linalg.norm(on_film - found.landmarks[name]) < 6


def test_the_same_film_gives_the_same_landmarks(detector, detections):
    again = detector.detect(film(400)[0])
    np.testing.assert_array_equal(again.landmarks.points, detections[0][0].landmarks.points)


def test_unchanged_settings_estimate_what_was_detected(detector, detections):
    for found, _ in detections:
        seen = set()
        for subshape in found.subshapes:
            estimate = subshape.estimate(detector.settings)
            for i, name in enumerate(subshape.names):
                if name not in seen:
                    np.testing.assert_allclose(estimate.points_px[i], found.landmarks[name], atol=0.5, err_msg=name)
                    own = found.landmarks.confidence[detector.names.index(name)]
                    assert estimate.confidence[i] == pytest.approx(own, abs=0.05)
            seen |= set(subshape.names)


@pytest.mark.parametrize("method", ["forest", "nearest"])
def test_the_baselines_find_landmarks_too(detector, method):
    radiograph, points = film(400)
    found = detector.detect(radiograph, replace(detector.settings, method=method))
    assert np.median(np.linalg.norm(found.landmarks.points - points, axis=1)) < 5
    estimate = found.subshapes[0].estimate(replace(detector.settings, method=method))
    assert estimate.terms == {} and estimate.residual == 0


def test_a_corrected_landmark_stays_and_has_no_confidence(detector, detections):
    found, _ = detections[1]
    subshape = found.subshapes[0]
    placed = found.landmarks[subshape.names[1]] + [3.0, -2.0]
    estimate = subshape.estimate(detector.settings, {subshape.names[1]: tuple(placed)})
    np.testing.assert_allclose(estimate.points_px[1], placed, atol=1e-9)
    assert np.isnan(estimate.confidence[1]) and np.isfinite(estimate.confidence[[0, 2, 3]]).all()
    with pytest.raises(ValueError, match="no landmark 'elbow'"):
        subshape.estimate(detector.settings, {"elbow": (0.0, 0.0)})


def test_what_training_fixed_cannot_be_changed(detector):
    radiograph, _ = film(400)
    for name in names_of_group("training"):
        other = replace(detector.settings, **{name: getattr(detector.settings, name) + 1})
        with pytest.raises(ModelError, match=name):
            detector.detect(radiograph, other)


@pytest.mark.parametrize(("pixels", "problem"), [
    (np.where(np.eye(200) > 0, np.nan, 1.0), "NaN or infinite"),
    (np.where(np.eye(200) > 0, np.inf, 1.0), "NaN or infinite"),
    (np.full((200, 160), 12.0), "all pixels have the value 12"),
    (np.random.default_rng(0).normal(size=(12, 400)), "12 x 400 pixels are too small"),
])
def test_a_film_that_shows_nothing_is_refused_in_one_line(detector, pixels, problem):
    with pytest.raises(InputError, match=problem) as caught:
        detector.detect(Radiograph(pixels, name="thumb"))
    assert str(caught.value).startswith("thumb: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float64])
def test_grey_values_of_any_kind(detector, detections, dtype):
    pixels, _ = figure.figure(400)
    low, high = pixels.min(), pixels.max()
    scaled = ((pixels - low) / (high - low) * 250).astype(dtype)
    found = detector.detect(Radiograph(scaled, name="film"))
    np.testing.assert_allclose(found.landmarks.points, detections[0][0].landmarks.points, atol=3)


def test_progress_rises_and_cancelling_stops(detector):
    radiograph, _ = film(402)
    told = []
    detector.detect(radiograph, progress=lambda fraction, stage: told.append(fraction))
    assert told == sorted(told) and 0 <= told[0] and told[-1] <= 1

    def stop(fraction, stage):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        detector.detect(radiograph, progress=stop)
