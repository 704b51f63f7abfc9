"""Shape models in space, mode by mode."""

import numpy as np
import pytest

import knees
from napari_xray_landmarks.errors import ModelError
from napari_xray_landmarks.plugin.exploring import fitted_shapes, shapes_in
from napari_xray_landmarks.training.shape_models import train_shape_model


def test_fitted_bones_stand_where_they_were_fitted_and_face_outwards():
    found = knees.knee_segmentation(knees.knee_labels(knees.grid()))
    shapes = {shape.name: shape for shape in fitted_shapes(found)}
    assert set(shapes) == {"femur", "tibia"}
    for bone, shape in shapes.items():
        mesh = shape.mesh()
        np.testing.assert_allclose(mesh.vertices, found.surfaces[bone].vertices, atol=1e-9)
        assert mesh.volume_mm3 == pytest.approx(found.surfaces[bone].volume_mm3), "the tibia's pose mirrors"


def test_the_displacement_is_that_of_the_modes():
    shape = fitted_shapes(knees.knee_segmentation(knees.knee_labels(knees.grid())))[0]
    three = np.zeros(len(shape.deviations))
    three[0] = 3.0
    moved = shape.displacement_mm(shape.mesh(three))
    np.testing.assert_allclose(moved, 3 * shape.model.deviations[0] * np.linalg.norm(shape.model.modes[0], axis=1))
    assert shape.largest_mm == pytest.approx(moved.max())
    assert shape.displacement_mm(shape.mesh(0 * three)).max() == 0


@pytest.fixture(scope="module")
def shape_model(tmp_path_factory):
    """A shape model made of surfaces in files."""
    from napari_xray_landmarks.io.meshes import write_mesh
    from napari_xray_landmarks.mesh import Mesh

    folder, rng = tmp_path_factory.mktemp("ball"), np.random.default_rng(0)
    mesh = knees.ball((100.0, 40.0, -20.0))
    for i in range(5):
        write_mesh(folder / f"{i}.vtk", Mesh(mesh.vertices * (1 + rng.normal(0, 0.05, 3)), mesh.faces, str(i)))
    path = tmp_path_factory.mktemp("models") / "ball-shape.safetensors"
    train_shape_model(folder, path, anatomy="ball")
    return path


def test_a_trained_shape_model_gives_its_mean_at_a_place(shape_model):
    (shape,) = shapes_in(shape_model)
    mesh = shape.centred_at((1.0, 2.0, 3.0)).mesh()
    assert shape.name == "ball" and not shape.deviations.any()
    np.testing.assert_allclose(mesh.bounds_mm.mean(0), (1, 2, 3), atol=1e-6)
    radius = np.cbrt(mesh.volume_mm3 / (4 / 3 * np.pi))
    assert radius == pytest.approx(knees.RADIUS_MM, rel=0.06)


def test_a_model_without_a_surface_is_refused():
    with pytest.raises(ModelError, match="holds no shape model of a surface"):
        shapes_in("pelvis-ap")
