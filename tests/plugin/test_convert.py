import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.landmarks import Contour, LandmarkSet
from napari_xray_landmarks.plugin import convert

PIXELS = np.arange(20, dtype=np.uint16).reshape(4, 5)
FILM = Radiograph(PIXELS, (0.14, 0.2), "ImagerPixelSpacing / magnification 1.2", (0.168, 0.24), (3, 17), "hip",
                  {"file": "hip.dcm", "modality": "DX", "view_position": "AP"})


def live(layer_data) -> Layer:
    """The layer that napari makes of it."""
    return Layer.create(*layer_data)


def back(layer: Layer):
    return layer.as_layer_data_tuple()[:2]


def test_importing_it_needs_no_napari():
    code = "import sys, napari_xray_landmarks.plugin.convert; sys.exit(bool({'napari', 'qtpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_film_becomes_an_image_in_mm():
    layer = live(convert.image_layer(FILM))
    assert isinstance(layer, Image) and layer.name == "hip" and not layer.rgb
    assert np.allclose(layer.scale, (0.14, 0.2)) and [str(u) for u in layer.units] == ["millimeter"] * 2
    assert tuple(layer.contrast_limits) == (3, 17) and layer.axis_labels == ("row", "column")
    notes = layer.metadata[convert.KEY]
    assert notes["file"] == "hip.dcm" and notes["spacing_source"].startswith("ImagerPixelSpacing")


@pytest.mark.parametrize("film", [FILM, Radiograph(PIXELS, name="plain")])
def test_a_film_comes_back_as_it_was(film):
    found = convert.film_from_layer(*back(live(convert.image_layer(film))))
    assert np.array_equal(found.pixels, film.pixels) and found.pixels.dtype == film.pixels.dtype
    for key in ("spacing_mm", "spacing_source", "detector_spacing_mm", "display_range", "name"):
        assert getattr(found, key) == getattr(film, key), key
    assert dict(found.header) == dict(film.header)


def test_a_film_without_spacing_is_in_pixels():
    layer = live(convert.image_layer(Radiograph(PIXELS)))
    assert [str(u) for u in layer.units] == ["pixel"] * 2 and np.array_equal(layer.scale, (1, 1))


def test_what_the_user_did_to_a_film_is_kept():
    layer = live(convert.image_layer(FILM))
    layer.scale, layer.translate, layer.rotate = (0.5, 0.25), (3, 4), 90
    found = convert.film_from_layer(*back(layer))
    assert np.allclose(found.spacing_mm, (0.5, 0.25))
    placed = np.array(found.header["world_from_pixel"])
    assert np.allclose(placed @ [1, 2, 1], [*layer.data_to_world((1, 2)), 1])
    again = live(convert.image_layer(found))
    assert np.allclose(again.data_to_world((3, 1)), layer.data_to_world((3, 1)))


def test_narrow_films_are_not_taken_for_colour():
    layer = live(convert.image_layer(Radiograph(np.zeros((9, 3), np.uint8))))
    assert not layer.rgb and layer.ndim == 2


@pytest.mark.parametrize("pixels", [np.full((3, 3), np.nan), np.full((3, 3), 7.0), np.zeros((3, 3), np.uint8)])
def test_flat_and_nan_films_can_be_shown(pixels):
    low, high = live(convert.image_layer(Radiograph(pixels))).contrast_limits
    assert np.isfinite([low, high]).all() and low < high


@st.composite
def volumes(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=rng).as_matrix() @ np.diag(rng.choice([-1, 1], 3))
    matrix[:3, :3] *= rng.uniform(0.3, 5, 3)
    matrix[:3, 3] = rng.uniform(-500, 500, 3)
    return Volume(rng.integers(-9, 9, rng.integers(2, 5, 3)).astype(np.int16), matrix, "ct", "CT", {"file": "ct.mha"})


@settings(deadline=None, max_examples=40)
@given(volume=volumes())
def test_an_oblique_volume_is_where_it_was_and_comes_back(volume):
    layer = live(convert.image_layer(volume))
    axes = convert.world_axes(volume.world_from_voxel)
    voxel = np.array(volume.shape) - 1
    assert np.allclose(layer.data_to_world(voxel[list(axes)]), (volume.world_from_voxel @ [*voxel, 1])[:3])
    found = convert.volume_from_layer(*back(layer))
    assert np.array_equal(found.voxels, volume.voxels) and found.modality == "CT" and found.name == "ct"
    assert np.allclose(found.world_from_voxel, volume.world_from_voxel, rtol=1e-12, atol=1e-9)
    assert dict(found.header) == dict(volume.header)


