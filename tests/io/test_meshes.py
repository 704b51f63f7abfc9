"""Surfaces in files: frames, orientation, damage."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.io.meshes import read_mesh, write_mesh
from napari_xray_landmarks.mesh import Mesh

CORNERS = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [0, 0, 5.0]])
TETRAHEDRON = Mesh(CORNERS, [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], "bone")
ENDINGS = (".vtk", ".vtk.gz", ".stl", ".ply", ".obj", ".off")


def test_a_meshs_volume_and_area_are_those_of_the_solid():
    assert TETRAHEDRON.volume_mm3 == pytest.approx(10)
    assert TETRAHEDRON.area_mm2 == pytest.approx(6 + 7.5 + 10 + 0.5 * np.sqrt(20**2 + 15**2 + 12**2))
    mirror = np.diag([1.0, 1.0, -1.0, 1.0])
    assert TETRAHEDRON.moved(mirror).volume_mm3 == pytest.approx(10)


@pytest.mark.parametrize("vertices, faces", [
    (CORNERS[:, :2], [[0, 1, 2]]), (CORNERS * np.nan, [[0, 1, 2]]), (CORNERS, [[0, 1, 4]]), (CORNERS, [[0, 1.5, 2]]),
    (CORNERS, np.empty((0, 3), int)),
])
def test_what_is_no_mesh_is_refused(vertices, faces):
    with pytest.raises(ValueError, match="vertices|faces"):
        Mesh(vertices, faces)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_surface_comes_back_as_it_was(tmp_path, ending):
    path = tmp_path / f"bone{ending}"
    write_mesh(path, TETRAHEDRON)
    back = read_mesh(path)
    assert back.name == "bone"
    assert back.volume_mm3 == pytest.approx(10, rel=1e-5)
    distances = np.linalg.norm(back.corners[:, None] - TETRAHEDRON.corners[None, :], axis=(2, 3))
    np.testing.assert_allclose(back.bounds_mm, TETRAHEDRON.bounds_mm, atol=1e-6)
    assert len(back.faces) == 4 and (distances.min(1) < 9).all()


@given(arrays(np.float64, (5, 3), elements=st.floats(-1e4, 1e4, width=32)))
@settings(max_examples=25)
def test_vtk_keeps_every_number(tmp_path_factory, vertices):
    path = tmp_path_factory.mktemp("vtk") / "a.vtk"
    write_mesh(path, Mesh(vertices, [[0, 1, 2], [2, 3, 4]]))
    np.testing.assert_array_equal(read_mesh(path).vertices, vertices)


def vtk(points: str, polygons: str, title: str = "t") -> str:
    return f"# vtk DataFile Version 4.0\n{title}\nASCII\nDATASET POLYDATA\n{points}\n{polygons}\n"


SQUARE = "POINTS 4 float\n0 0 0 1 0 0\n1 2 0 0 2 0"


def test_lps_becomes_the_world_frame_and_ras_is_mirrored(tmp_path):
    path = tmp_path / "a.vtk"
    path.write_text(vtk("POINTS 3 float\n1 2 3 4 5 6 7 8 10", "POLYGONS 1 4\n3 0 1 2"))
    np.testing.assert_array_equal(read_mesh(path).vertices, [[3, 2, 1], [6, 5, 4], [10, 8, 7]])
    ras = read_mesh(path, frame="RAS")
    np.testing.assert_array_equal(ras.vertices[0], [3, -2, -1])
    path.write_text(vtk("POINTS 3 float\n1 2 3 4 5 6 7 8 10", "POLYGONS 1 4\n3 0 1 2", title="SPACE=RAS"))
    np.testing.assert_array_equal(read_mesh(path).vertices, ras.vertices)


@pytest.mark.parametrize("polygons", [
    "POLYGONS 1 5\n4 0 1 2 3", "POLYGONS 2 8\n3 0 1 2\n3 0 2 3",
    "POLYGONS 2 4\nOFFSETS vtktypeint64\n0 4\nCONNECTIVITY vtktypeint64\n0 1 2 3",
])
def test_polygons_of_either_version_become_triangles(tmp_path, polygons):
    path = tmp_path / "a.vtk"
    path.write_text(vtk(SQUARE, polygons))
    mesh = read_mesh(path)
    assert len(mesh.faces) == 2
    assert mesh.area_mm2 == pytest.approx(2)
    np.testing.assert_allclose(mesh.area_vectors.sum(0), [2, 0, 0])  # they face up before and after


@pytest.mark.parametrize("text, problem", [
    ("solid", "no legacy VTK"), (vtk(SQUARE, "LINES 1 3\n2 0 1"), "damaged"),
    (vtk("POINTS 9 float\n0 0 0", "POLYGONS 1 4\n3 0 1 2"), "damaged"),
    (vtk(SQUARE, "POLYGONS 1 4\n3 0 1 7"), "vertices 0 to 7"), (vtk(SQUARE, "POLYGONS 1 4\n3 0 x 2"), "damaged"),
    (vtk(SQUARE, "POLYGONS 1 4\n-5 0 1 2"), "damaged"), (vtk(SQUARE, "POLYGONS 3 12\n3 0 1 2"), "damaged"),
    (vtk(SQUARE, "POLYGONS 0 0"), "damaged"),
    (vtk(SQUARE.replace("1 2 0", "nan 2 0"), "POLYGONS 1 4\n3 0 1 2"), "finite"),
    (vtk(SQUARE, "POLYGONS 1 4\n3 0 1 2").replace("ASCII", "BINARY"), "BINARY"), ("", "empty"),
])
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, text, problem):
    path = tmp_path / "a.vtk"
    path.write_text(text)
    with pytest.raises(FileError, match=problem) as error:
        read_mesh(path)
    assert "a.vtk" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name, data", [
    ("a.vtk.gz", b"no gzip"), ("a.vtk.gz", gzip.compress(b"x" * 100)[:20]), ("a.stl", b"solid\nfacet"),
    ("a.ply", b"ply\nnonsense"), ("a.txt", b"0 0 0"),
])
def test_other_damage_is_named_too(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FileError, match=name):
        read_mesh(path)


def test_an_unknown_ending_is_not_written(tmp_path):
    with pytest.raises(FileError, match="ending"):
        write_mesh(tmp_path / "a.txt", TETRAHEDRON)
    assert not list(tmp_path.iterdir())
