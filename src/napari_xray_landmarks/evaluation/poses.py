"""Poses against true ones: target registration errors, turn and shift, failures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError, InputError
from ..geometry.camera import Camera
from ..geometry.pose_errors import pose_error, target_errors
from ..io import load_landmarks
from ..io.geometry import load_arm, load_geometry
from .cases import Case, ImageSource, film_pixels, image_source
from .comparison import Comparison, Measure
from .matched import files_in, matched

CUBE_MM = 100.0
FAILURE_MM = 10.0
MEASURES = (Measure("mtre_mm", "mTRE in space", "mm"), Measure("projected_mtre_mm", "mTRE across the beam", "mm"),
            Measure("rotation_deg", "turn", "°"), Measure("translation_mm", "shift of the centre", "mm"),
            Measure("on_film_px", "on the film", "px"))  # fmt: skip


def compare_pose_files(predicted, truth, *, targets=None, failure_above: float | None = None, thresholds=None,
                       images=None, seed: int = 0) -> Comparison:
    """Compare poses or geometries: `.json` files, or folders of them.

    Parameters
    ----------
    predicted, truth
        What `pose`, `register` or `simulate` wrote.
    targets
        Markups of points in the patient, in mm. By default the 27 points of a cube of 100 mm about the true isocentre.
    failure_above
        mTRE in space, in mm, above which a pose failed; 10 by default.
    thresholds, images, seed
        As in `report.evaluate`.

    Raises
    ------
    FileError
        A file cannot be read, no two belong together, or the targets are not points in space.
    """
    predicted, truth = Path(predicted), Path(truth)
    found, known = (_pose_files(path) for path in (predicted, truth))
    pairs, notes = matched(predicted, found, known)
    limit = FAILURE_MM if failure_above is None else failure_above
    wanted = None if targets is None else _targets(Path(targets))
    rows, cameras = [], {}
    for name, other in pairs.items():
        one, reference = load_geometry(found[other]), load_geometry(known[name])
        points = _cube_about(known[name]) if wanted is None else wanted
        cameras[name] = one, reference, points
        rows.append({"image": name, "subject": name, "item": "pose"} | _row(found[other], one, reference, points))
    table = pd.DataFrame(rows)
    table.insert(3, "failed", ~(table["mtre_mm"] <= limit))
    failed = int(table["failed"].sum())
    of = "a cube of 100 mm about the isocentre" if wanted is None else Path(targets).name
    headline = (f"{failed} of {len(table)} poses failed (mTRE above {limit:g} mm): {100 * failed / len(table):.1f} %",
                f"targets: {of}")
    return Comparison("poses", predicted.name, truth.resolve().name, "pose", MEASURES, table, headline, (),
                      tuple(notes), **({} if thresholds is None else {"thresholds": thresholds}),
                      case=_cases(cameras, image_source(images, truth, predicted)), seed=seed)


def _pose_files(path: Path) -> dict[str, Path]:
    files = {name: file for name, file in files_in(path, (".json",)).items() if name != "about.json"}
    if not files:
        raise FileError(path, "holds no pose", "Give the .json of `pose`, `register` or `simulate`")
    return files


def _targets(path: Path) -> np.ndarray:
    marks = load_landmarks(path)
    points = marks.points[np.isfinite(marks.points).all(axis=1)]
    if points.shape[1] != 3 or marks.unit != "mm" or not len(points):
        raise FileError(path, "holds no points in space in mm", "Give landmarks of the volume")
    return points


def _cube_about(path: Path) -> np.ndarray:
    try:
        centre = load_arm(path).isocentre_mm
    except InputError as error:
        raise FileError(path, "tells no isocentre to put targets about", "Give --targets POINTS3D.mrk.json") from error
    steps = np.linspace(-CUBE_MM / 2, CUBE_MM / 2, 3)
    return np.asarray(centre) + np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)


def _row(path: Path, camera: Camera, reference: Camera, points: np.ndarray) -> dict[str, float]:
    try:
        turn, off = pose_error(camera, reference, points.mean(axis=0)), target_errors(camera, reference, points)
    except ValueError as error:
        raise FileError(path, str(error), "Use films of one orientation") from error
    values = off.spatial_mm.mean(), off.mtre_mm, turn.rotation_deg, turn.translation_mm, off.px.mean()
    return {measure.key: float(value) for measure, value in zip(MEASURES, values, strict=True)}


def _cases(cameras, source: ImageSource) -> Callable[[str], Case]:
    def case(name: str) -> Case:
        one, reference, points = cameras[name]
        true, predicted = ({str(i): place for i, place in enumerate(camera.project(points))}
                           for camera in (reference, one))
        return Case(name, film_pixels(source(name)), true, predicted)

    return case
