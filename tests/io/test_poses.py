"""Pose files: round trip, what a covariance means in LPS, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.pose import Pose
from napari_xray_landmarks.io.geometry import load_arm, load_geometry
from napari_xray_landmarks.io.poses import load_pose, pose_document, save_pose

finite = st.floats(-1e3, 1e3)
arms = st.builds(CArm, st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179), st.floats(400, 1500),
                 st.floats(500, 2000), st.tuples(st.floats(0.1, 2), st.floats(0.1, 2)),
                 st.tuples(st.integers(1, 4000), st.integers(1, 4000)), st.tuples(*[st.floats(-300, 300)] * 3),
                 st.tuples(st.floats(-50, 400), st.floats(-50, 400)))
covariances = st.none() | st.lists(finite, min_size=36, max_size=36).map(
    lambda values: np.reshape(values, (6, 6)) @ np.reshape(values, (6, 6)).T)
poses = st.builds(Pose, arms, st.floats(0, 1e3), st.lists(st.text(), unique=True).map(tuple), covariances,
                  st.none() | finite, st.dictionaries(st.text(), st.text() | finite | st.none()))

ARM = CArm(30, -20, 10, 700, 1100, (0.5, 0.7), (300, 400), (5, -6, 7), (140, 210))
POSE = Pose(ARM, 1.5, ("a", "b"), np.diag([1, 2, 3, 4, 5, 6.0]), None, {"method": "landmarks"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(poses)
def test_a_pose_comes_back_exactly(tmp_path, pose):
    save_pose(tmp_path / "pose.json", pose)
    again = load_pose(tmp_path / "pose.json")
    assert again.arm == pose.arm
    for key in ("residual_px", "used_landmarks", "similarity", "provenance"):
        assert getattr(again, key) == getattr(pose, key), key
    assert (again.covariance is None) == (pose.covariance is None)
    if pose.covariance is not None:
        np.testing.assert_array_equal(again.covariance, pose.covariance)


def test_a_pose_is_a_geometry_too(tmp_path):
    save_pose(tmp_path / "pose.json", POSE)
    points = np.array([[10.0, -20, 30], [0, 0, 0]])
    np.testing.assert_allclose(load_geometry(tmp_path / "pose.json").project(points), ARM.camera().project(points))
    assert load_arm(tmp_path / "pose.json").lao_deg == pytest.approx(30)


def test_the_covariance_is_that_of_motions_in_lps():
    rng = np.random.default_rng(0)
    motions = rng.normal(size=(400, 6)) @ rng.normal(0, [[0.01, 0.02, 0.03, 1, 2, 3]] * 6)
    document = pose_document(Pose(ARM, 1.0, (), np.cov(motions.T)))
    turns = Rotation.from_rotvec(motions[:, :3]).as_matrix()[:, ::-1, ::-1]  # the same turns of LPS points
    lps = np.hstack([Rotation.from_matrix(turns).as_rotvec(), motions[:, 5:2:-1]])
    np.testing.assert_allclose(document["covariance"], np.cov(lps.T), atol=1e-12)


def test_a_pose_registered_without_landmarks_needs_no_residual(tmp_path):
    save_pose(tmp_path / "pose.json", Pose(ARM, None, similarity=0.8))
    assert load_pose(tmp_path / "pose.json").residual_px is None
    with pytest.raises(ValueError, match="residual_px"):
        Pose(ARM, None)


@pytest.mark.parametrize(("change", "part"), [
    ({"residual_px": -1}, "-1"),
    ({"residual_px": "small"}, "small"),
    ({"residual_px": None}, "residual_px"),
    ({"used_landmarks": "a"}, "used_landmarks"),
    ({"used_landmarks": ["a", "a"]}, "a"),
    ({"used_landmarks": [1]}, "[1]"),
    ({"covariance": [[1, 2], [3, 4]]}, "6 x 6"),
    ({"covariance": np.diag([1, 1, 1, 1, 1, -1.0]).tolist()}, "negative"),
    ({"covariance": (np.eye(6) + np.eye(6, k=1)).tolist()}, "symmetric"),
    ({"similarity": [1]}, "similarity"),
    ({"provenance": []}, "provenance"),
    ({"lao_deg": 31}, "detector_px_from_world"),
    ({"source_to_isocentre_mm": 710}, "detector_px_from_world"),
    ({"isocentre_mm": [7, -6, 9]}, "detector_px_from_world"),
    ({"size_px": [0, 1]}, "size_px"),
    ({"source_to_detector_mm": -1}, "-1"),
])
def test_what_makes_no_sense_is_refused(tmp_path, change, part):
    path = tmp_path / "pose.json"
    path.write_text(json.dumps(pose_document(POSE) | change))
    with pytest.raises(FileError) as caught:
        load_pose(path)
    assert part in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"residual_px": 1}'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "pose.json").write_text(text)
    with pytest.raises(FileError):
        load_pose(tmp_path / "pose.json")


def test_a_geometry_is_no_pose(tmp_path):
    document = pose_document(POSE)
    del document["residual_px"]
    (tmp_path / "pose.json").write_text(json.dumps(document))
    with pytest.raises(FileError, match="no residual_px"):
        load_pose(tmp_path / "pose.json")


def test_what_json_does_not_hold_is_refused_before_writing(tmp_path):
    with pytest.raises(FileError, match="provenance"):
        save_pose(tmp_path / "pose.json", Pose(ARM, 1.0, provenance={"when": float("nan")}))
    assert not list(tmp_path.iterdir())