def test_a_coronal_volume_is_sliced_along_its_own_axes():
    coronal = np.eye(4)[[1, 0, 2, 3]] * [3, -1, 1, 1]  # planes run along posterior, rows down
    volume = Volume(np.random.default_rng(0).normal(size=(3, 4, 5)), coronal)
    viewer = ViewerModel()
    layer = viewer.add_layer(live(convert.image_layer(volume)))
    assert layer.data.shape == (4, 3, 5)
    viewer.dims.set_point(0, -2.0)
    shown = layer._slice.image.raw
    assert np.array_equal(shown, volume.voxels[:, 2, :])


@settings(deadline=None, max_examples=30)
@given(volume=volumes(), seed=st.integers(0, 2**32))
def test_what_the_user_did_to_a_volume_is_kept(volume, seed):
    rng = np.random.default_rng(seed)
    layer = live(convert.image_layer(volume))
    layer.translate, layer.scale = rng.normal(size=3) * 30, rng.uniform(0.5, 3, 3)
    layer.rotate = tuple(rng.uniform(-90, 90, 3))
    found = convert.volume_from_layer(*back(layer))
    voxel = np.array(volume.shape) // 2
    data = voxel[list(layer.metadata[convert.KEY]["stored_axes"])]
    assert np.allclose((found.world_from_voxel @ [*voxel, 1])[:3], layer.data_to_world(data), atol=1e-8)


def test_other_units_become_mm():
    volume = convert.volume_from_layer(np.zeros((2, 2, 2)), {"scale": (500, 250, 250), "units": ("um",) * 3})
    assert np.allclose(volume.spacing_mm, (0.5, 0.25, 0.25))


@pytest.mark.parametrize(("name", "dtype", "kind"), [
    ("ct_labels", np.uint8, Labels), ("07_seg", np.int16, Labels), ("bone-mask", np.float32, Labels),
    ("Segmentation", np.uint16, Labels), ("segment of bone", np.uint8, Image), ("ct", np.uint8, Image),
])
def test_labels_are_known_by_name_and_values(name, dtype, kind):
    layer = live(convert.image_layer(Volume(np.arange(24, dtype=dtype).reshape(2, 3, 4), name=name)))
    assert type(layer) is kind


@pytest.mark.parametrize("voxels", [-np.ones((2, 2, 2), int), np.full((2, 2, 2), 0.5), np.full((2, 2, 2), np.nan),
                                    np.arange(1000).reshape(10, 10, 10)])
def test_what_cannot_be_labels_stays_an_image(voxels):
    assert convert.image_layer(Volume(voxels, name="x_labels"))[2] == "image"


def test_a_run_is_one_layer_and_gives_its_frames_back():
    frames = [Radiograph(PIXELS + i, (0.3, 0.3), "x", name=f"run · frame {i + 1} of 3",
                         header={"file": "run.dcm", "frame": i + 1, "frame_count": 3}) for i in range(3)]
    layer = live(convert.frames_layer(frames))
    assert layer.data.shape == (3, 4, 5) and layer.name == "run" and np.allclose(layer.scale, (1, 0.3, 0.3))
    found = convert.film_from_layer(*back(layer), frame=2)
    assert np.array_equal(found.pixels, PIXELS + 2) and found.spacing_mm == (0.3, 0.3)
    with pytest.raises(InputError, match="3D"):
        convert.film_from_layer(*back(layer))


def test_colour_and_4d_layers_are_refused():
    with pytest.raises(InputError, match="colour"):
        convert.film_from_layer(*back(Image(np.zeros((4, 4, 3)), rgb=True)))
    with pytest.raises(InputError, match="4D"):
        convert.volume_from_layer(*back(Image(np.zeros((2, 2, 2, 2)))))


MARKS = LandmarkSet(("head", "neck", "lost"), [[1, 2.5], [3, 4], [np.nan, np.nan]], [0.9, np.nan, 0.1],
                    [True, False, False])


