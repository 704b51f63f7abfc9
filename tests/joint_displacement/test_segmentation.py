from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import figure
from napari_xray_landmarks.errors import Cancelled, ModelError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.joint_displacement.composition import Composed, composed
from napari_xray_landmarks.joint_displacement.outlines import Head
from napari_xray_landmarks.joint_displacement.sampling import Pyramid
from napari_xray_landmarks.joint_displacement.segmentation import _circle

OUTLINE = ["head", "tip", "notch", "shaft-right", "knob", "foot", "shaft-left", "neck"]


def film(seed, **pose):
    pixels, landmarks = figure.figure(seed, **pose)
    return Radiograph(pixels, name=f"film {seed}"), np.array([landmarks[name] for name in OUTLINE])


@pytest.fixture(scope="module")
def found(segmenter):
    """Two films that the model has not seen: (segmentation, true vertices) each."""
    return [(segmenter.segment(radiograph), points) for radiograph, points in map(film, (400, 401))]


def test_the_outline_is_found_from_nothing(found):
    for segmentation, points in found:
        (bone,) = segmentation.bones
        assert bone.bone == "figure" and bone.view == "ap" and bone.names == tuple(OUTLINE)
        assert np.linalg.norm(bone.points_px - points, axis=1).mean() < 3  # of a radius of 60 px
        assert bone.drawn.tolist() == [True] * 4 + [False] + [True] * 3
        assert ((bone.contour.confidence >= 0) & (bone.contour.confidence <= 1)).all()


def test_a_film_that_shows_it_is_believed_and_an_inverted_one_is_not(segmenter, found):
    for (segmentation, _), seed in zip(found, (400, 401), strict=True):
        radiograph, _ = film(seed)
        wrong = segmenter.segment(Radiograph(radiograph.pixels.max() - radiograph.pixels))
        assert segmentation.bones[0].confidence > wrong.bones[0].confidence
        below = replace(segmenter.settings, certainty=1.0)
        doubted = segmenter.segment(radiograph, below).bones[0]
        assert not doubted.found and "below 1" in doubted.reason and "\n" not in doubted.reason


def test_an_outline_beyond_the_film_is_not_found(segmenter):
    radiograph, points = film(400)
    half = radiograph.pixels[:int(points[:, 0].mean())]
    bone = segmenter.segment(Radiograph(half), replace(segmenter.settings, certainty=0.0)).bones[0]
    on_film = (bone.points_px[:, 0] <= len(half) - 0.5).mean()
    assert bone.found == (on_film >= 0.75)
    assert bone.found or "would lie on the film" in bone.reason
    assert (bone.contour.confidence[bone.points_px[:, 0] > len(half)] == 0).all()


def test_the_head_is_a_circle_about_its_landmark(found):
    for segmentation, _ in found:
        (circle,) = segmentation.circles
        bone = segmentation.bones[0]
        assert circle.name == "figure-head" and circle.confidence == bone.confidence
        np.testing.assert_allclose(circle.centre_px, bone.points_px[0], atol=1e-9)
        rim = np.linalg.norm(bone.points_px[[7, 6]] - circle.centre_px, axis=1)
        assert rim.min() <= circle.radius_px <= rim.max()


def test_a_long_rim_gives_the_circle_through_it(segmenter):
    """Eight vertices on a circle whose centre's landmark is elsewhere."""
    angles = np.linspace(0, np.pi, len(segmenter.names))
    points = np.array([40.0, 50.0]) + 12 * np.column_stack([np.cos(angles), np.sin(angles)])
    shape = Composed(points, points, np.ones(len(points)), np.zeros_like(points), np.eye(3))
    search = SimpleNamespace(subshapes=[SimpleNamespace(image_from_level=np.diag([2.0, 2.0, 1.0]))])
    bone = SimpleNamespace(confidence=0.7, found=True, reason="")
    head = Head("head", 0, tuple(range(len(points))))
    circle = _circle(head, search, shape, (bone,), segmenter.outlines)
    np.testing.assert_allclose(circle.centre_px, (80, 100), atol=1e-6)
    assert circle.radius_px == pytest.approx(24) and circle.confidence == 0.7


def test_maps_hold_every_landmark(segmenter, found):
    assert set(found[0][0].maps) == set(segmenter.names)


def test_modes_and_corrections_act_on_the_fitted_shape(found):
    (bone,) = found[0][0].bones
    assert np.abs(bone.fitted.points_px - bone.points_px).max() < 4
    np.testing.assert_allclose(bone.displacement_px, bone.points_px - bone.fitted.mean_px)
    place = bone.points_px[3] + (4.0, -3.0)
    corrected = bone.with_shape(bone.fitted.refit({3: tuple(place)}))
    np.testing.assert_allclose(corrected.points_px[3], place, atol=1e-6)


def test_evidence_that_no_shape_explains_becomes_an_outlier(segmenter):
    """Two landmarks whose responses were moved away: the shape stays, and they are named."""
    radiograph, points = film(402)
    search = segmenter.search(Pyramid.of(radiograph.pixels), None, segmenter.settings)
    settings = replace(segmenter.settings, reach=12.0)
    before = composed(search, segmenter.outlines.dictionary, settings)
    moved = []
    for subshape, densities in zip(search.subshapes, search.densities, strict=True):
        moved.append([replace(d, origin_px=d.origin_px + 8) if name in ("knob", "tip") else d
                      for name, d in zip(subshape.names, densities, strict=True)])
    after = composed(replace(search, densities=tuple(moved)), segmenter.outlines.dictionary, settings)
    lengths = dict(zip(segmenter.names, np.linalg.norm(after.outliers, axis=1), strict=True))
    assert min(lengths["knob"], lengths["tip"]) > 2 * max(v for k, v in lengths.items() if k not in ("knob", "tip"))
    assert np.linalg.norm(after.points - before.points, axis=1).mean() < 4  # level px; the evidence moved by 11


def test_the_forest_segments_too(segmenter):
    radiograph, points = film(400)
    bone = segmenter.segment(radiograph, replace(segmenter.settings, method="forest")).bones[0]
    assert np.linalg.norm(bone.points_px - points, axis=1).mean() < 5


def test_a_model_without_outlines_says_so(segmenter):
    with pytest.raises(ModelError, match="landmarks only"):
        replace(segmenter, outlines=None).segment(film(400)[0])


def test_segmenting_can_be_cancelled(segmenter):
    def stop(fraction, stage):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter.segment(film(400)[0], progress=stop)
