"""Readers of texts, meshes and tables: how each is called, what it is given, and what is done with what it reads."""

import json
from functools import cache
from pathlib import Path

import numpy as np

from _fuzz_images import Reader
from _fuzz_seeds import Seed, written

NAMES = ("femoral-head-left", "femoral-head-right", "tip", "naïve \"point\", 4")
POINTS_PX = np.array([[10.5, 20.25], [11.0, 60.0], [35.0, 7.5], [0.0, 3.0]])


def _out(path: Path) -> Path:
    """Where what was read is written again."""
    folder = path.parent / "out"
    folder.mkdir()
    return folder


def _written_again(write, *endings: str) -> None:
    from napari_xray_landmarks.errors import InputError

    for ending in endings:
        try:
            write(ending)
        except InputError as error:  # a format that cannot hold it
            assert "\n" not in str(error)


def read_landmarks(path: Path) -> None:
    from napari_xray_landmarks.io import load_landmarks, save_landmarks
    from napari_xray_landmarks.plugin.readers import get_marks_reader, read_marks

    landmarks, out = load_landmarks(path), _out(path)
    _written_again(lambda ending: save_landmarks(out / f"again{ending}", landmarks, spacing_mm=(0.1, 0.2)),
                   ".mrk.json", ".csv", ".fcsv")
    if get_marks_reader(str(path)) is not None:
        read_marks(str(path))


def read_curves(path: Path) -> None:
    from napari_xray_landmarks.io import read_contours, write_contours

    contours, out = read_contours(path), _out(path)
    _written_again(lambda ending: write_contours(out / f"again{ending}", contours), ".mrk.json", ".csv")


def read_table(path: Path) -> None:
    from napari_xray_landmarks.evaluation.matching import read_marked
    from napari_xray_landmarks.io import read_detections, write_detections

    found, out = read_detections(path), _out(path)
    _written_again(lambda ending: write_detections(out / f"again{ending}", found), ".csv")
    read_marked(path)


def read_geometry(path: Path) -> None:
    from napari_xray_landmarks.io.geometry import load_arm, load_geometry, save_geometry

    load_geometry(path).project(np.zeros((1, 3)))
    save_geometry(_out(path) / "again.json", load_arm(path))


def read_pose(path: Path) -> None:
    from napari_xray_landmarks.io.poses import load_pose, save_pose

    save_pose(_out(path) / "again.json", load_pose(path))


def read_mesh(path: Path) -> None:
    from napari_xray_landmarks.io.meshes import read_mesh, write_mesh

    mesh, out = read_mesh(path), _out(path)
    _written_again(lambda ending: write_mesh(out / f"again{ending}", mesh), ".vtk", ".ply")


def read_angles(path: Path) -> None:
    """A table of `cobb`, against itself."""
    from napari_xray_landmarks.evaluation.cobb_angles import compare_angle_files

    compare_angle_files(path, path)


def read_view_sphere(path: Path) -> None:
    from napari_xray_landmarks.evaluation.view_sphere import read_view_sphere

    read_view_sphere(path)


def read_days(path: Path) -> None:
    """A table of landmarks with dates, as `cobb` reads it."""
    from napari_xray_landmarks.cli.cobb import marked_in

    marked_in(path, None, None)


def _landmarks(unit: str = "px", points=POINTS_PX):
    from napari_xray_landmarks.landmarks import LandmarkSet

    return LandmarkSet(NAMES, points, [0.25, 1.0, np.nan, 0.0], [True, True, False, True], unit)


def _contours() -> list:
    from napari_xray_landmarks.landmarks import Contour

    ring = 10 * np.stack([np.cos(t := np.linspace(0, 6, 8)), np.sin(t)], axis=1) + 30
    return [Contour(ring, "femur-left", confidence=np.linspace(0, 1, 8)), Contour(ring[:3], "shaft", closed=False,
                                                                                 names=("a", "b", "c"))]


@cache
def landmark_files() -> list[Seed]:
    from napari_xray_landmarks.io import save_landmarks

    volume = _landmarks("mm", np.column_stack([POINTS_PX, POINTS_PX[:, 0]]))
    kinds = [(".mrk.json", _landmarks(), (0.1, 0.1)), (".mrk.json", volume, None), (".mrk.json", _landmarks(), None),
             (".fcsv", _landmarks(), (0.1, 0.1)), (".fcsv", volume, None), (".csv", _landmarks(), (0.1, 0.2))]
    return [written(f"marks{ending}", lambda path, m=marks, s=spacing: save_landmarks(path, m, spacing_mm=s))
            for ending, marks, spacing in kinds]


def landmark_files_of(*endings: str) -> list[Seed]:
    return [seed for seed in landmark_files() if seed.opened.endswith(endings)]


@cache
def contour_files(ending: str) -> list[Seed]:
    from napari_xray_landmarks.io import write_contours

    return [written(f"curves{ending}", lambda path: write_contours(path, _contours(), image_name="film.png",
                                                                   spacing_mm=(0.1, 0.1)))]


@cache
def detection_tables() -> list[Seed]:
    from napari_xray_landmarks.io import Detections, write_detections

    films = [Detections("film-1.png", _landmarks(), (0.1, 0.1)), Detections("film, 2", _landmarks())]
    by_hand = b"image,landmark,row_px,column_px,annotator\na.png,tip,1,2,ann\na.png,tip,1.5,2.5,bob\nb.png,tip,,,ann\n"
    return [written("films.csv", lambda path: write_detections(path, films)),
            Seed({"hand.csv": by_hand}, "hand.csv", ("hand.csv",))]


