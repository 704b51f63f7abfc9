"""Programs to be killed: each works in a folder until it is done, and says aloud what it has promised to keep.

    python benchmarks/_fault_victims.py NAME FOLDER
"""

import sys
from pathlib import Path

import numpy as np

from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.pose import Pose
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.io import (
    Detections,
    load_image,
    load_landmarks,
    read_contours,
    read_detections,
    save_landmarks,
    write_contours,
    write_detections,
    write_volume,
)
from napari_xray_landmarks.io.dicom.writing import write_dx
from napari_xray_landmarks.io.geometry import load_arm, save_geometry
from napari_xray_landmarks.io.meshes import read_mesh, write_mesh
from napari_xray_landmarks.io.pictures import write_png
from napari_xray_landmarks.io.poses import load_pose, save_pose
from napari_xray_landmarks.landmarks import Contour, LandmarkSet
from napari_xray_landmarks.mesh import Mesh

FILMS, NAMES, ROUNDS = 3, ("a", "b", "c"), 400
SIDE = 24


def _values(version: int) -> dict:
    """What is written, in two versions that differ in all."""
    rng = np.random.default_rng(version)
    points = rng.uniform(0, 500, (300, 2))
    pixels = rng.integers(0, 60_000, (SIDE, SIDE)).astype(np.uint16)
    arm = CArm(float(version), 0, 0, 750, 1200, (0.5, 0.5), pixels.shape)
    marks = LandmarkSet(tuple(f"p{i}" for i in range(300)), points)
    return {"marks": marks, "pixels": pixels, "arm": arm, "pose": Pose(arm, 1.0, ("a", "b")),
            "contours": [Contour(points, "c")], "volume": Volume(rng.integers(0, 99, (8, SIDE, SIDE)).astype(np.int16)),
            "mesh": Mesh(rng.normal(size=(60, 3)), rng.integers(0, 60, (90, 3))), "film": Radiograph(pixels)}


WRITERS = {
    "a.mrk.json": (lambda p, v: save_landmarks(p, v["marks"]), load_landmarks),
    "a.fcsv": (lambda p, v: save_landmarks(p, v["marks"]), load_landmarks),
    "a.csv": (lambda p, v: write_detections(p, [Detections("f", v["marks"])]), read_detections),
    "c.mrk.json": (lambda p, v: write_contours(p, v["contours"]), read_contours),
    "c.csv": (lambda p, v: write_contours(p, v["contours"]), read_contours),
    "v.nii": (lambda p, v: write_volume(p, v["volume"]), load_image),
    "v.nii.gz": (lambda p, v: write_volume(p, v["volume"]), load_image),
    "v.nrrd": (lambda p, v: write_volume(p, v["volume"]), load_image),
    "v.mha": (lambda p, v: write_volume(p, v["volume"]), load_image),
    "f.png": (lambda p, v: write_png(p, v["pixels"]), load_image),
    "f.dcm": (lambda p, v: write_dx(p, v["film"], v["arm"]), load_image),
    "g.json": (lambda p, v: save_geometry(p, v["arm"]), load_arm),
    "p.json": (lambda p, v: save_pose(p, v["pose"]), load_pose),
    "m.vtk": (lambda p, v: write_mesh(p, v["mesh"]), read_mesh),
    "m.ply": (lambda p, v: write_mesh(p, v["mesh"]), read_mesh),
    "m.safetensors": (lambda p, v: _save_model(p, v), lambda p: _read_model(p)),
}
"""How each kind of output is written and read again."""


def _save_model(path: Path, values: dict) -> None:
    from napari_xray_landmarks.models import ModelHeader, save_model

    save_model(path, ModelHeader("shape-model", "femur", NAMES, extra={"tasks": ["shape"]}),
               {"mean": values["marks"].points})


def _read_model(path: Path):
    from napari_xray_landmarks.models import read_model_file

    return read_model_file(path)


def write(folder: Path) -> None:
    """Every kind of output, again and again in one of two versions."""
    versions = [_values(version) for version in (1, 2)]
    for number in range(ROUNDS):
        for name, (write_one, _) in WRITERS.items():
            write_one(folder / name, versions[number % 2])
        print(number, flush=True)


def prepare_marking(folder: Path) -> None:
    """A set without marks."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(FILMS):
        write_png(folder / "images" / f"{number}.png", np.full((9, 9), number, np.uint8))


def mark(folder: Path) -> None:
    """Landmarks in films, each said when it is safe: film, landmark, and a number that rises."""
    from napari_xray_landmarks.training.annotations import open_annotations

    opened = open_annotations(folder, "ann")
    begin = 1 + max((int(p[0]) for n in range(FILMS) for p in opened.marks(f"{n}.png").values()), default=0)
    for number in range(begin, begin + 100 * ROUNDS):
        film, name = f"{number % FILMS}.png", NAMES[number % len(NAMES)]
        opened.mark(film, name, (float(number), 1.0))
        if opened.problem:
            print(opened.problem, file=sys.stderr, flush=True)
        else:
            print(film, name, number, flush=True)


def train(folder: Path) -> None:
    """A run of many stages, which end in the same model however often it is stopped."""
    from napari_xray_landmarks.models import ModelHeader, save_model
    from napari_xray_landmarks.training.runs import open_run

    run = open_run(folder / "run", recipe="mine", settings={}, seed=0, dataset=_Data())
    total = np.zeros(50_000)
    for number in range(40):
        total = run.stage(f"{number:02d}", lambda before=total, n=number: {
            "values": before + np.random.default_rng(n).normal(size=before.shape)})["values"]
        print(number, flush=True)
    save_model(folder / "model.safetensors", ModelHeader("shape-model", "femur", NAMES, extra={"tasks": ["shape"]}),
               {"mean": total})
    run.remove()


class _Data:
    def fingerprint(self) -> str:
        return "made up"


if __name__ == "__main__":
    {"write": write, "mark": mark, "train": train}[sys.argv[1]](Path(sys.argv[2]))
