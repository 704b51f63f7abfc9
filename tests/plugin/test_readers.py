"""Through npe2, as napari calls them."""

import logging
import shutil
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from napari.components import ViewerModel

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io.meshes import write_mesh
from napari_xray_landmarks.landmarks import Contour, LandmarkSet
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.plugin import PLUGIN, readers

SHIPPED = Path(pydicom.data.__file__).parent / "test_files"
MARKS = LandmarkSet(("head", "neck"), [[1, 2.5], [3, 4]], [0.9, np.nan])
pytestmark = pytest.mark.usefixtures("only_our_plugin")


def opened(path, **kwargs) -> list:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ViewerModel().open(path, plugin=PLUGIN, **kwargs)


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "SC_rgb_rle.dcm", "image_dfl.dcm"])
@pytest.mark.parametrize("alias", ["a.dcm", "a.DICOM", "a.ima", "IM000001", "A", "1.2.840.113619.2", "CT.1.3.12.2.1"])
def test_dicom_opens_under_every_name(tmp_path, name, alias):
    shutil.copy(SHIPPED / name, tmp_path / alias)
    (layer,) = opened(tmp_path / alias)
    assert layer.ndim == 2 and layer.metadata["napari_xray_landmarks"]["file"] == alias


def test_one_layer_a_series_and_a_film(tmp_path):
    shutil.copy(SHIPPED / "CT_small.dcm", tmp_path)
    shutil.copy(SHIPPED / "MR_small.dcm", tmp_path)
    shutil.copy(SHIPPED / "image_dfl.dcm", tmp_path / "film")
    layers = opened(tmp_path)
    assert [layer.ndim for layer in layers] == [3, 3, 2]
    assert [layer.name for layer in layers][1:] == [f"{tmp_path.name} · MR series 1", "film"]


def test_a_run_is_one_layer_with_a_slider():
    (layer,) = opened(SHIPPED / "examples_ybr_color.dcm")
    assert layer.data.shape == (30, 240, 320) and not layer.rgb and layer.axis_labels == ("frame", "row", "column")


def test_files_opened_as_a_stack_are_a_series(tmp_path):
    for i, name in enumerate(("MR_small.dcm", "CT_small.dcm")):
        shutil.copy(SHIPPED / name, tmp_path / f"{i}.dcm")
    layers = opened([tmp_path / "0.dcm", tmp_path / "1.dcm"], stack=True)
    assert len(layers) == 2


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".NRRD"])
def test_volumes_open_where_they_lie(tmp_path, ending):
    matrix = np.diag([3.0, 2, 1, 1])
    matrix[:3, 3] = 10, 20, 30
    io.write_volume(tmp_path / "v.mha", Volume(np.zeros((2, 3, 4), np.int16), matrix))
    io.write_volume(tmp_path / f"v{ending.lower()}", io.load_image(tmp_path / "v.mha"))
    (tmp_path / f"v{ending.lower()}").rename(tmp_path / f"V{ending}")
    (layer,) = opened(tmp_path / f"V{ending}")
    assert np.allclose(layer.data_to_world((1, 1, 1)), (13, 22, 31))
    assert [str(u) for u in layer.units] == ["millimeter"] * 3


def test_labels_open_as_labels(tmp_path):
    io.write_volume(tmp_path / "ct_labels.nii.gz", Volume(np.eye(4, dtype=np.uint8)[None].repeat(3, 0)))
    (layer,) = opened(tmp_path / "ct_labels.nii.gz")
    assert type(layer).__name__ == "Labels"


@pytest.mark.parametrize("name", ["a.mrk.json", "a.fcsv"])
def test_markups_open_as_points_in_mm(tmp_path, name):
    io.save_landmarks(tmp_path / name, MARKS, spacing_mm=(0.5, 0.2))
    (layer,) = opened(tmp_path / name)
    assert type(layer).__name__ == "Points" and layer.name == "a" and list(layer.features["name"]) == ["head", "neck"]
    assert np.allclose(layer.data_to_world(layer.data[1]), (1.5, 0.8))
    assert [str(u) for u in layer.units] == ["millimeter"] * 2


def test_points_of_a_volume_open_in_3d(tmp_path):
    io.save_landmarks(tmp_path / "a.mrk.json", LandmarkSet(("a", "b"), [[1, 2, 3], [4, 5, 6]], unit="mm"))
    (layer,) = opened(tmp_path / "a.mrk.json")
    assert np.array_equal(layer.data, [[1, 2, 3], [4, 5, 6]])


def test_curves_open_as_shapes(tmp_path):
    io.write_contours(tmp_path / "c.mrk.json", [Contour([[0, 1], [2, 3], [4, 0.5]], "femur", unit="mm")])
    (layer,) = opened(tmp_path / "c.mrk.json")
    assert type(layer).__name__ == "Shapes" and list(layer.shape_type) == ["polygon"]


def test_our_tables_open_one_layer_an_image(tmp_path):
    rows = [io.Detections("x", MARKS, (0.2, 0.2)), io.Detections("y", MARKS)]
    io.write_detections(tmp_path / "d.csv", rows)
    layers = opened(tmp_path / "d.csv")
    assert [layer.name for layer in layers] == ["x · landmarks", "y · landmarks"]
    assert np.allclose(layers[0].scale, 0.2) and [str(u) for u in layers[1].units] == ["pixel"] * 2
    io.write_contours(tmp_path / "c.csv", [Contour([[0, 1], [2, 3], [4, 0.5]], "femur")], image_name="x")
    assert [layer.name for layer in opened(tmp_path / "c.csv")] == ["x · contours"]


