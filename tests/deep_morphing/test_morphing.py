"""Shapes and circles found in maps of outlines that are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_xray_landmarks.deep_morphing.evidence import (
    BONE_EVIDENCE,
    HEAD_EVIDENCE,
    Calibration,
    along,
    explained,
    in_image,
)
from napari_xray_landmarks.deep_morphing.films import BONE, HEAD
from napari_xray_landmarks.deep_morphing.heads import find_heads
from napari_xray_landmarks.deep_morphing.maps import Maps
from napari_xray_landmarks.deep_morphing.morphing import morph, normals, observe
from napari_xray_landmarks.deep_morphing.segmenter import Segmenter, erased, evidence_of_head
from napari_xray_landmarks.deep_morphing.settings import AS_PUBLISHED, CIRCLES, DeepMorphingSettings
from napari_xray_landmarks.deep_morphing.starts import about_head, by_drift
from napari_xray_landmarks.geometry.similarity import apply

SIZE = (240, 260)
SETTINGS = DeepMorphingSettings()


def band(points, size=SIZE):
    """The map of an outline that is known: a ridge of standard deviation 1.25 px."""
    pixels = np.argwhere(np.ones(size, bool))
    away, _ = cKDTree(points).query(pixels, distance_upper_bound=8)
    return np.exp(-0.5 * (away / 1.25) ** 2).reshape(size).astype(np.float32)


def dense(points, step=0.25):
    parts = [a + np.arange(0, 1, step / max(np.hypot(*(b - a)), step))[:, None] * (b - a)
             for a, b in zip(points[:-1], points[1:], strict=True)]
    return np.concatenate(parts)


def pose(angle_deg, mirrored=False, scale=1.1, shift=(120.0, 130.0)):
    turn = np.deg2rad(angle_deg)
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix[:2, :2] = matrix[:2, :2] * (1.0, -1.0 if mirrored else 1.0)
    matrix[:2, 2] = shift
    return matrix


def circle(centre, radius, start=0.0, end=360.0):
    turn = np.deg2rad(np.linspace(start, end, 600))
    return np.asarray(centre) + radius * np.column_stack([np.cos(turn), np.sin(turn)])


def maps_of_shape(model, matrix, coefficients):
    """What a perfect network would show of a shape and its head."""
    points = apply(matrix, model.shapes.shape(coefficients))
    head = points[model.head]
    from napari_xray_landmarks.shape import conics

    ball = conics.fit(head)
    confidence = {BONE: band(dense(points)), HEAD: band(circle(ball.centre, ball.radius))}
    return Maps(confidence, np.ones(SIZE, bool), np.eye(3), 0.9), points


def rms(found, line):
    return float(np.sqrt((cKDTree(line).query(dense(found))[0] ** 2).mean()))


def test_a_vertex_sees_the_ridge_along_its_normal_to_a_part_of_a_pixel():
    line = np.column_stack([np.linspace(40, 200, 30), np.full(30, 100.0)])
    ridge = band(dense(line + [0.0, 3.3]))
    observed, height = observe(line, ridge, 10.0)
    assert observed[3:-3] == pytest.approx(line[3:-3] + [0.0, 3.3], abs=0.1)
    assert height[3:-3].min() > 0.85
    assert observe(line, np.zeros(SIZE, np.float32), 10.0)[1].max() == 0
    assert np.abs(normals(line) @ [1.0, 0.0]).max() < 1e-9


@pytest.mark.parametrize("constraint", ["map", "clip"])
def test_a_shape_is_morphed_onto_its_outline(models, constraint):
    model, rng = models[0], np.random.default_rng(2)
    truth = pose(70.0, mirrored=True)
    coefficients = 1.2 * model.shapes.deviations * np.sign(rng.standard_normal(len(model.shapes.variances)))
    coefficients[3:] *= 0.3
    points = apply(truth, model.shapes.shape(coefficients))
    confidence = band(dense(points))
    start = pose(74.0, mirrored=True, scale=1.14, shift=(122.0, 127.0))
    settings = replace(SETTINGS, constraint=constraint)
    found = morph(model, start, confidence, settings)
    assert rms(found.points_px, dense(points, 0.05)) < 0.6 < rms(apply(start, model.shapes.mean), dense(points))
    assert np.abs(found.deviations).max() <= settings.deviations + 1e-9
    assert np.linalg.norm(found.points_px - points, axis=1).mean() < 2.5, "vertices keep their meaning"


def test_a_hidden_part_follows_from_the_rest(models):
    model = models[0]
    points = apply(pose(0.0), model.shapes.mean)
    confidence = band(dense(points))
    confidence[:, int(np.median(points[:, 1])):][: int(points[:, 0].mean())] = 0
    found = morph(model, pose(2.0, shift=(121.0, 131.0)), confidence, SETTINGS)
    assert rms(found.points_px, dense(points, 0.05)) < 1.5


@pytest.mark.parametrize("angle", range(0, 360, 45))
@pytest.mark.parametrize("mirrored", [False, True])
def test_starts_find_any_rotation_and_the_side(models, angle, mirrored):
    maps, points = maps_of_shape(models[0], pose(angle, mirrored), np.zeros(1))
    head = find_heads(maps.confidence[HEAD], maps.inside, "taubin", 0.9, 1, np.random.default_rng(0))[0]
    for starts in (about_head(models, maps.confidence[BONE], maps.inside, head.centre, head.radius),
                   by_drift(models[:1], maps.confidence[BONE], maps.inside, 36)):
        assert starts[0].mirrored == mirrored
        whole = next(s for s in starts if s.model is models[0])
        assert np.linalg.norm(apply(whole.pose, models[0].shapes.mean) - points, axis=1).mean() < 6


@pytest.mark.parametrize("kind", CIRCLES)
def test_circles_of_all_kinds_are_exact_where_the_map_is(kind):
    confidence = band(circle((100.3, 120.8), 31.4))
    head = find_heads(confidence, np.ones(SIZE, bool), kind, 0.8, 1, np.random.default_rng(0))[0]
    assert [*head.centre, head.radius] == pytest.approx([100.3, 120.8, 31.4], abs=0.2)
    assert head.coverage > 0.98 and head.pixels > 300


def test_stray_pixels_and_a_second_head_do_not_pull_a_circle():
    rng = np.random.default_rng(1)
    confidence = np.maximum(band(circle((90, 80), 30, 0, 200)), band(circle((150, 190), 28)))
    confidence[tuple(rng.integers(0, 240, (2, 150)))] = 0.9
    heads = find_heads(confidence, np.ones(SIZE, bool), "taubin", 0.8, 2, rng)
    assert [*heads[0].centre, heads[0].radius] == pytest.approx([150, 190, 28], abs=0.4), "the whole one comes first"
    assert [*heads[1].centre, heads[1].radius] == pytest.approx([90, 80, 30], abs=1.0)
    plain = find_heads(confidence, np.ones(SIZE, bool), "algebraic", 0.8, 1, rng)[0]
    assert np.hypot(*(plain.centre - heads[0].centre)) > 10, "as published, all pixels make one circle"


def test_there_is_no_head_where_nothing_is_round_or_of_its_size():
    inside, rng = np.ones(SIZE, bool), np.random.default_rng(0)
    assert find_heads(np.zeros(SIZE, np.float32), inside, "taubin", 0.8, 2, rng) == []
    assert find_heads(band(circle((120, 120), 90)), inside, "taubin", 0.8, 2, rng) == []
    line = band(dense(np.array([[20.0, 20.0], [200.0, 220.0]])))
    assert all(h.coverage < 0.3 for h in find_heads(line, inside, "taubin", 0.8, 1, rng))


@pytest.mark.parametrize(("arcs", "gap"), [([(0, 360)], 0.0), ([(0, 180)], 0.5), ([(0, 90), (180, 270)], 0.25)])
def test_the_widest_gap_tells_a_cut_circle_from_one_with_holes(arcs, gap):
    confidence = np.max([band(circle((100.3, 120.8), 31.4, *arc)) for arc in arcs], axis=0)
    head = find_heads(confidence, np.ones(SIZE, bool), "taubin", 0.8, 1, np.random.default_rng(0))[0]
    assert head.gap == pytest.approx(gap, abs=0.05)


@pytest.fixture(scope="module")
def segmenter(models):
    sure = Calibration.constant(BONE_EVIDENCE, 0.9), Calibration.constant(HEAD_EVIDENCE, 0.9)
    return Segmenter(None, models, *sure)


@pytest.mark.parametrize("settings", [SETTINGS, AS_PUBLISHED], ids=["best", "as published"])
def test_the_search_tells_side_and_shaft_and_fits(segmenter, models, settings):
    maps, points = maps_of_shape(models[0], pose(200.0, mirrored=True), 0.8 * models[0].shapes.deviations[:2])
    heads, bones = segmenter.search(maps, settings)
    found = segmenter.segmentation(maps, heads, bones, settings)
    bone, head = found.bones[0], found.circles[0]
    assert bone.bone == "femur-right" and bone.view == "ap" and len(bone.names) == len(models[0].shapes.names)
    assert rms(bone.points_px, dense(points, 0.05)) < 0.8
    assert head.name == "femoral-head-right" and head.found
    assert bones[0].evidence["ahead"] > 20 and bones[0].evidence["head_apart"] < 0.1
    assert not bone.drawn[-1] and bone.drawn[:-1].all(), "the cut through the shaft is no bone"


def test_an_outline_vouches_for_its_own_head_alone(segmenter, models):
    maps, _ = maps_of_shape(models[0], pose(30.0), np.zeros(1))
    (head, *_), bones = segmenter.search(maps, SETTINGS)
    own = evidence_of_head(head, bones, maps.pixel_mm)
    assert own["bone"] == pytest.approx(0.9) and own["apart"] < 0.1
    for other, found in ((head, []), (replace(head, centre=head.centre + 3 * head.radius), bones)):
        assert evidence_of_head(other, found, maps.pixel_mm)["apart"] == 1.0
    assert evidence_of_head(head, [], maps.pixel_mm)["bone"] == 0.0


def test_without_its_shaft_the_shorter_model_wins(segmenter, models):
    maps, points = maps_of_shape(models[1], pose(30.0), np.zeros(1))
    bone = segmenter.search(maps, SETTINGS)[1][0]
    assert bone.model is models[1] and bone.side == "left"


def test_two_femurs_are_found_one_after_the_other(segmenter, models):
    size = 1.0
    left, _ = maps_of_shape(models[1], pose(0.0, scale=size, shift=(120.0, 190.0)), np.zeros(1))
    right, _ = maps_of_shape(models[1], pose(0.0, True, scale=size, shift=(120.0, 70.0)), np.zeros(1))
    both = Maps({k: np.maximum(left.confidence[k], right.confidence[k]) for k in (BONE, HEAD)}, left.inside, np.eye(3),
                1.0)
    settings = replace(SETTINGS, bones=2)
    heads, bones = segmenter.search(both, settings)
    found = segmenter.segmentation(both, heads, bones, settings)
    assert {b.bone for b in found.bones} == {"femur-left", "femur-right"}
    assert {c.name for c in found.circles} == {"femoral-head-left", "femoral-head-right"}


def test_too_few_pixels_are_no_head_and_it_is_said(segmenter, models):
    maps, _ = maps_of_shape(models[0], pose(0.0), np.zeros(1))
    confidence = maps.confidence[HEAD].copy()
    confidence[:, int(np.argmax(confidence.max(0) > 0.5)) + 5:] = 0
    few = replace(maps, confidence={BONE: maps.confidence[BONE], HEAD: confidence})
    heads, bones = segmenter.search(few, SETTINGS)
    circles = segmenter.segmentation(few, heads, bones, SETTINGS).circles
    assert not any(c.found for c in circles)
    assert all(c.confidence < SETTINGS.threshold and "100 are needed" in c.reason for c in circles)


def test_an_empty_map_gives_nothing(segmenter):
    empty = Maps(dict.fromkeys((BONE, HEAD), np.zeros(SIZE, np.float32)), np.ones(SIZE, bool), np.eye(3), 0.8)
    found = segmenter.segmentation(empty, *segmenter.search(empty, SETTINGS), SETTINGS)
    assert not found.found and found.bones == () and found.circles == ()


def test_evidence_speaks_of_what_the_map_shows(models):
    points = apply(pose(10.0), models[0].shapes.mean)
    confidence, inside = band(dense(points)), np.ones(SIZE, bool)
    values, seen, share = along(points, confidence, inside)
    assert values.min() > 0.8 and seen.all() and share[-1] == 1
    assert explained(points, confidence) > 0.95
    beside = np.maximum(confidence, band(dense(points + [0.0, 8.0])))
    assert explained(points, beside) < 0.75
    assert erased(confidence, points).max() < 0.1


def test_a_shape_in_the_film_is_that_of_the_map_moved(models):
    found = morph(models[0], pose(0.0), band(dense(apply(pose(0.0), models[0].shapes.mean))), SETTINGS)
    image_from_map = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5], [0, 0, 1]])
    moved = in_image(found, image_from_map)
    assert moved.points_px == pytest.approx(apply(image_from_map, found.points_px))
    assert moved.rms_px == pytest.approx(2 * found.rms_px)


def test_confidence_is_the_share_that_is_right():
    rng = np.random.default_rng(0)
    evidence = [{"good": x, "noise": n} for x, n in rng.standard_normal((4000, 2))]
    right = rng.random(4000) < 1 / (1 + np.exp(-2 * np.array([e["good"] for e in evidence])))
    made = Calibration.fit(("good", "noise"), evidence, right)
    again = Calibration.from_tensors(("good", "noise"), made.to_tensors("x/"), "x/")
    probability = np.array([again.probability(e) for e in evidence])
    for low in (0.0, 0.25, 0.5, 0.75):
        own = (probability >= low) & (probability < low + 0.25)
        assert right[own].mean() == pytest.approx(probability[own].mean(), abs=0.05)
    assert Calibration.fit(("good", "noise"), evidence, np.zeros(4000)).probability(evidence[0]) < 0.001
    with pytest.raises(ValueError, match="other sizes"):
        Calibration.from_tensors(("good",), made.to_tensors("x/"), "x/")


@pytest.mark.parametrize("wrong", [{"circle": "round"}, {"deviations": 0.0}, {"rounds": 2.5}, {"bones": 3}])
def test_settings_that_will_not_do_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DeepMorphingSettings(**wrong)
