"""Training: all stages, the same each time, taken up where it was stopped."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("lightning_fabric")

from ellipsoids import QUICK, STRUCTURES, ellipsoids  # noqa: E402

from napari_xray_landmarks.deep_shape.scans import Layout, Scan  # noqa: E402
from napari_xray_landmarks.deep_shape.storage import Bone, networks_of  # noqa: E402
from napari_xray_landmarks.deep_shape.training import volumes_ml  # noqa: E402
from napari_xray_landmarks.deep_shape.training_shapes import instances_of  # noqa: E402
from napari_xray_landmarks.errors import Cancelled, InputError  # noqa: E402
from napari_xray_landmarks.models.format import read_model_file  # noqa: E402
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel  # noqa: E402
from napari_xray_landmarks.training.recipes import train  # noqa: E402


def test_all_stages_are_in_the_model(ellipsoid_model):
    header, tensors = read_model_file(ellipsoid_model)
    networks = networks_of(header, tensors)
    assert [s["name"] for s in header.extra["structures"]] == list(STRUCTURES)
    assert {bone.name: bone.sides for bone in networks.bones} == {"bone": ""}
    assert header.extra["volume_ml"]["cartilage"][1] < 2 < header.extra["volume_ml"]["bone"][0]
    assert header.landmarks == tuple(f"bone-{i}" for i in range(1, 7))
    assert header.training["volumes"] == 3 and header.training["shapes"] == {"bone": 3}
    assert header.metrics["slices_dice_bone"] > 0.5
    assert ellipsoid_model.stat().st_size < 2_000_000


def test_centres_of_subvolumes_lie_in_the_cartilage(ellipsoid_model):
    bone = networks_of(*read_model_file(ellipsoid_model)).bones[0]
    assert (bone.model.mean[bone.thinned, 0] > 0).all() and len(bone.thinned) == 6


def test_the_network_of_slices_has_learnt_something(ellipsoid_model):
    from napari_xray_landmarks.deep_shape.preparation import normalised
    from napari_xray_landmarks.deep_shape.slices import slice_probabilities

    header, tensors = read_model_file(ellipsoid_model)
    image, labels = ellipsoids(50)
    found = slice_probabilities(networks_of(header, tensors).slices, normalised(image.voxels),
                                header.extra["slice_axis"], header.extra["neighbours"])
    truth = labels.voxels == 1
    assert found.shape == (4, *image.shape)
    assert 2 * ((found.argmax(0) == 1) & truth).sum() / ((found.argmax(0) == 1).sum() + truth.sum()) > 0.5


def test_a_run_that_was_stopped_ends_as_any_other(drawn, ellipsoid_model, tmp_path):
    parts = tmp_path / "parts.safetensors"
    for word in ("slices, epoch 2", "shape-bone", "local"):
        def stop(fraction, stage, word=word):
            if stage.startswith(word):
                raise Cancelled

        with pytest.raises(Cancelled):
            train("deep-shape", drawn, parts, settings=QUICK, seed=3, progress=stop)
        assert not parts.exists()
    train("deep-shape", drawn, parts, settings=QUICK, seed=3)
    one, other = read_model_file(ellipsoid_model)[1], read_model_file(parts)[1]
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_volumes_are_of_a_bone_s_largest_piece_and_of_all_cartilage():
    classes = np.zeros((10, 10, 10), np.uint8)
    classes[:5, :5, :5] = 1
    classes[9, 9, 9] = 1  # a stray voxel
    classes[6, :3, 0] = classes[6, 5:9, 0] = 2  # on both condyles
    scan = Scan("knee", "", np.zeros(classes.shape, np.float16), classes, np.full(3, 10.0))
    shape = PointDistributionModel(np.eye(3), np.zeros((0, 3, 3)), np.zeros(0))
    bone = Bone("tibia", "either", shape, np.zeros((0, 3)), np.zeros(0, int))
    layout = Layout({"tibia": 1, "cartilage": 2}, {"cartilage": "tibia"}, {}, ("tibia",), "MR", (10.0,) * 3, 2)
    found = volumes_ml([scan], SimpleNamespace(bones=(bone,)), layout)
    assert found == {"tibia": [125.0, 125.0], "cartilage": [7.0, 7.0]}


def test_one_subject_is_refused(drawn, tmp_path):
    with pytest.raises(InputError, match="two subjects"):
        train("deep-shape", drawn.of_subjects(["e0"]), tmp_path / "none.safetensors", settings=QUICK)


def test_films_and_volumes_have_recipes_of_their_own(drawn, tmp_path):
    with pytest.raises(InputError, match="films, not volumes"):
        train("spine", drawn, tmp_path / "none.safetensors")


def test_right_bones_of_a_pair_are_those_to_mirror(drawn):
    from napari_xray_landmarks.deep_shape.scans import layout_of, read_scans
    from napari_xray_landmarks.deep_shape.settings import DeepShapeSettings

    layout = layout_of(drawn, DeepShapeSettings())
    sides, found = instances_of(read_scans(drawn.of_subjects(["e0", "e1"]), layout), layout.class_of("pegs"))
    assert sides == "pair" and [one.mirrored for one in found] == [True, False] * 2
    assert found[0].corner[2] < found[1].corner[2]
    for one in found:
        end = one.corner + one.mask.shape
        inside = one.scan.classes[tuple(slice(a, b) for a, b in zip(one.corner, end, strict=True))] == 3
        assert (one.mask <= inside).all() and one.mask.sum() > 200


def test_landmarks_of_both_sides_of_a_pair_are_named():
    from napari_xray_landmarks.deep_shape.storage import Bone
    from napari_xray_landmarks.shape.point_distribution import PointDistributionModel

    model = PointDistributionModel.fit(np.random.default_rng(0).normal(size=(4, 5, 3)))
    bone = Bone("pegs", "pair", model, np.zeros((0, 3), int), np.array([4, 0]))
    assert bone.landmark_names == ["pegs-left-1", "pegs-left-2", "pegs-right-1", "pegs-right-2"]