@pytest.mark.parametrize("name", ["film.png", "film.tif", "film.tiff", "film.jpg", "film.bmp", "a.h5", "table.txt",
                                  "archive.tar.gz", "data.json", "v1.2.zip"])
def test_other_files_are_not_ours(name, only_our_plugin):
    assert list(only_our_plugin.iter_compatible_readers(f"/some/where/{name}")) == []


def test_what_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "other.csv").write_text("index,axis-0,axis-1\n0,1,2\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "notes").write_text("text without an extension")
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"\x89PNG")
    for name in ("other.csv", "binary.csv", "notes", "empty", "pictures", "missing.dcm", "missing.csv"):
        for get_reader in (readers.get_image_reader, readers.get_marks_reader):
            assert get_reader(str(tmp_path / name)) is None, name


@pytest.mark.parametrize("path", ["", "\0", [], ["/nowhere/a.dcm", "/nowhere/b.dcm"], "x" * 9999, None, 7])
def test_asking_never_raises(path):
    assert readers.get_image_reader(path) is None and readers.get_marks_reader(path) is None
    assert readers.get_surface_reader(path) is None


@pytest.mark.parametrize("ending", [".vtk", ".ply", ".stl"])
def test_surfaces_open_where_they_lie(tmp_path, ending):
    mesh = Mesh(10.0 * np.eye(4, 3) + (1, 2, 3), [[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]])
    write_mesh(tmp_path / f"bone{ending}", mesh)
    (layer,) = opened(tmp_path / f"bone{ending}")
    assert type(layer).__name__ == "Surface" and layer.name == "bone" and str(layer.units[0]) == "millimeter"
    assert np.allclose(np.sort(layer.vertices, 0), np.sort(mesh.vertices, 0), atol=1e-4)


def test_vtk_images_and_broken_surfaces_are_left_or_refused(tmp_path):
    image = tmp_path / "image.vtk"
    image.write_text("# vtk DataFile Version 3.0\nx\nASCII\nDATASET STRUCTURED_POINTS\n")
    assert readers.get_surface_reader(str(image)) is None
    (tmp_path / "broken.ply").write_text("ply\n")
    with pytest.raises(FileError, match="broken.ply"):
        readers.get_surface_reader(str(tmp_path / "broken.ply"))(str(tmp_path / "broken.ply"))


def test_bad_files_are_one_line_and_add_no_layer(tmp_path):
    (tmp_path / "text.dcm").write_text("not an image\n" * 20)
    (tmp_path / "cut.dcm").write_bytes((SHIPPED / "CT_small.dcm").read_bytes()[:20_000])
    (tmp_path / "bad.mrk.json").write_text("{")
    (tmp_path / "twice.csv").write_text("image,landmark,row_px,column_px\nx,A,1,2\nx,A,3,4\n")
    (tmp_path / "line.mrk.json").write_text('{"markups": [{"type": "Line", "controlPoints": []}]}')
    viewer = ViewerModel()
    for name in ("text.dcm", "cut.dcm", "bad.mrk.json", "twice.csv", "line.mrk.json"):
        with pytest.raises(FileError, match=name) as caught:
            viewer.open(tmp_path / name, plugin=PLUGIN)
        assert "\n" not in str(caught.value)
    assert len(viewer.layers) == 0


def test_of_a_table_of_many_films_those_that_are_open_count(tmp_path, monkeypatch):
    import napari

    many = [io.tables.Detections(f"film {i}.png", MARKS) for i in range(40)]
    io.write_detections(tmp_path / "landmarks.csv", many)
    with pytest.raises(FileError, match="holds the landmarks of 40 films. Open those"):
        readers.read_marks(str(tmp_path / "landmarks.csv"))
    viewer = ViewerModel()
    viewer.add_image(np.zeros((9, 9)), name="film 7")
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    (_, attributes, _), = readers.read_marks(str(tmp_path / "landmarks.csv"))
    assert attributes["name"] == "film 7.png · landmarks"


def test_in_the_window_a_bad_file_is_told_and_nothing_opens(tmp_path, monkeypatch):
    (tmp_path / "text.dcm").write_text("not an image\n" * 20)
    viewer, told = ViewerModel(), []
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    monkeypatch.setattr("napari.utils.notifications.show_error", told.append)
    assert viewer.open(tmp_path / "text.dcm", plugin=PLUGIN) == [] and len(viewer.layers) == 0
    assert told == [f"{tmp_path / 'text.dcm'}: is not a DICOM file. Export it again, or correct its extension"]


def test_a_bad_series_is_told_and_the_rest_opens(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    shutil.copy(SHIPPED / "MR_small.dcm", tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "cut.dcm").write_bytes((SHIPPED / "CT_small.dcm").read_bytes()[:20_000])
    told = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", told.append)
    layers = opened(tmp_path)
    assert len(layers) == 1 and len(told) == 1 and "cut.dcm" in told[0] and "\n" not in told[0]


def test_no_patient_in_layers_or_logs(tmp_path, caplog):
    ds = pydicom.dcmread(SHIPPED / "SC_rgb_rle.dcm")
    ds.PatientName, ds.PatientID, ds.SeriesDescription = "Secret^Patient", "SECRET", "Secret's hip"
    ds.save_as(tmp_path / "film.dcm")
    with caplog.at_level(logging.DEBUG):
        (layer,) = opened(tmp_path / "film.dcm")
    assert "secret" not in f"{layer.as_layer_data_tuple()[1:]} {layer.name} {caplog.text}".lower()


def test_a_grey_film_of_three_columns_is_no_colour_picture(tmp_path):
    io.write_volume(tmp_path / "thin.mha", io.load_image(SHIPPED / "image_dfl.dcm"))
    (layer,) = opened(tmp_path / "thin.mha")
    assert layer.ndim == 2 and not layer.rgb
