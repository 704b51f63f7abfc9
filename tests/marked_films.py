"""Small tables and data sets of four landmarks a film."""

import numpy as np

from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import Detections, write_detections
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

NAMES = ("a", "b", "c", "d")
TRUE = np.array([[10.0, 10], [20, 40], [40, 20], [45, 45]])


def marks(points, names=NAMES, **options) -> LandmarkSet:
    return LandmarkSet(names, np.asarray(points, dtype=float), **options)


def detections(path, points_of: dict, spacing_mm=None, **options):
    rows = [Detections(image, marks(points, **options), spacing_mm) for image, points in points_of.items()]
    write_detections(path, rows)
    return path


def training_set(folder, by_image: dict, spacing_mm=None, contours=(), subjects=None):
    film = Radiograph(np.arange(2500, dtype=np.uint16).reshape(50, 50))
    films = [
        SourceFilm(name, film, {who: marks(points) for who, points in by.items()}, spacing_mm,
                   subject=(subjects or {}).get(name, ""), contours=contours)
        for name, by in by_image.items()
    ]  # fmt: skip
    write_training_set(folder, films)
    return folder
