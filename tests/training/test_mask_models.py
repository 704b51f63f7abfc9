import json
import pickle

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_xray_landmarks.cli.app import app
from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io import write_volume
from napari_xray_landmarks.models import load_model, read_model_file
from napari_xray_landmarks.training.mask_sets import bone_masks, read_mask_set
from napari_xray_landmarks.training.shape_models import train_mask_model

SHAPE = (36, 30, 72)
QUICK = {"points": "150", "spacing_mm": "2.5", "iterations": "20", "samples": "10"}


def egg(radii, centre) -> np.ndarray:
    at = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1) - centre
    return ((at / radii) ** 2).sum(-1) < 1


def pair(k: int) -> Volume:
    """Two bones, label 3, and something else, label 1."""
    radii = (13 + k % 3, 9 - k % 2, 10 + 0.5 * k)
    labels = np.zeros(SHAPE, np.uint8)
    labels[egg(radii, (18, 15, 18)) | egg(radii, (18, 15, 54))] = 3
    labels[:2, :2] = 1
    return Volume(labels, np.diag([1.0, 1, 1, 1]))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set").mkdir()
    for k in range(3):
        write_volume(tmp_path / "set" / f"s{k}_labels.nii.gz", pair(k))
        write_volume(tmp_path / "set" / f"s{k}.nii.gz", Volume(np.full((4, 4, 4), 700, np.int16)))
    return tmp_path / "set"


def test_of_files_named_as_masks_only_those_count(folder):
    found = read_mask_set(folder)
    assert [scan.name for scan in found.scans] == ["s0", "s1", "s2"]
    assert found.structures == {"label-1": 1, "label-3": 3}


def test_both_sides_are_bones_of_their_own_the_right_ones_mirrored(folder):
    masks = bone_masks(read_mask_set(folder), "3", "both")
    assert masks.names[:3] == ("s0 left", "s0 right", "s1 left") and masks.subjects[:3] == ("s0", "s0", "s1")
    assert masks.mirrored.tolist() == [False, True] * 3 and masks.side == "left"
    assert pickle.dumps(masks.sources[2]), "it goes to other processes"
    lefts = np.argwhere(masks.sources[2]().voxels)[:, 2]
    assert lefts.min() > 36
    assert not bone_masks(read_mask_set(folder), "label-3", "right").mirrored.any()


def test_sides_of_the_table_count_too(tmp_path):
    (tmp_path / "masks").mkdir()
    for name in ("a", "b"):
        write_volume(tmp_path / "masks" / f"{name}.nii.gz", Volume(egg((13, 9, 10), (18, 15, 18)).astype(np.uint8)))
    (tmp_path / "images.csv").write_text("image,subject,side\na,a,left\nb,b,right\n")
    masks = bone_masks(read_mask_set(tmp_path))
    assert masks.mirrored.tolist() == [False, True] and masks.side == "left" and masks.structure == "label-1"


def test_a_model_of_masks(folder, tmp_path):
    settings = {**QUICK, "structure": "3", "side": "both"}
    trained = train_mask_model(folder, tmp_path / "m.safetensors", settings=settings, anatomy="egg")
    assert trained.header.training["subjects"] == 3 and trained.header.training["shapes"] == 6
    assert list(trained.header.training["left_out"]) == [] and trained.header.extra["side"] == "left"
    header, tensors = read_model_file(tmp_path / "m.safetensors")
    assert tensors["faces"].shape == (296, 3) and header.tasks == ("shape",) and header.extra["dimension"] == 3
    assert load_model(tmp_path / "m.safetensors").detector.mean.shape == (150, 3)
    assert not (tmp_path / "m.run").exists()
    assert trained.quality.generalisation[1] < trained.quality.generalisation[0]


def test_the_command_writes_a_report_of_the_registrations(folder, tmp_path):
    write_volume(folder / "empty_labels.nii.gz", Volume(np.zeros(SHAPE, np.uint8)))
    options = [o for key, value in {**QUICK, "structure": "3", "side": "left"}.items()
               for o in ("--set", f"{key}={value}")]
    model = tmp_path / "egg.safetensors"
    done = CliRunner().invoke(app, ["train", "shape-model", "--from-masks", "--data", str(folder), "-o", str(model),
                                    *options])
    assert done.exit_code == 0, done.output
    assert "3 of 4 bones registered" in done.output
    assert "empty is left out" in done.output and "mask is empty" in done.output
    lines = (tmp_path / "egg-report" / "registration.csv").read_text().splitlines()
    assert len(lines) == 5 and lines[0].startswith("subject,used,is_reference,mirrored,overlap,registered_median_mm")
    for name in ("registration.png", "modes.png", "quality.csv", "quality.svg"):
        assert (tmp_path / "egg-report" / name).stat().st_size > 1000 or name == "quality.csv"


def test_a_structure_has_to_be_chosen(folder):
    dataset = read_mask_set(folder)
    with pytest.raises(InputError, match=r"several structures. Choose with --set structure=.*label-1 \(1\), label-3"):
        bone_masks(dataset)
    with pytest.raises(InputError, match="structure=femur: there is none"):
        bone_masks(dataset, "femur")
    with pytest.raises(InputError, match="side must be one of"):
        train_mask_model(folder, folder.parent / "m.safetensors", settings={"side": "upper"})


def test_two_bones_in_each_mask_are_refused_with_the_way_out(folder, tmp_path):
    with pytest.raises(InputError, match="0 of 3 masks can be used .*two bones.*side=both"):
        train_mask_model(folder, tmp_path / "m.safetensors", settings={**QUICK, "structure": "3"})
    assert not (tmp_path / "m.safetensors").exists()


def test_a_mask_on_another_grid_than_its_image_is_left_out_and_said(folder, tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    (tmp_path / "about.json").write_text(json.dumps({"structures": {"egg": 3, "other": 1}}))
    for k in range(3):
        volume = pair(k)
        write_volume(tmp_path / "masks" / f"s{k}.nii.gz", volume)
        image = Volume(volume.voxels.astype(np.int16)[: None if k else 20], volume.world_from_voxel)
        write_volume(tmp_path / "images" / f"s{k}.nii.gz", image)
    trained = train_mask_model(tmp_path, tmp_path / "m.safetensors",
                               settings={**QUICK, "structure": "egg", "side": "left"})
    assert list(trained.header.training["left_out"]) == ["s0"] and trained.header.training["structure"] == "egg"
    assert "own grid" in trained.correspondences.report[0].notes[-1]


def test_folders_without_masks_and_masks_with_time_are_refused(tmp_path):
    with pytest.raises(FileError, match="holds no label volumes"):
        read_mask_set(tmp_path)
    with pytest.raises(FileError, match="no such folder"):
        read_mask_set(tmp_path / "none")
