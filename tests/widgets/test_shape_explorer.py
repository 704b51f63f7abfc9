"""A shape model explored by hand in space: its surface follows the sliders."""

from dataclasses import replace

import numpy as np
import pytest

import knees
from docks import LONG
from napari_xray_landmarks.io.meshes import write_mesh
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.models import ModelHeader
from napari_xray_landmarks.models.registry import Model
from napari_xray_landmarks.plugin.convert import image_layer
from napari_xray_landmarks.plugin.exploring import explored_layer
from napari_xray_landmarks.plugin.solving import Search
from napari_xray_landmarks.plugin.volumes import segmented_volume, volume_of
from napari_xray_landmarks.shape.settings import ShapeModelSettings
from napari_xray_landmarks.training.shape_models import train_shape_model


@pytest.fixture
def shape_model(figure_model_file, tmp_path):
    """A shape model of surfaces, installed beside the made-up film model; removed again."""
    rng, mesh, folder = np.random.default_rng(0), knees.ball((90.0, 40.0, -20.0)), tmp_path / "balls"
    folder.mkdir()
    for i in range(5):
        write_mesh(folder / f"{i}.vtk", Mesh(mesh.vertices * (1 + rng.normal(0, 0.05, 3)), mesh.faces, str(i)))
    path = figure_model_file.parent / "ball-shape.safetensors"
    train_shape_model(folder, path, anatomy="ball")
    yield path
    path.unlink()


@pytest.fixture
def explorer(shape_model, segment_dock):
    return segment_dock.explorer


@pytest.fixture
def image(viewer):
    labels = knees.knee_labels(knees.grid())
    data, attributes, _ = image_layer(knees.knee_volume(labels))
    return viewer.add_image(data, **attributes)


def show(explorer, qtbot):
    explorer.show_button.click()
    qtbot.waitUntil(lambda: explorer.shown and not explorer.busy, timeout=LONG)


def move(slider, sd):
    slider.slider.setValue(slider.position(sd))


def test_with_nothing_open_a_models_mean_stands_at_the_origin(explorer, viewer, qtbot):
    assert not explorer.modes.isVisibleTo(explorer) and explorer.model.header.anatomy == "ball"
    show(explorer, qtbot)
    layer = explored_layer(viewer)
    assert layer.name == "ball-shape · ball shape" and viewer.dims.ndisplay == 3
    np.testing.assert_allclose((layer.vertices.min(0) + layer.vertices.max(0)) / 2, 0, atol=1e-5)
    assert np.linalg.norm(layer.vertices, axis=1).mean() == pytest.approx(knees.RADIUS_MM, rel=0.06)
    assert not layer.vertex_values.any(), "the mean is not displaced"


def test_a_slider_moves_the_surface_and_colours_it_by_the_displacement(explorer, viewer, qtbot):
    show(explorer, qtbot)
    layer = explored_layer(viewer)
    mean = np.array(layer.vertices)
    move(explorer.modes.sliders[0], 3.0)
    away = np.linalg.norm(layer.vertices - mean, axis=1)
    assert explored_layer(viewer) is layer and away.max() > 0.5
    np.testing.assert_allclose(layer.vertex_values, away, atol=1e-6)
    assert layer.contrast_limits == pytest.approx([0, away.max()])
    assert explorer.bar.accessibleName() == f"from the mean in mm: 0 to {away.max():.3g}"
    move(explorer.modes.sliders[0], -3.0)
    np.testing.assert_allclose(layer.vertices + 0, 2 * mean - (mean + (mean - layer.vertices)), atol=1e-6)
    explorer.modes.reset_button.click()
    np.testing.assert_allclose(layer.vertices, mean)
    assert explorer.modes.sliders[0].value == 0


def test_it_stands_where_the_user_wants(explorer, viewer, image, qtbot):
    show(explorer, qtbot)
    middle = image.extent.world.mean(0)
    layer = explored_layer(viewer)
    np.testing.assert_allclose((layer.vertices.min(0) + layer.vertices.max(0)) / 2, middle, atol=1e-5)
    move(explorer.modes.sliders[0], 2.0)
    moved = np.array(layer.vertices)
    explorer.place.setCurrentText("at the world's origin")
    explorer.place.activated.emit(2)
    np.testing.assert_allclose(layer.vertices, moved - middle, atol=1e-5)


def test_slices_are_hidden_meanwhile_and_come_back(explorer, viewer, image, qtbot):
    show(explorer, qtbot)
    assert not image.visible
    viewer.dims.ndisplay = 2
    assert image.visible and not explored_layer(viewer).visible
    viewer.dims.ndisplay = 3
    assert not image.visible and explored_layer(viewer).visible
    explorer.hide_button.click()
    assert explored_layer(viewer) is None and image.visible and not explorer.modes.isEnabled()


def test_fitted_bones_are_explored_from_their_fit(explorer, segment_dock, viewer, image, qtbot):
    found = knees.knee_segmentation(knees.knee_labels(knees.grid()))
    model = Model(ModelHeader("shape-model", "knee", ("a",), name="made-up"), None, None)
    search = Search(image, volume_of(image))
    segment_dock._on_found(([segmented_volume(search, model, found, ShapeModelSettings())], []))
    assert explorer.of.currentText() == "the bones fitted here"
    show(explorer, qtbot)
    layer = explored_layer(viewer)
    np.testing.assert_allclose(layer.vertices, found.surfaces["femur"].vertices, atol=1e-4)
    assert explorer.modes.sliders[0].value == pytest.approx(0.5) and layer.vertex_values.max() > 0
    explorer.modes.choose(1)
    np.testing.assert_allclose(layer.vertices, found.surfaces["tibia"].vertices, atol=1e-4)
    assert layer.name == "knee · tibia shape"
    again = replace(found, fits={}, surfaces={}, thickness={})
    segment_dock._on_found(([segmented_volume(search, model, again, ShapeModelSettings())], []))
    assert explorer.of.currentText() == "a shape model"
