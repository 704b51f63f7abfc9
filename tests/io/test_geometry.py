"""Geometry files: round trip, the conventions that other programs rely on, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.io.geometry import geometry_document, load_arm, load_geometry, save_geometry

arms = st.builds(CArm, st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179), st.floats(400, 1500),
                 st.floats(500, 2000), st.tuples(st.floats(0.1, 2), st.floats(0.1, 2)),
                 st.tuples(st.integers(1, 4000), st.integers(1, 4000)), st.tuples(*[st.floats(-300, 300)] * 3),
                 st.none() | st.tuples(st.floats(-50, 400), st.floats(-50, 400)))
POINTS = np.array([[10.0, -20, 30], [-60, 15, 5], [0, 0, 0], [70, 50, -80]])
OBLIQUE = CArm(30, -20, 10, 700, 1100, (0.5, 0.7), (300, 400), (5, -6, 7), (140, 210))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arms)
def test_an_arm_comes_back(tmp_path, arm):
    path = tmp_path / "view.json"
    save_geometry(path, arm)
    again = load_arm(path)
    np.testing.assert_allclose([again.lao_deg, again.cran_deg, again.roll_deg],
                               [arm.lao_deg, arm.cran_deg, arm.roll_deg], atol=1e-6)
    np.testing.assert_allclose(again.isocentre_mm, arm.isocentre_mm, atol=1e-6)
    assert again.size_px == arm.size_px
    points = POINTS + arm.isocentre_mm
    np.testing.assert_allclose(load_geometry(path).project(points), arm.camera().project(points), rtol=1e-9, atol=1e-6)


def test_the_projection_acts_on_lps_and_gives_column_and_row():
    document = geometry_document(OBLIQUE)
    lps = POINTS[:, ::-1]  # ours are (superior, posterior, left)
    projected = np.column_stack([lps, np.ones(len(lps))]) @ np.array(document["detector_px_from_world"]).T
    np.testing.assert_allclose((projected[:, :2] / projected[:, 2:])[:, ::-1], OBLIQUE.camera().project(POINTS))
    assert (projected[:, 2] > 0).all(), "positive in front of the source"


def test_the_parts_make_the_projection():
    document = {k: np.array(v) for k, v in geometry_document(OBLIQUE).items() if k != "conventions"}
    rigid, intrinsics = document["detector_from_world"], document["intrinsics"]
    np.testing.assert_allclose(rigid[:3, :3] @ rigid[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rigid[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(intrinsics @ rigid[:3] / 1100, document["detector_px_from_world"], atol=1e-9)
    np.testing.assert_allclose(intrinsics, [[1100 / 0.7, 0, 210], [0, 1100 / 0.5, 140], [0, 0, 1]])
    source = np.append(OBLIQUE.camera().source_mm[::-1], 1)
    np.testing.assert_allclose(rigid @ source, [0, 0, 0, 1], atol=1e-9)
    assert document["isocentre_mm"].tolist() == [7, -6, 5]
    assert document["size_px"].tolist() == [300, 400] and document["pixel_spacing_mm"].tolist() == [0.5, 0.7]


@pytest.mark.parametrize("scale", [2.5, -0.1])
def test_anybodys_projection_of_any_scale_is_read(tmp_path, scale):
    whole = geometry_document(OBLIQUE)
    few = {k: whole[k] for k in ("detector_px_from_world", "size_px", "source_to_detector_mm")}
    few["detector_px_from_world"] = (scale * np.array(few["detector_px_from_world"])).tolist()
    (tmp_path / "g.json").write_text(json.dumps(few))
    camera = load_geometry(tmp_path / "g.json")
    np.testing.assert_allclose(camera.project(POINTS), OBLIQUE.camera().project(POINTS))
    np.testing.assert_allclose(camera.row_step_mm, OBLIQUE.camera().row_step_mm, atol=1e-9)


@pytest.mark.parametrize(("change", "part"), [
    ({"detector_px_from_world": None}, "detector_px_from_world"),
    ({"detector_px_from_world": [[1, 2], [3, 4]]}, "3 x 4"),
    ({"size_px": [300.5, 400]}, "300.5"),
    ({"size_px": [0, 400]}, "size_px"),
    ({"source_to_detector_mm": -1100}, "-1100"),
    ({"source_to_detector_mm": "far"}, "far"),
    ({"intrinsics": np.eye(3).tolist()}, "intrinsics"),
    ({"detector_px_from_world": np.zeros((3, 4)).tolist(), "intrinsics": np.zeros((3, 3)).tolist()}, "g.json"),
])
def test_what_makes_no_sense_is_refused(tmp_path, change, part):
    (tmp_path / "g.json").write_text(json.dumps(geometry_document(OBLIQUE) | change))
    with pytest.raises(FileError) as caught:
        load_geometry(tmp_path / "g.json")
    assert part in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "not json", "[1, 2]", "{}", '{"markups": []}'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(FileError):
        load_geometry(tmp_path / "g.json")
