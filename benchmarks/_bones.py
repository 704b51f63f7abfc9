"""Outlines of bones from the front whose vertices correspond: hips of the pelvis atlas, femurs of the shape model."""


import numpy as np
from scipy.spatial import cKDTree
from skimage.draw import polygon
from skimage.measure import find_contours

from _page import DATA
from napari_xray_landmarks.phantoms.atlas import atlas_subjects, read_pelvis
from napari_xray_landmarks.phantoms.femur_model import read_femur_model
from napari_xray_landmarks.shape.distances import spaced

FRONT = [0, 2]  # (superior, left)


def surfaces(bone: str) -> tuple[np.ndarray, np.ndarray]:
    """(30, 5000, 3) vertices of a bone of the atlas, mm, and its triangles."""
    pelves = [read_pelvis(DATA / "pelvis-atlas", subject) for subject in atlas_subjects(DATA / "pelvis-atlas")]
    return np.array([p.of(bone) for p in pelves]), pelves[0].faces[bone]


def outlines(bone: str, count: int, femurs: int = 60) -> np.ndarray:
    """(K, N, 2) outlines, (row, column) in mm: the vertices that lie on that of the mean bone, N about `count`."""
    if bone == "femur":
        model = read_femur_model(DATA / "femur" / "femur_gp_model_100-components.h5")
        rng = np.random.default_rng(0)
        meshes = [model.sample(rng) for _ in range(femurs)]
        vertices, faces = np.array([mesh.vertices for mesh in meshes]), meshes[0].faces
    else:
        vertices, faces = surfaces(bone)
    flat = vertices[:, :, FRONT] * [-1, 1]
    return flat[:, _rim(flat.mean(0), faces, count)]


def _rim(points: np.ndarray, faces: np.ndarray, count: int, pixels: int = 800) -> np.ndarray:
    """Numbers of the vertices along the shadow's outline, in order."""
    at = 3 + (points - points.min(0)) * (pixels / np.ptp(points, axis=0).max())
    shadow = np.zeros(np.ceil(at.max(0)).astype(int) + 4, bool)
    for corners in at[faces]:
        shadow[polygon(*corners.T, shadow.shape)] = True
    line = spaced(max(find_contours(shadow.astype(float), 0.5), key=len)[:-1], count)
    numbers = cKDTree(at).query(line)[1]
    return numbers[np.sort(np.unique(numbers, return_index=True)[1])]
