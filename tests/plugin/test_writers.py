"""Through npe2, as napari calls them: `layer.save`, then opened again."""

import json
import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes
from scipy.spatial.transform import Rotation

from napari_xray_landmarks import io
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.io import tables
from napari_xray_landmarks.landmarks import Contour, LandmarkSet
from napari_xray_landmarks.plugin import PLUGIN, convert

MARKS = LandmarkSet(("head", "neck, left"), [[1, 2.5], [3, 4]], [0.9, np.nan], [True, False])
pytestmark = pytest.mark.usefixtures("only_our_plugin")


def live(layer_data) -> Layer:
    return Layer.create(*layer_data)


def opened(path) -> list:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ViewerModel().open(path, plugin=PLUGIN)


def saved(layer, path):
    assert layer.save(str(path), plugin=PLUGIN) == [str(path)]
    return path


@pytest.mark.parametrize("ending", [".mrk.json", ".csv", ".fcsv"])
@pytest.mark.parametrize("spacing", [None, (0.2, 0.5)])
def test_landmarks_of_a_film_come_back(tmp_path, ending, spacing):
    layer = live(convert.landmarks_layer(MARKS, "film · landmarks", spacing_mm=spacing))
    (again,) = opened(saved(layer, tmp_path / f"l{ending}"))
    assert list(again.features["name"]) == list(MARKS.names)
    assert np.array_equal(again.features["confidence"], MARKS.confidence, equal_nan=True)
    assert list(again.features["detected"]) == [True, False]
    for before, after in zip(layer.data, again.data, strict=True):
        assert np.allclose(again.data_to_world(after), layer.data_to_world(before), atol=1e-12)
    assert again.units == layer.units


def test_the_table_has_pixels_and_mm_and_the_images_name(tmp_path):
    layer = live(convert.landmarks_layer(MARKS, "l", spacing_mm=(0.2, 0.5), notes={"image": "hip.dcm"}))
    lines = saved(layer, tmp_path / "l.csv").read_text().splitlines()
    assert lines[1] == "hip.dcm,head,1.0,2.5,0.2,1.25,0.9,true"


@pytest.fixture
def detected_films():
    """A window with the landmarks of two films."""
    viewer = ViewerModel()
    for number, image in enumerate(["a.dcm", "b.dcm"]):
        marks = LandmarkSet(("tip",), [[1.0 + number, 2.5]])
        viewer.add_layer(live(convert.landmarks_layer(marks, image, spacing_mm=(0.2, 0.5), notes={"image": image})))
    return viewer


def test_landmarks_of_several_films_become_one_table(tmp_path, detected_films):
    table = tmp_path / "all.csv"
    assert detected_films.layers.save(str(table), plugin=PLUGIN) == [str(table)]
    again = io.read_detections(table)
    assert {name: one.landmarks.points.tolist() for name, one in again.items()} == {
        "a.dcm": [[1.0, 2.5]], "b.dcm": [[2.0, 2.5]]}
    assert again["a.dcm"].spacing_mm == pytest.approx((0.2, 0.5))


def test_two_layers_of_one_film_do_not_go_into_a_table(tmp_path, detected_films):
    detected_films.layers[1].metadata[convert.KEY]["image"] = "a.dcm"
    with pytest.raises(OSError, match="two of the layers belong to 'a.dcm'"):
        detected_films.layers.save(str(tmp_path / "all.csv"), plugin=PLUGIN)
    assert not list(tmp_path.iterdir())


def test_outlines_of_several_films_become_one_table(tmp_path):
    viewer, triangle = ViewerModel(), [[1.0, 1], [1, 5], [4, 2]]
    for image in ("a.dcm", "b.dcm"):
        layer = convert.contours_layer([Contour(np.array(triangle), "femur")], image, notes={"image": image})
        viewer.add_layer(live(layer))
    viewer.layers.save(str(tmp_path / "all.csv"), plugin=PLUGIN)
    again = tables.read_contours(tmp_path / "all.csv")
    assert {name: one.points.tolist() for name, (one,) in again.items()} == dict.fromkeys(("a.dcm", "b.dcm"), triangle)


