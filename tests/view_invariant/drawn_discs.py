"""Films of two discs and a bar above them, of which the left disc is the one on the film's right side."""

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

NAMES = ("disc-left", "disc-right", "bar")


def drawn_film(seed: int, shape=(96, 112), spacing_mm=(1.0, 1.0), *, outside: bool = False
               ) -> tuple[Radiograph, np.ndarray]:
    """A film and its (3, 2) landmarks in pixels; with `outside` the left disc lies beyond its edge."""
    rng = np.random.default_rng([seed, 17])
    middle = np.array(shape) / 2 + rng.uniform(-8, 8, 2) + (0, 45 if outside else 0)
    apart, turn = rng.uniform(22, 30), rng.normal(0, 0.08)
    across, down = np.array([-np.sin(turn), np.cos(turn)]), np.array([np.cos(turn), np.sin(turn)])
    points = np.array([middle + apart * across + 12 * down, middle - apart * across + 12 * down, middle - 18 * down])
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    image = 0.3 + 0.2 * np.exp(-((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2) / 1500)
    for point in points[:2]:
        image[(rows - point[0]) ** 2 + (columns - point[1]) ** 2 < 49] += 0.35
    image[(np.abs(rows - points[2, 0]) < 4) & (np.abs(columns - points[2, 1]) < 16)] += 0.35
    image = gaussian_filter(image, 0.7) + rng.normal(0, 0.01, shape)
    return Radiograph(np.round(1000 * image).astype(np.uint16), spacing_mm, "drawn", name=f"film{seed}"), points


def write_set(folder, count: int):
    """Drawn films, three a subject; every third shows the left disc beyond its edge."""
    films = []
    for seed in range(count):
        film, points = drawn_film(seed, outside=seed % 3 == 2)
        inside = (points > 0).all(1) & (points < np.array(film.shape) - 1).all(1)
        marks = LandmarkSet(NAMES, np.where(inside[:, None], points, np.nan))
        films.append(SourceFilm(f"film{seed}", film, {"": marks}, subject=f"subject{seed // 3}"))
    return write_training_set(folder, films, about={"anatomy": "discs"})
