"""Real CTs, and real volumes that are none."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_xray_landmarks.drr.hounsfield import in_hounsfield
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.io import load_image

DATA = Path(os.environ.get("XRAY_LANDMARKS_DATA") or Path(__file__).parents[3] / "shared" / "data")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real volumes are not here: set XRAY_LANDMARKS_DATA")
CTS = ["ct/trunk_ct_3mm.nii.gz", "ct/innominate_0.mha", "ct/series_jpeg2000"]


@pytest.mark.parametrize("name", CTS)
def test_offsets_of_real_cts_are_taken_off(name):
    ct = load_image(DATA / name)
    hu, _ = in_hounsfield(ct)
    for multiple in (1, -2):
        shifted = replace(ct, voxels=np.asarray(ct.voxels).astype(np.int32) + 1024 * multiple)
        np.testing.assert_array_equal(in_hounsfield(shifted)[0], hu)


@pytest.mark.parametrize("case", ["06", "08", "15", "23"])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_mr_is_refused_however_bright(case, scale):
    mr = load_image(DATA / "pelvic-mri" / f"{case}.nii.gz")
    with pytest.raises(InputError, match="not Hounsfield units"):
        scene(replace(mr, voxels=np.asarray(mr.voxels) * scale))


def test_labels_are_refused_as_a_ct():
    with pytest.raises(InputError, match="like labels"):
        scene(load_image(DATA / "ct" / "trunk_ct_3mm_labels.nii.gz"))


def test_a_trunk_with_labels_becomes_a_film():
    ct, labels = (load_image(DATA / "ct" / f"trunk_ct_3mm{s}.nii.gz") for s in ("", "_labels"))
    middle = (ct.world_from_voxel @ np.append((np.array(ct.shape) - 1) / 2, 1))[:3]
    patient = scene(ct, labels=labels)
    assert patient.materials[-1].name == "titanium"
    film = simulate(patient, CArm(0, 0, 0, 900, 1150, (2.0, 2.0), (200, 200), tuple(middle))).pixels
    assert film[100, 100] > 1.3 * film[100, 15]  # sacrum and flank
    assert (film == 4095).mean() < 0.06
