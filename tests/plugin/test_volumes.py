"""Volumes and their segmentations between napari and the methods."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points, Surface

import knees
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io.meshes import read_mesh
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.plugin.convert import image_layer
from napari_xray_landmarks.plugin.surfaces import surface_from_layer, surface_layer
from napari_xray_landmarks.plugin.volume_layers import colours_of, thickest_mm, thickness_colours, thickness_on
from napari_xray_landmarks.plugin.volumes import (
    in_axes_of,
    middles,
    remeasured,
    volume_of,
    why_not_a_volume,
    why_not_segmentable,
)
from napari_xray_landmarks.plugin.writers import write_surface


@pytest.mark.parametrize("layer, reason", [
    (Image(np.zeros((4, 5, 6))), None),
    (Image(np.zeros((4, 5))), ""),
    (Image(np.zeros((2, 4, 5, 6))), "4D"),
    (Image(np.zeros((4, 5, 6, 3)), rgb=True), "colour"),
    (Image(np.zeros((4, 5, 6)), axis_labels=("frame", "row", "column")), "a run of frames"),
    (Points(np.zeros((1, 3))), ""),
])
def test_which_layers_are_volumes(layer, reason):
    said = why_not_a_volume(layer)
    assert said == reason if reason in (None, "") else reason in said
    assert (why_not_segmentable(layer) is None) == (type(layer).__name__ == "Image" and not reason)


def test_a_coronal_volume_comes_back_as_it_is_stored():
    coronal = np.array([[0, -2.0, 0, 50], [3.0, 0, 0, -9], [0, 0, 1.0, 4], [0, 0, 0, 1]])
    volume = Volume(np.random.default_rng(0).integers(0, 9, (4, 6, 5)), coronal, "coronal", "MR")
    data, attributes, _ = image_layer(volume)
    layer = Image(data, **attributes)
    again = volume_of(layer)
    np.testing.assert_array_equal(again.voxels, volume.voxels)
    np.testing.assert_allclose(again.world_from_voxel, coronal, atol=1e-12)
    np.testing.assert_array_equal(in_axes_of(volume.voxels, layer), layer.data)


def test_the_middle_of_a_structure_lies_in_it():
    labels = np.zeros((40, 130, 30), np.uint8)
    labels[5:9, 100:103, 7] = 2
    labels[:, :, 20] = 3
    labels[10:30, 20:110, 20] = 0  # a ring
    found = middles(labels)
    assert set(found) == {2, 3} and all(labels[voxel] == label for label, voxel in found.items())
    assert found[2] == pytest.approx((6.5, 101, 7), abs=0.6)


@pytest.fixture
def labels():
    return knees.knee_labels(knees.grid(turned=True))


def test_painted_labels_are_measured_anew(labels):
    found, voxels = knees.knee_segmentation(labels), np.array(labels.voxels)
    moved = int((voxels == 3).sum())
    voxels[voxels == 3] = 4
    after = remeasured(found, Volume(voxels, labels.world_from_voxel, "painted"))
    assert after.structure("patella").volume_ml == pytest.approx(moved * 1.5e-3) and after.structure("patella").found
    assert not after.structure("tibia").found and after.structure("tibia").reason == "no voxel has its label"
    assert after.structure("femur") == found.structure("femur") and not after.structure("patella").reason
    assert np.nanmean(after.thickness["femoral-cartilage"]) == pytest.approx(knees.SHELL_MM, abs=0.3), "of the voxels"


def test_thinner_cartilage_is_thinner(labels):
    voxels = np.array(labels.voxels)
    index = np.indices(voxels.shape).reshape(3, -1).T
    world = index @ labels.world_from_voxel[:3, :3].T + labels.world_from_voxel[:3, 3]
    away = np.linalg.norm(world - knees.CENTRES["femur"], axis=1).reshape(voxels.shape)
    voxels[(voxels == 2) & (away > knees.RADIUS_MM + 2.0)] = 0
    after = remeasured(knees.knee_segmentation(labels), Volume(voxels, labels.world_from_voxel))
    assert np.nanmean(after.thickness["femoral-cartilage"]) == pytest.approx(2.0, abs=0.3)


def test_thickness_stands_on_its_own_bone():
    found = knees.knee_segmentation(knees.knee_labels(knees.grid()))
    femur, tibia = (thickness_on(found, bone) for bone in ("femur", "tibia"))
    below = found.surfaces["femur"].vertices[:, 0] < 14
    np.testing.assert_array_equal(np.isfinite(femur), below)
    assert np.nanmax(femur) == knees.SHELL_MM == thickest_mm(found) and np.isnan(tibia).all()


def test_bare_bone_is_told_from_the_thinnest_cartilage():
    bare, thin, thick = thickness_colours().map(np.array([0.0, 0.03, 1.0]))
    assert np.ptp(bare[:3]) < 0.12 and np.ptp(thin[:3]) > 0.4 and np.ptp(thick[:3]) > 0.4


def test_colours_are_distinct_and_the_models_own_go_first():
    structures = knees.knee_segmentation(knees.knee_labels(knees.grid())).structures
    colours = colours_of(structures)
    assert set(colours) == {1, 2, 3, 4}
    apart = [np.abs(a - b).max() for i, a in colours.items() for j, b in colours.items() if i < j]
    assert min(apart) > 0.2
    from dataclasses import replace

    own = (replace(structures[0], colour=(0.1, 0.2, 0.3)), *structures[1:])
    np.testing.assert_allclose(colours_of(own)[1], (0.1, 0.2, 0.3, 1.0))


@pytest.mark.parametrize("scale", [(1, 1, 1), (2, 1, 0.5), (1, 1, -1)])
def test_a_surface_comes_back_where_its_layer_lies(scale, tmp_path):
    mesh = knees.ball((5.0, -3.0, 8.0))
    data, attributes, _ = surface_layer(mesh)
    layer = Surface(data, **attributes | {"affine": np.diag([*scale, 1.0])})
    again = surface_from_layer(*layer.as_layer_data_tuple()[:2])
    np.testing.assert_allclose(again.vertices, mesh.vertices * scale)
    assert again.volume_mm3 == pytest.approx(mesh.volume_mm3 * abs(np.prod(scale))), "outwards however it is mirrored"
    write_surface(str(tmp_path / "ball.vtk"), *layer.as_layer_data_tuple()[:2])
    np.testing.assert_allclose(read_mesh(tmp_path / "ball.vtk").vertices, again.vertices, atol=1e-3)


def test_a_flat_surface_is_refused_in_one_line():
    viewer = ViewerModel()
    layer = viewer.add_surface((np.eye(3)[:, :2], np.array([[0, 1, 2]])), name="flat")
    with pytest.raises(InputError, match="flat: is a 2D surface"):
        surface_from_layer(*layer.as_layer_data_tuple()[:2])
    assert isinstance(knees.ball((0, 0, 0)), Mesh)