def _arm():
    from napari_xray_landmarks.geometry.camera import CArm

    return CArm(12.0, -7.0, 3.0, 750.0, 1200.0, (0.6, 0.5), (90, 80), (5.0, -10.0, 20.0), (40.0, 42.0))


@cache
def geometries() -> list[Seed]:
    from napari_xray_landmarks.io.geometry import geometry_document, save_geometry

    theirs = {key: value for key, value in geometry_document(_arm()).items()
              if key in ("detector_px_from_world", "size_px", "source_to_detector_mm", "source_to_isocentre_mm")}
    return [written("view.json", lambda path: save_geometry(path, _arm())),
            written("theirs.json", lambda path: path.write_text(json.dumps(theirs)))]


@cache
def poses() -> list[Seed]:
    from napari_xray_landmarks.geometry.pose import Pose
    from napari_xray_landmarks.io.poses import save_pose

    pose = Pose(_arm(), 1.25, NAMES[:3], np.diag([1e-6, 2e-6, 1e-6, 0.1, 0.2, 3.0]), 0.5, {"model": "mine"})
    return [written("pose.json", lambda path: save_pose(path, pose))]


@cache
def meshes(*endings: str) -> list[Seed]:
    from napari_xray_landmarks.io.meshes import write_mesh
    from napari_xray_landmarks.mesh import Mesh

    vertices = np.array([[0, 0, 0], [10, 0, 0], [0, 10.5, 0], [0, 0, 9.25]], float)
    mesh = Mesh(vertices, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]))
    seeds = [written(f"bone{ending}", lambda path: write_mesh(path, mesh)) for ending in endings]
    if ".ply" in endings:
        seeds.append(Seed({"bone.ply": _ASCII_PLY}, "bone.ply", ("bone.ply",)))
    if ".obj" in endings:
        seeds.append(Seed({"bone.obj": _OBJ, "bone.mtl": _MTL}, "bone.obj"))
    if ".vtk" in endings:
        seeds.append(Seed({"bone.vtk": _VTK5}, "bone.vtk", ("bone.vtk",)))
    return seeds


_ASCII_PLY = b"""ply
format ascii 1.0
comment TextureFile skin.png
element vertex 4
property float x
property float y
property float z
element face 2
property list uchar int vertex_indices
end_header
0 0 0
1 0 0
0 1 0
0 0 1
3 0 1 2
3 0 2 3
"""
_OBJ = b"""mtllib bone.mtl
v 0 0 0
v 1 0 0
v 0 1 0
v 0 0 1
vt 0 0
vt 1 0
vt 0 1
usemtl skin
f 1/1 2/2 3/3
f 1//1 3 4
"""
_MTL = b"newmtl skin\nKd 0.8 0.7 0.6\nmap_Kd ../skin.png\nmap_Kd /etc/hostname\n"
_VTK5 = b"""# vtk DataFile Version 5.1
SPACE=RAS
ASCII
DATASET POLYDATA
POINTS 4 float
0 0 0 1 0 0 0 1 0 0 0 1

POLYGONS 3 7
OFFSETS vtktypeint64
0 3 7
CONNECTIVITY vtktypeint64
0 1 2 0 1 3 2
"""


@cache
def angle_tables() -> list[Seed]:
    from napari_xray_landmarks.evaluation.cobb_angles import COLUMNS

    text = ",".join(["image", *COLUMNS.values()]) + "\na.png,10.5,20,30\nb.png,,5,7.25\n"
    return [Seed({"angles.csv": text.encode()}, "angles.csv", ("angles.csv",))]


@cache
def view_tables() -> list[Seed]:
    from napari_xray_landmarks.evaluation.view_sphere import ViewSphere, write_view_sphere

    shape = (3, len(NAMES))
    full = np.full(shape, 2.5)
    sphere = ViewSphere(NAMES, np.arange(3.0), np.arange(3.0), full, full, full / 5, np.ones(shape, bool))
    return [written("views.csv", lambda path: write_view_sphere(path, sphere))]


@cache
def day_tables() -> list[Seed]:
    text = "image,landmark,row_px,column_px,date,subject\na.png,tip,1,2,2024-05-31,x\nb.png,tip,3,4,,y\n"
    return [Seed({"days.csv": text.encode()}, "days.csv", ("days.csv",))]


READERS = {
    "markups (.mrk.json)": Reader(lambda: landmark_files_of(".mrk.json"), read_landmarks),
    "point lists (.fcsv)": Reader(lambda: landmark_files_of(".fcsv"), read_landmarks),
    "landmarks (.csv)": Reader(lambda: landmark_files_of(".csv"), read_landmarks),
    "detections (.csv)": Reader(detection_tables, read_table),
    "contours (.mrk.json)": Reader(lambda: contour_files(".mrk.json"), read_curves),
    "contours (.csv)": Reader(lambda: contour_files(".csv"), read_curves),
    "geometry": Reader(geometries, read_geometry),
    "pose": Reader(poses, read_pose),
    "VTK": Reader(lambda: meshes(".vtk", ".vtk.gz"), read_mesh),
    "STL": Reader(lambda: meshes(".stl"), read_mesh),
    "PLY": Reader(lambda: meshes(".ply"), read_mesh),
    "OBJ": Reader(lambda: meshes(".obj"), read_mesh),
    "OFF": Reader(lambda: meshes(".off"), read_mesh),
    "Cobb angles": Reader(angle_tables, read_angles),
    "views' accuracy": Reader(view_tables, read_view_sphere),
    "dates of films": Reader(day_tables, read_days),
}