def test_a_film_and_its_points_lie_together_in_slicer(tmp_path):
    """Physical points of the exported film, by SimpleITK, are the exported markups."""
    film = live(convert.image_layer(Radiograph(np.zeros((9, 7), np.uint8), (0.3, 0.7), "x")))
    points = live(convert.landmarks_layer(MARKS, "l", spacing_mm=(0.3, 0.7)))
    for layer in (film, points):
        layer.translate, layer.rotate = (11, -5), 25
    image = sitk.ReadImage(str(saved(film, tmp_path / "film.mha")))
    marks = json.loads(saved(points, tmp_path / "l.mrk.json").read_text())["markups"][0]
    for point, entry in zip(MARKS.points, marks["controlPoints"], strict=True):
        physical = image.TransformContinuousIndexToPhysicalPoint(point[::-1].tolist())
        assert np.allclose(entry["position"], [*physical, 0])


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_point_on_a_voxel_lies_on_that_voxel_in_slicer(tmp_path, seed):
    """Oblique and flipped volumes, opened from a file, with a point drawn in napari's world and exported."""
    rng = np.random.default_rng(seed)
    image = sitk.GetImageFromArray(rng.integers(0, 99, (4, 5, 6)).astype(np.int16))
    image.SetDirection((Rotation.random(random_state=rng).as_matrix() @ np.diag(rng.choice([-1, 1], 3))).ravel())
    image.SetSpacing(rng.uniform(0.3, 4, 3))
    image.SetOrigin(rng.uniform(-300, 300, 3))
    sitk.WriteImage(image, str(tmp_path / "v.nrrd"))
    (volume,) = opened(tmp_path / "v.nrrd")
    at = rng.integers(0, volume.data.shape)
    drawn = Points([volume.data_to_world(at)], units=volume.units)
    entry = json.loads(saved(drawn, tmp_path / "p.mrk.json").read_text())["markups"][0]
    lps = entry["controlPoints"][0]["position"]
    index = image.TransformPhysicalPointToIndex(lps)
    assert image[index] == volume.data[tuple(at)]
    assert np.allclose(image.TransformIndexToPhysicalPoint(index), lps, atol=1e-6)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("kind", [Image, Labels])
@pytest.mark.parametrize("coronal", [False, True])
def test_volumes_come_back_exactly(tmp_path, ending, kind, coronal):
    rng = np.random.default_rng(0)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [5, -12, 3], degrees=True).as_matrix() * [3, 0.5, 0.75]
    matrix[:3, 3] = 12.25, -200.5, 31
    if coronal:
        matrix = matrix[[1, 0, 2, 3]]
    name = "bone_labels" if kind is Labels else "ct"
    volume = Volume(rng.integers(0, 9, (3, 4, 5)).astype(np.int16), matrix, name)
    io.write_volume(tmp_path / f"{name}.mha", volume)
    (layer,) = opened(tmp_path / f"{name}.mha")
    assert type(layer) is kind
    found = io.load_image(saved(layer, tmp_path / f"back{ending}"))
    assert np.array_equal(found.voxels, volume.voxels) and found.voxels.dtype == np.int16
    assert np.allclose(found.world_from_voxel, matrix, atol=1e-4 if ending == ".nii.gz" else 1e-9)


def test_a_volume_is_written_where_the_user_left_it(tmp_path):
    layer = live(convert.image_layer(Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4))))
    layer.translate = (7, 8, 9)
    found = io.load_image(saved(layer, tmp_path / "v.mha"))
    assert np.allclose(found.world_from_voxel[:3, 3], (7, 8, 9))


@pytest.mark.parametrize("ending", [".mrk.json", ".csv"])
def test_shapes_come_back(tmp_path, ending):
    layer = Shapes([np.array([[0, 1], [2, 3.5], [4, 0.5]]), np.array([[5, 5], [6, 7]])],
                   shape_type=["polygon", "path"], features={"name": ["femur", "axis"]}, scale=(0.2, 0.25),
                   units=("mm", "mm"))
    (again,) = opened(saved(layer, tmp_path / f"c{ending}"))
    assert list(again.shape_type) == ["polygon", "path"] and list(again.features["name"]) == ["femur", "axis"]
    for before, after in zip(layer.data, again.data, strict=True):
        assert np.allclose([again.data_to_world(p) for p in after], [layer.data_to_world(p) for p in before])
    if ending == ".mrk.json":
        kinds = [m["type"] for m in json.loads((tmp_path / "c.mrk.json").read_text())["markups"]]
        assert kinds == ["ClosedCurve", "Curve"]


