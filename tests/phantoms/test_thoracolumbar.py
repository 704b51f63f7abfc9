"""The spine phantom: corners on the bone and on its outline, angles as constructed, films and volumes that agree."""

import numpy as np
import pytest

from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.phantoms import SCHEMAS, film, phantom
from napari_xray_landmarks.phantoms.scoliosis import LEVELS, TYPES, Scoliosis, random_scoliosis
from napari_xray_landmarks.phantoms.thoracolumbar import LABELS, spine
from napari_xray_landmarks.phantoms.thoracolumbar_films import spine_film
from napari_xray_landmarks.phantoms.thoracolumbar_landmarks import corners_in_film, corners_in_space

SEVERE = Scoliosis((40, 90, 55), ("T2", "T5", "T12", "L4"))


@pytest.fixture(scope="module")
def bent():
    return spine(3, SEVERE)


@pytest.fixture(scope="module")
def made():
    return film("spine", 4)


@pytest.fixture(scope="module")
def volumes():
    return phantom("spine", 4, spacing_mm=3.0)


def straight_view(person) -> CArm:
    middles = np.array([v.centre_mm for v in person.vertebrae])
    return CArm(source_to_isocentre_mm=1650, source_to_detector_mm=1850, pixel_spacing_mm=(0.5, 0.5),
                size_px=(1400, 700), isocentre_mm=tuple((middles.min(0) + middles.max(0)) / 2))


def tilts_deg(corners: np.ndarray) -> np.ndarray:
    """(18, 2) of the upper and lower endplates from (72, 2) pixels; positive where the right end is the lower one."""
    left, right = corners.reshape(18, 2, 2, 2).swapaxes(0, 2)
    return np.rad2deg(np.arctan2(*np.moveaxis(right - left, -1, 0))).T


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("largest", [0, 50, 100])
def test_corners_of_a_film_show_the_cobb_angles_of_the_construction(kind, largest):
    curves = random_scoliosis(np.random.default_rng(largest), largest, kind)
    person = spine(largest + 1, curves)
    upper, lower = tilts_deg(corners_in_film(person, straight_view(person).camera())).T
    seen = upper[curves.nodes[:-1]] - lower[curves.nodes[1:]]
    np.testing.assert_allclose(seen, curves.signed_deg, atol=1.0)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("largest", [0, 100])
def test_no_vertebra_cuts_into_the_next(kind, largest):
    person = spine(largest, random_scoliosis(np.random.default_rng(7), largest, kind))
    rng = np.random.default_rng(0)
    for one, other in zip(person.vertebrae, person.vertebrae[1:], strict=False):
        (low, high), (low_other, high_other) = one.solid.bounds_mm(), other.solid.bounds_mm()
        points = rng.uniform(np.maximum(low, low_other), np.minimum(high, high_other), (6000, 3))
        assert np.maximum(one.solid.distance_mm(points), other.solid.distance_mm(points)).min() > -0.6, one.name
        assert np.maximum(one.body.distance_mm(points), other.body.distance_mm(points)).min() > 0.3, one.name


def test_corners_lie_on_the_surface_of_their_own_vertebra(bent):
    points = corners_in_space(bent)
    assert len(points) == 18 * 9
    for vertebra in bent.vertebrae:
        own = np.array([p for n, p in points.items() if n.startswith(f"{vertebra.name}-") and "centre" not in n])
        np.testing.assert_allclose(vertebra.body.distance_mm(own), 0, atol=1e-3)
        whole = np.abs(vertebra.solid.distance_mm(own))
        assert whole[:4].max() < 0.02  # those of AP films
        assert whole.max() < 0.5  # a pedicle springs from the rim at the back
        assert vertebra.body.distance_mm(points[f"{vertebra.name}-centre"][None])[0] < -4


def test_corners_are_in_the_order_of_the_aasce_data(bent):
    names = SCHEMAS["spine"].names
    assert len(names) == 72 and names[4:8] == ("T1-top-left", "T1-top-right", "T1-bottom-left", "T1-bottom-right")
    points = corners_in_space(bent)
    for vertebra in bent.vertebrae:
        up, left, front = vertebra.frame[:3, 0], vertebra.frame[:3, 2], -vertebra.frame[:3, 1]
        at = lambda n: points[f"{vertebra.name}-{n}"] - vertebra.centre_mm  # noqa: B023, E731
        assert at("top-left") @ up > 0 > at("bottom-right") @ up
        assert at("top-right") @ left > 5 and at("bottom-left") @ left < -5  # the patient's left at the film's right
        assert at("top-anterior") @ front > 0 > at("bottom-posterior") @ front


def test_the_spine_bulges_and_the_ribs_stand_out_where_the_curve_is_convex():
    for convex, way in (("right", -1), ("left", 1)):
        person = spine(5, Scoliosis((20, 70, 30), convex=convex))
        apex, ends = person.vertebra("T8").centre_mm, [person.vertebra(n).centre_mm for n in ("T5", "T12")]
        assert way * (apex - np.mean(ends, axis=0))[2] > 12
        backs = {side: person.cage.point(apex[0], 0.9, sign)[1] for side, sign in (("left", 1), ("right", -1))}
        assert backs[convex] > 8 + min(backs.values())
        process = person.vertebra("T8").place([(0, 40, 0)])[0]
        assert way * (process - apex)[2] < 0  # spinous processes turn to the hollow side


