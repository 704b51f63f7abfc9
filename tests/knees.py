"""A small knee whose numbers are known: balls for bones, half a shell for cartilage, and its segmentation."""

import numpy as np

from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel
from napari_xray_landmarks.shape.volume_segmentation import Structure, VolumeFit, VolumeSegmentation

RADIUS_MM, SHELL_MM, SPACING_MM = 12.0, 3.0, (1.0, 1.0, 1.5)
CENTRES = {"femur": (14.0, 0.0, 0.0), "tibia": (-16.0, 0.0, 0.0)}
NAMES = ("femur", "femoral-cartilage", "tibia", "patella")


def grid(turned: bool = False) -> np.ndarray:
    """(4, 4) world_from_voxel of a volume of 64 x 40 x 30 voxels round the knee; the axes turned by 20 degrees."""
    matrix = np.diag([*SPACING_MM, 1.0])
    if turned:
        c, s = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
        matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ matrix[:3, :3]
    matrix[:3, 3] = -matrix[:3, :3] @ (31.5, 19.5, 14.5)
    return matrix


def knee_labels(world_from_voxel: np.ndarray, shape=(64, 40, 30)) -> Volume:
    """Femur 1, its cartilage 2 on the lower half, tibia 3."""
    index = np.indices(shape).reshape(3, -1).T
    world = index @ world_from_voxel[:3, :3].T + world_from_voxel[:3, 3]
    labels = np.zeros(len(world), np.uint8)
    away = np.linalg.norm(world - CENTRES["femur"], axis=1)
    labels[(away <= RADIUS_MM + SHELL_MM) & (world[:, 0] < CENTRES["femur"][0])] = 2
    labels[away <= RADIUS_MM] = 1
    labels[np.linalg.norm(world - CENTRES["tibia"], axis=1) <= RADIUS_MM] = 3
    return Volume(labels.reshape(shape), world_from_voxel, "knee labels", "labels")


def knee_volume(labels: Volume, seed: int = 0) -> Volume:
    """An MR of those labels."""
    grey = np.array([300.0, 900.0, 700.0, 850.0])[labels.voxels]
    noise = np.random.default_rng(seed).normal(0, 25, grey.shape)
    return Volume((grey + noise).astype(np.int16), labels.world_from_voxel, "knee", "MR")


def ball(centre) -> Mesh:
    """A bone's surface."""
    import trimesh

    sphere = trimesh.creation.icosphere(3, radius=RADIUS_MM)  # its triangles run outwards in array order
    return Mesh(np.array(sphere.vertices) + centre, np.array(sphere.faces), "ball")


def fitted(mesh: Mesh, mirrored: bool = False) -> VolumeFit:
    """A shape model of stretched surfaces, in a pose that gives the surface back at 0.5 sd of its first mode."""
    rng, middle = np.random.default_rng(0), mesh.vertices.mean(0)
    matrix = np.diag([1.0, 1.0, -1.0 if mirrored else 1.0, 1.0])
    matrix[:3, 3] = middle
    own = (mesh.vertices - middle) * np.diag(matrix)[:3]
    model = PointDistributionModel.fit(np.array([own * (1 + rng.normal(0, 0.06, 3)) for _ in range(6)]), aligned=True,
                                       retained=1.0)
    deviations = 0.5 * np.eye(len(model.variances))[0]
    mean = own - np.tensordot(deviations * model.deviations, model.modes, 1)
    model = PointDistributionModel(mean, model.modes, model.variances, residual=model.residual)
    return VolumeFit(model, deviations * model.deviations, matrix)


def knee_segmentation(labels: Volume) -> VolumeSegmentation:
    """What a model would find: everything but the patella, which is not there."""
    voxel_ml = abs(np.linalg.det(labels.world_from_voxel[:3, :3])) / 1000
    counts = np.bincount(labels.voxels.reshape(-1), minlength=5)
    structures = tuple(
        Structure(name, i, "femur" if i == 2 else "", volume_ml=counts[i] * voxel_ml, found=bool(counts[i]),
                  confidence=0.9 if counts[i] else 0.1, reason="" if counts[i] else "nothing looks like it")
        for i, name in enumerate(NAMES, start=1))
    surfaces = {bone: ball(centre) for bone, centre in CENTRES.items()}
    below = surfaces["femur"].vertices[:, 0] < CENTRES["femur"][0]
    points = {f"{bone}-{i + 1}": mesh.vertices[40 * i] for bone, mesh in surfaces.items() for i in range(8)}
    marks = LandmarkSet(tuple(points), np.array(list(points.values())), unit="mm")
    fits = {"femur": fitted(surfaces["femur"]), "tibia": fitted(surfaces["tibia"], mirrored=True)}
    coarse = Volume(np.ascontiguousarray(labels.voxels[::2, ::2, ::2]),
                    labels.world_from_voxel @ np.diag([2.0, 2.0, 2.0, 1.0]), "slices", "labels")
    return VolumeSegmentation(labels, structures, marks, surfaces, fits,
                              {"femoral-cartilage": np.where(below, SHELL_MM, np.nan)}, {"slices": coarse},
                              ("The slices are thick.",))