def test_circles_keep_their_centre_and_radius(tmp_path):
    """In the world: a circle in pixels that are not square is an ellipse in mm."""
    box = np.array([[10, 20], [10, 40], [30, 40], [30, 20]])
    features = {"name": ["head", "cup"], "found": [True, False], "confidence": [0.75, np.nan]}
    layer = Shapes([box, box + 5], shape_type="ellipse", features=features, scale=(0.5, 0.5), translate=(1, 2),
                   rotate=90, units=("mm", "mm"))
    entries = json.loads(saved(layer, tmp_path / "c.mrk.json").read_text())["markups"]
    assert [m["type"] for m in entries] == ["ClosedCurve", "ClosedCurve", "Fiducial"]
    head, cup = entries[2]["controlPoints"]
    column, row, _ = head["position"]
    assert head["label"] == "head" and (row, column) == pytest.approx(layer.data_to_world((20, 30)))
    assert head["description"] == "confidence=0.75; radius=5 mm" and cup["description"] == "not detected; radius=5 mm"
    layer.scale, layer.features = (0.5, 0.25), {"name": ["head", "head"], "confidence": [0.75, 0.5]}
    (*_, points) = json.loads(saved(layer, tmp_path / "e.mrk.json").read_text())["markups"]
    assert [p["label"] for p in points["controlPoints"]] == ["head-1", "head-2"]
    assert points["controlPoints"][0]["description"].startswith("confidence=0.75; radius=3.53553 mm; semi-axes=5 x 2.5")


@pytest.mark.parametrize(("layer", "name", "problem"), [
    (Points(np.zeros((2, 2)), features={"name": ["a", "a"]}, name="mine"), "l.csv", "mine: .*twice: a"),
    (Points(np.zeros((2, 3)), name="deep"), "l.csv", "deep: holds 3D points"),
    (Image(np.zeros((4, 4, 3)), rgb=True, name="photo"), "i.mha", "photo: is a colour"),
    (Image(np.zeros((2, 2, 2, 2)), name="film"), "i.nii.gz", "film: is 4D"),
    (Image(np.zeros((2, 2, 2)), shear=[1, 0, 0], name="skew"), "i.nii.gz", "not at right angles"),
])
def test_what_cannot_be_written_is_one_line_and_leaves_no_file(tmp_path, layer, name, problem):
    with pytest.raises(OSError, match=problem) as caught:
        layer.save(str(tmp_path / name), plugin=PLUGIN)
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_a_read_only_target_stays_as_it_was(tmp_path):
    target = tmp_path / "l.mrk.json"
    target.write_text("old")
    target.chmod(0o444)
    with pytest.raises(OSError, match="is read-only"):
        live(convert.landmarks_layer(MARKS, "l")).save(str(target), plugin=PLUGIN)
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_results_table_follows_the_image_that_the_viewer_shows(tmp_path, monkeypatch):
    """Landmarks and film turned together keep their pixels; landmarks moved alone are where they are on the film."""
    viewer = ViewerModel()
    film = viewer.add_layer(live(convert.image_layer(Radiograph(np.zeros((9, 7), np.uint8), (0.5, 0.5), "x"))))
    notes = {"source": "film", "source_id": str(film.unique_id)}
    points = viewer.add_layer(live(convert.landmarks_layer(MARKS, "l", spacing_mm=(0.5, 0.5), notes=notes)))
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    for layer in (film, points):
        layer.rotate, layer.translate = 30, (4, 5)
    found = io.read_detections(saved(points, tmp_path / "together.csv"))["film"]
    assert np.allclose(found.landmarks.points, MARKS.points) and np.allclose(found.spacing_mm, 0.5)
    film.rotate, film.translate, points.rotate, points.translate = 0, (0, 0), 0, (1, 2)
    found = io.read_detections(saved(points, tmp_path / "alone.csv"))["film"]
    assert np.allclose(found.landmarks.points, MARKS.points + [2, 4])
    monkeypatch.setattr("napari.current_viewer", lambda: None)
    found = io.read_detections(saved(points, tmp_path / "no_viewer.csv"))["film"]
    assert np.allclose(found.landmarks.points, MARKS.points)