def test_the_anatomy_is_in_order(bent):
    heights = [v.centre_mm[0] for v in bent.vertebrae]
    assert (np.diff(heights) < 0).all()
    assert {b.name for b in bent.bones} == set(LABELS) and len(set(LABELS.values())) == len(LABELS)
    for number, side in ((2, "left"), (9, "right")):
        rib = next(b for b in bent.bones if b.name == f"rib-{number}-{side}")
        vertebra = bent.vertebra(f"T{number}")
        sign = 1 if side == "left" else -1
        low, high = rib.solid.bounds_mm()
        assert (high[2] if sign > 0 else -low[2]) - sign * vertebra.centre_mm[2] > 45
        reach = vertebra.place([(5, 0.8 * vertebra.size.depth + 12, sign * 0.9 * vertebra.size.transverse)])
        assert rib.solid.distance_mm(reach)[0] < 9


def test_the_same_subject_is_the_same_spine_and_another_is_not():
    one, again, other = spine(6), spine(6), spine(7)
    for a, b, c in zip(one.vertebrae, again.vertebrae, other.vertebrae, strict=True):
        np.testing.assert_array_equal(a.solid.rows, b.solid.rows)
        np.testing.assert_array_equal(a.frame, b.frame)
        assert (a.frame != c.frame).any()
    np.testing.assert_array_equal(one.tissue.vessels, again.tissue.vessels)
    assert one.scoliosis == again.scoliosis != other.scoliosis


def test_a_film_holds_its_landmarks_and_they_lie_on_the_outlines(made):
    assert made.landmarks.names == SCHEMAS["spine"].names and made.landmarks.unit == "px"
    points, shape = made.landmarks.points, np.array(made.radiograph.shape)
    assert ((points > 5) & (points < shape - 6)).all()
    assert 2.0 < shape[0] / shape[1] < 4.5
    assert [c.name for c in made.contours] == list(LEVELS)
    for contour, corners in zip(made.contours, points.reshape(18, 4, 2), strict=True):
        for corner in corners:
            assert np.linalg.norm(contour.points - corner, axis=1).min() < 1.8
    length = np.linalg.norm(np.diff(points.reshape(18, 4, 2).mean(1), axis=0), axis=1).sum()
    assert 380 < length * made.radiograph.spacing_mm[0] < 560
    assert not made.has_implant


def test_bodies_are_brighter_than_the_lungs_beside_them(made):
    grey = made.radiograph.pixels.astype(float)
    for name in ("T5", "T7", "L2"):
        first = made.landmarks.names.index(f"{name}-top-left")
        corners = made.landmarks.points[first:first + 4]
        row, column = corners.mean(0).astype(int)
        half = int(np.ptp(corners[:, 1]) / 2)
        inside = grey[row - 4:row + 5, column - half // 2:column + half // 2].mean()
        beside = grey[row - 4:row + 5, column - 3 * half:column - 2 * half].mean()
        assert inside > beside * (1.15 if name.startswith("T") else 1.02), name


def test_the_same_subject_gives_the_same_film(made):
    again = spine_film(4)
    np.testing.assert_array_equal(made.radiograph.pixels, again.radiograph.pixels)
    np.testing.assert_array_equal(made.landmarks.points, again.landmarks.points)


def test_a_lateral_film_shows_fronts_and_backs():
    side = spine_film(1, view="lateral")
    assert side.landmarks.names[:2] == ("C7-top-anterior", "C7-top-posterior")
    front, back = side.landmarks["L2-top-anterior"], side.landmarks["L2-top-posterior"]
    depth_mm = np.linalg.norm(front - back) * side.radiograph.spacing_mm[0]
    assert 24 < depth_mm < 40
    assert ((side.landmarks.points > 0) & (side.landmarks.points < np.array(side.radiograph.shape) - 1)).all()
    with pytest.raises(ValueError, match="'oblique'"):
        spine_film(1, view="oblique")


def test_the_ct_holds_bone_where_the_labels_say_and_air_in_the_lungs(volumes):
    hu, labels = volumes.volume.voxels, volumes.labels.voxels
    assert set(np.unique(labels)) <= {0, *volumes.label_names.values()}
    for name in LEVELS:
        mine = labels == volumes.label_names[name]
        assert hu[mine].mean() > 200, name
        where = volumes.labels.world_from_voxel[:3, :3] @ np.argwhere(mine).T + volumes.labels.world_from_voxel[:3, 3:]
        assert np.linalg.norm(where.mean(1) - volumes.landmarks[f"{name}-centre"]) < 20, name
    litres = ((hu < -600) & (hu > -950)).sum() * 27e-6
    assert 1.5 < litres < 7
    corners = LandmarkSet(SCHEMAS["spine"].names, [volumes.landmarks[n] for n in SCHEMAS["spine"].names], unit="mm")
    assert np.isfinite(corners.points).all()


def test_every_vertebra_is_in_one_piece(volumes):
    from scipy.ndimage import label

    for name in LEVELS:
        mine = volumes.labels.voxels == volumes.label_names[name]
        pieces = np.bincount(label(mine, np.ones((3, 3, 3)))[0].ravel())[1:]
        assert pieces.max() > 0.98 * pieces.sum(), name


def test_screws_lie_in_pedicles_and_move_no_landmark():
    plain, metal = spine(8, SEVERE), spine(8, SEVERE, implant=True)
    assert not plain.implants and {i.kind for i in metal.implants} == {"screw", "rod"}
    for one, other in zip(plain.vertebrae, metal.vertebrae, strict=True):
        np.testing.assert_array_equal(one.frame, other.frame)
    for screw in (i for i in metal.implants if i.kind == "screw"):
        tip = screw.solid.rows[0, 3:6]
        assert min(v.body.distance_mm(tip[None])[0] for v in metal.vertebrae) < 0
