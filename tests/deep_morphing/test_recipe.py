"""From films to a model file that segments, and what it says of films that do not show the bone."""

from dataclasses import replace

import numpy as np
import pytest
from plain_femurs import plain_film

from napari_xray_landmarks.deep_morphing.segmenter import Segmenter
from napari_xray_landmarks.deep_morphing.training import splits
from napari_xray_landmarks.deep_morphing.trials import KINDS, circle_error, contour_error, trial
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.models import list_models, load_model, read_model_file
from napari_xray_landmarks.models.registry import segment
from napari_xray_landmarks.phantoms import film as phantom_film
from napari_xray_landmarks.shape.segmentation import BoneContour, HeadCircle
from napari_xray_landmarks.training.recipes import train
from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

MARKS = ("femoral-head", "greater-trochanter", "lesser-trochanter")
SMALL = {"crop": 64, "channels": 4, "levels": 2, "epochs": 1, "decay_after": 1, "batch": 4, "pixel_mm": 1.6,
         "rotations": 4, "rounds": 3}  # fmt: skip
BUNDLED = "hip-fluoroscopy"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    def films():
        for number in range(14):
            radiograph, contours, marks = plain_film(np.random.default_rng(number), size=128, pixel_mm=1.6)
            yield SourceFilm(f"f{number}", radiograph, {"": LandmarkSet(MARKS, marks)}, contours=tuple(contours),
                             subject=str(number), split="validation" if number == 13 else "train")

    return write_training_set(tmp_path_factory.mktemp("set") / "femurs", films(), about={"anatomy": "proximal femur"})


def test_a_trained_model_segments_and_is_the_same_again(dataset, tmp_path):
    header = train("deep-morphing", dataset, tmp_path / "femur.safetensors", settings=SMALL, seed=1)
    assert header.tasks == ("segment",) and header.anatomy == "proximal femur"
    assert header.extra["models"][0]["has_shaft"] and header.landmarks == tuple(header.extra["models"][0]["names"])
    _, tensors = read_model_file(tmp_path / "femur.safetensors")
    assert {t.dtype for n, t in tensors.items() if n.startswith("network/") and t.dtype.kind == "f"} == {
        np.dtype(np.float16)}
    model = load_model(tmp_path / "femur.safetensors")
    found = [model.segment(dataset.radiograph(dataset.films[0]), seed=3) for _ in range(2)]
    assert {"femur outline", "femoral-head outline"} <= set(found[0].maps)
    for one, other in zip(found[0].bones, found[1].bones, strict=True):
        assert np.array_equal(one.points_px, other.points_px) and one.confidence == other.confidence


def test_films_without_outlines_are_refused_in_one_line(tmp_path):
    films = [SourceFilm(f"f{n}", plain_film(np.random.default_rng(n), size=64, pixel_mm=3.0)[0],
                        {"": LandmarkSet(("a",), np.array([[1.0, 2.0]]))}, subject=str(n)) for n in range(3)]
    dataset = write_training_set(tmp_path / "set", films)
    assert len(splits(dataset)[1]) == 1, "without splits, a subject is put aside"
    with pytest.raises(InputError, match="no outlines called femur-left"):
        train("deep-morphing", dataset, tmp_path / "x.safetensors", settings=SMALL)


def test_trials_carry_their_truth_along():
    radiograph, contours, _ = plain_film(np.random.default_rng(0), size=256)
    for kind in KINDS:
        made = trial(radiograph, contours, kind, np.random.default_rng(4), mirrored=True)
        assert made.radiograph.shape == radiograph.shape
        if kind == "none":
            assert made.lines == {} and made.heads == {}
            continue
        assert set(made.lines) == {"femur-right"}, "a mirror shows the other side"
        line = np.round(made.lines["femur-right"]).astype(int)
        grey = np.asarray(made.radiograph.pixels, float)
        if kind == "whole":
            assert 90 < np.median(grey[tuple(line.T)]) < 130, "half way from dark to bright"
            head = made.heads["femoral-head-right"]
            larger = HeadCircle("head", tuple(head.centre), (head.radius + 2,) * 2)
            assert circle_error(larger, made) == pytest.approx(2)
    with pytest.raises(ValueError, match="sideways"):
        trial(radiograph, contours, "sideways", np.random.default_rng(0))


def test_an_outline_of_the_wrong_side_is_wrong():
    radiograph, contours, _ = plain_film(np.random.default_rng(0), size=256)
    made = trial(radiograph, contours, "whole", np.random.default_rng(4), mirrored=False)
    points = made.lines["femur-left"][::40]
    for name, right in (("femur-left", True), ("femur-right", False)):
        contour = replace(contours[0], points=points, name=name)
        drawn = np.ones(len(points), bool)
        drawn[-1] = False
        found = BoneContour(contour, tuple(map(str, range(len(points)))), np.zeros_like(points), name, drawn=drawn)
        assert (contour_error(found, made) < 1.0) == right


@pytest.fixture(scope="module")
def bundled():
    if BUNDLED not in [h.name for h in list_models("segment")]:
        pytest.skip(f"the model {BUNDLED} is not bundled")
    return load_model(BUNDLED)


def test_the_bundled_model_outlines_an_unseen_femur_however_it_lies(bundled):
    made = phantom_film("proximal-femur", 1001, implant=False)
    upright = segment(made.radiograph, bundled)
    bone, head = upright.bones[0], upright.circles[0]
    assert bone.found and bone.bone == "femur-left" and bone.confidence > 0.5
    truth = made.landmarks["head-centre"]
    assert np.hypot(*(np.array(head.centre_px) - truth)) < 6
    turned = replace(made.radiograph, pixels=np.rot90(made.radiograph.pixels).copy(), detector_spacing_mm=None)
    again = segment(turned, bundled)
    moved = np.column_stack([made.radiograph.shape[1] - 1 - bone.points_px[:, 1], bone.points_px[:, 0]])
    assert again.bones[0].bone == "femur-left"
    assert np.median(np.linalg.norm(again.bones[0].points_px - moved, axis=1)) < 8


def test_the_bundled_model_finds_nothing_where_there_is_no_femur(bundled):
    assert isinstance(bundled.detector, Segmenter)
    noise = np.random.default_rng(0).normal(100, 20, (300, 300)).clip(0, 255).astype(np.uint8)
    for radiograph in (Radiograph(noise, (0.5, 0.5)), Radiograph(noise)):
        assert not segment(radiograph, bundled).found
