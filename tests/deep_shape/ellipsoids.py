"""Made-up MR volumes: an ellipsoid of bone with a cap of cartilage, two smaller bones beside it."""

import numpy as np

from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.training.volumes import Scan, VolumeSet, write_volume_set

STRUCTURES = {"bone": 1, "cartilage": 2, "pegs": 5}
ABOUT = {"name": "ellipsoids", "anatomy": "ellipsoid", "modality": "MR", "structures": STRUCTURES,
         "cartilages": {"cartilage": "bone"}, "centres": {"bone": 6}, "shapes": ["bone"]}
QUICK = {"slice_steps": 30, "slice_batch": 4, "crop": 32, "channels": 8, "stem": 1, "points": 100, "shape_steps": 2,
         "shape_batch": 1, "shape_channels": 2, "local_steps": 2, "local_batch": 2, "local_channels": 2,
         "subvolume_mm": 14.0, "steps_an_epoch": 15, "threads": 1}
SHAPE, SPACING_MM = (40, 36, 44), np.array([1.0, 1.0, 1.2])


def ellipsoids(number: int) -> tuple[Volume, Volume]:
    """Image and labels of one individual."""
    rng = np.random.default_rng([7, number])
    places = np.stack(np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE, SPACING_MM, strict=True)],
                                  indexing="ij"), -1)
    middle, radii = rng.normal(0, 1, 3), np.array([10.0, 9, 11]) * rng.uniform(0.85, 1.15, 3)
    bone = np.linalg.norm((places - middle) / radii, axis=-1)
    labels = np.where(bone < 1, 1, 0)
    labels[(bone >= 1) & (bone < 1.3) & (places[..., 0] > middle[0] + 4)] = 2
    for side in (-1, 1):
        peg = np.linalg.norm((places - middle - (-4, 0, side * 21)) / (rng.uniform(0.8, 1.2, 3) * (8, 5, 3.5)), axis=-1)
        labels[(peg < 1) & (labels == 0)] = 5
    grey = np.array([100, 400, 700, 0, 0, 450.0])[labels] + rng.normal(0, 30, SHAPE)
    matrix = np.diag([*SPACING_MM, 1.0])
    return (Volume(grey.astype(np.float32), matrix, f"e{number}", "MR"),
            Volume(labels.astype(np.uint8), matrix, f"e{number} labels", "labels"))


def write_ellipsoids(folder, count: int = 4, held_out: int = 1) -> VolumeSet:
    """A set of them; the last ones are for validation."""
    items = [(Scan(f"e{n}", subject=f"e{n}", split="validation" if n >= count - held_out else "train"),
              lambda n=n: ellipsoids(n)) for n in range(count)]
    return write_volume_set(folder, items, ABOUT)
