"""Thickness of shells whose thickness is known, finer than the voxels they are drawn on."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.shape.thickness import cartilage_thickness, thickness_measures, vertex_areas, vertex_normals
from napari_xray_landmarks.shape.volume_measures import COLUMNS, volume_measures, write_volume_measures
from napari_xray_landmarks.shape.volume_segmentation import Structure, VolumeSegmentation

trimesh = pytest.importorskip("trimesh")
RADIUS = 12.0


def shell(thick_mm: float, spacing, turn=(10, 20, 5)) -> tuple[Volume, np.ndarray]:
    """A ball with a shell on its upper half, on an oblique grid; and its centre."""
    count = np.ceil((2 * (RADIUS + thick_mm) + 8) / np.array(spacing)).astype(int)
    matrix, centre = np.eye(4), np.array([5.3, -3.1, 8.2])
    matrix[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * spacing
    matrix[:3, 3] = centre - matrix[:3, :3] @ ((count - 1) / 2)
    away = np.moveaxis(np.indices(count), 0, -1) @ matrix[:3, :3].T + matrix[:3, 3] - centre
    far = np.linalg.norm(away, axis=-1)
    layer = (far >= RADIUS) & (far < RADIUS + thick_mm) & (away[..., 0] > 0)
    return Volume(np.select([far < RADIUS, layer], [1, 2]).astype(np.uint8), matrix, modality="labels"), centre


def ball(radius: float, centre) -> Mesh:
    sphere = trimesh.creation.icosphere(3, radius)
    return Mesh(sphere.vertices + centre, sphere.faces)


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (0.4, 0.4, 0.8), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("thick_mm", [1.5, 2.6])
@pytest.mark.parametrize("off_mm", [0.0, -1.5, 1.5])
def test_a_shell_is_as_thick_as_it_was_made(spacing, thick_mm, off_mm):
    labels, centre = shell(thick_mm, spacing)
    mesh = ball(RADIUS + off_mm, centre)
    thickness = cartilage_thickness(labels, 1, 2, mesh)
    up = (mesh.vertices - centre)[:, 0] / (RADIUS + off_mm)
    top, below = thickness[up > 0.2], thickness[up < -0.1]
    voxel = max(spacing)
    assert np.isfinite(top).all() and np.isnan(below).all()
    assert top.mean() == pytest.approx(thick_mm, abs=0.1 * voxel)
    assert np.sqrt(((top - thick_mm) ** 2).mean()) < 0.25 * voxel
    own = thickness_measures(thickness, vertex_areas(mesh))
    assert own.median_mm == pytest.approx(thick_mm, abs=0.1 * voxel) and own.percentile95_mm >= own.median_mm
    assert own.area_mm2 == pytest.approx(2 * np.pi * (RADIUS + off_mm) ** 2, rel=0.08)


def test_without_cartilage_or_off_the_bone_there_is_no_thickness():
    labels, centre = shell(2.0, (0.7, 0.7, 0.7))
    mesh = ball(RADIUS, centre)
    assert np.isnan(cartilage_thickness(labels, 1, 7, mesh)).all()
    assert np.isnan(cartilage_thickness(labels, 7, 2, mesh)).all(), "it lies on another bone"
    empty = thickness_measures(np.full(3, np.nan), np.ones(3))
    assert np.isnan(empty.mean_mm) and empty.area_mm2 == 0


def test_normals_and_areas_of_a_ball():
    mesh = ball(10.0, (1.0, 2.0, 3.0))
    np.testing.assert_allclose(vertex_normals(mesh), (mesh.vertices - (1, 2, 3)) / 10, atol=0.02)
    assert vertex_areas(mesh).sum() == pytest.approx(mesh.area_mm2)


def test_measures_are_written_a_row_a_structure(tmp_path):
    labels, centre = shell(2.0, (0.7, 0.7, 0.7))
    mesh = ball(RADIUS, centre)
    thickness = {"cap": cartilage_thickness(labels, 1, 2, mesh)}
    structures = (Structure("ball", 1, volume_ml=7.2, confidence=0.9), Structure("cap", 2, "ball", volume_ml=2.1),
                  Structure("tibia", 3, found=False, reason="the volume shows none of it", confidence=0.0))
    found = VolumeSegmentation(labels, structures, surfaces={"ball": mesh}, thickness=thickness)
    ball_, cap, tibia = volume_measures(found)
    assert ball_.in_words() == "ball 7.2 ml, confidence 0.90" and ball_.volume_mm3 == pytest.approx(7200)
    assert "2.1 ml, 1.9" in cap.in_words() and tibia.in_words() == "tibia not found: the volume shows none of it"
    write_volume_measures(tmp_path / "m.csv", [("a.nii.gz", volume_measures(found))])
    header, *rows = (line.split(",") for line in (tmp_path / "m.csv").read_text().splitlines())
    assert tuple(header) == COLUMNS and [row[1] for row in rows] == ["ball", "cap", "tibia"]
    assert float(rows[1][header.index("thickness_median_mm")]) == pytest.approx(2.0, abs=0.06)
    assert rows[0][header.index("thickness_mean_mm")] == "" and rows[2][header.index("found")] == "false"