@pytest.mark.parametrize("spacing", [None, (0.2, 0.4)])
def test_landmarks_of_a_film_come_back_in_pixels(spacing):
    layer = live(convert.landmarks_layer(MARKS, "l", spacing_mm=spacing))
    assert isinstance(layer, Points) and layer.text.values[0] == "head" and layer.shown.tolist() == [True, True, False]
    found, found_spacing = convert.landmarks_in_pixels(*back(layer))
    assert found.names == MARKS.names and np.array_equal(found.points, MARKS.points, equal_nan=True)
    assert np.array_equal(found.confidence, MARKS.confidence, equal_nan=True)
    assert np.array_equal(found.detected, MARKS.detected) and found_spacing == spacing
    world = convert.landmarks_in_world(*back(layer))
    assert world.unit == ("px" if spacing is None else "mm")
    assert np.allclose(world.points, MARKS.points * (spacing or 1), equal_nan=True)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_landmarks_of_a_volume_come_back_in_the_world(seed):
    rng = np.random.default_rng(seed)
    marks = LandmarkSet(("a", "b"), rng.normal(size=(2, 3)) * 100, rng.uniform(size=2), unit="mm")
    layer = live(convert.landmarks_layer(marks, "l"))
    found = convert.landmarks_in_world(*back(layer))
    assert found.unit == "mm" and np.array_equal(found.points, marks.points)
    layer.translate, layer.rotate = rng.normal(size=3) * 9, tuple(rng.uniform(-90, 90, 3))
    moved = convert.landmarks_in_world(*back(layer))
    assert np.allclose(moved.points, [layer.data_to_world(p) for p in layer.data])


def test_points_that_a_user_drew_over_a_film_find_its_pixels():
    film = Image(PIXELS, scale=(0.2, 0.4), translate=(5, 6), rotate=30, units=("mm", "mm"))
    world = [film.data_to_world(p) for p in ((1.0, 2.0), (3.0, 0.5))]
    drawn = Points(world, units=("mm", "mm"))
    world_from_image = convert.world_from_data(back(film)[1], 2)
    found, spacing = convert.landmarks_in_pixels(*back(drawn), world_from_image=world_from_image)
    assert np.allclose(found.points, [[1, 2], [3, 0.5]]) and np.allclose(spacing, (0.2, 0.4))
    assert found.names == ("point-1", "point-2") and found.detected.all()


def test_a_moved_landmark_layer_is_respected():
    layer = live(convert.landmarks_layer(MARKS, "l", spacing_mm=(0.5, 0.5)))
    layer.translate = (1, 2)
    found, _ = convert.landmarks_in_pixels(*back(layer))
    assert np.allclose(found.points[:2], MARKS.points[:2] + [2, 4])


def test_points_in_mm_of_an_unknown_film_have_no_pixels():
    layer = live(convert.landmarks_layer(LandmarkSet(("a",), [[1, 2]], unit="mm"), "l"))
    with pytest.raises(InputError, match="spacing of their image is not known"):
        convert.landmarks_in_pixels(*back(layer))


def test_names_that_repeat_are_named():
    layer = Points(np.zeros((3, 2)), features={"name": ["a", "b", "a"]}, name="mine")
    with pytest.raises(InputError, match="mine: .*twice: a"):
        convert.landmarks_in_world(*back(layer))


@pytest.mark.parametrize("ndim", [2, 3])
def test_no_landmarks_is_an_empty_layer(ndim):
    assert len(live(convert.landmarks_layer(LandmarkSet((), np.empty((0, 2))), "l")).data) == 0
    assert len(convert.landmarks_in_world(*back(Points(ndim=ndim)))) == 0


def test_contours_come_back():
    contours = [Contour([[0, 1], [2, 3], [4, 0.5]], "femur"), Contour([[5, 5], [6, 7]], "line", closed=False)]
    layer = live(convert.contours_layer(contours, "c", spacing_mm=(0.2, 0.3)))
    assert isinstance(layer, Shapes) and list(layer.shape_type) == ["polygon", "path"]
    found, spacing = convert.contours_in_pixels(*back(layer))
    assert spacing == (0.2, 0.3)
    for before, after, world in zip(contours, found, convert.contours_in_world(*back(layer)), strict=True):
        assert (before.name, before.closed) == (after.name, after.closed)
        assert np.allclose(after.points, before.points)
        assert world.unit == "mm" and np.allclose(world.points, before.points * [0.2, 0.3])


def test_an_ellipse_is_sampled_on_its_outline():
    layer = Shapes([[[0, 0], [0, 8], [4, 8], [4, 0]]], shape_type="ellipse")
    (outline,), _ = convert.contours_in_pixels(*back(layer))
    assert np.allclose(((outline.points - [2, 4]) / [2, 4]) ** 2 @ [1, 1], 1)
