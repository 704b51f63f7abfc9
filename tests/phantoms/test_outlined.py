import pytest

from napari_xray_landmarks.phantoms import SCHEMAS
from napari_xray_landmarks.phantoms.outlined import outlined


@pytest.mark.parametrize("name", [n for n in SCHEMAS if outlined(n)])
def test_outlines_run_over_the_landmarks_in_order(name):
    about, names = outlined(name), SCHEMAS[name].names
    rounds = [n for contour in about["contours"] for n in contour["landmarks"]]
    assert rounds == [n for n in names if n != "head-centre"]
    for contour in about["contours"]:
        own = contour["landmarks"]
        assert all([a, b] == [own[-1], own[0]] for a, b in contour["open_edges"])
    for circle in about.get("circles", ()):
        assert circle["centre"] in names and len(circle["rim"]) > 4
        assert all(n.startswith("head-") for n in circle["rim"])


def test_a_cut_shaft_is_not_bone_and_scattered_landmarks_make_no_outline():
    (femur,) = outlined("proximal-femur")["contours"]
    assert femur["open_edges"] == [["shaft-lateral", "shaft-medial"]]
    assert outlined("pelvis") == outlined("spine") == {}
