"""Previews look like the films that they stand for."""

import numpy as np
import pytest

from napari_xray_landmarks.drr.live import coarser, live_arm, live_film, live_volume
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.phantoms import phantom


@pytest.fixture(scope="module")
def ct():
    return phantom("proximal-femur", 1, implant=False, spacing_mm=2.5).volume


def test_a_preview_looks_like_the_film(ct):
    middle = ct.world_from_voxel[:3] @ [*(np.array(ct.shape) / 2), 1]
    arm = CArm(20, -10, 5, 700, 1100, (1.0, 1.0), (120, 160), tuple(middle))
    small = live_arm(arm, 80)
    film = simulate(scene(ct), small).pixels.astype(float)
    preview = live_film(live_volume(ct), small).astype(float)
    assert preview.shape == film.shape == (60, 80)
    assert np.corrcoef(preview.ravel(), film.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("arm", [CArm(), CArm(30, 5, centre_px=(100, 420), isocentre_mm=(4, 5, 6)),
                                 CArm(size_px=(90, 60))])
def test_a_smaller_detector_sees_the_same_field(arm):
    small = live_arm(arm)
    assert max(small.size_px) <= 192
    points = np.random.default_rng(0).uniform(-60, 60, (20, 3))
    share = np.array(small.size_px) / arm.size_px
    np.testing.assert_allclose(small.camera().project(points), (arm.camera().project(points) + 0.5) * share - 0.5,
                               atol=1e-6)


def test_blocks_of_voxels_stay_where_they_were():
    matrix = np.diag([0.5, 1.0, 0.4, 1.0])
    matrix[:3, 3] = 10, -20, 30
    index = np.stack(np.indices((20, 12, 21)), -1) @ matrix[:3, :3].T + matrix[:3, 3]
    fine = Volume(index.sum(-1), matrix)
    coarse = coarser(fine, 1.2)
    assert coarse.shape == (10, 12, 7)
    np.testing.assert_allclose(coarse.spacing_mm, (1.0, 1.0, 1.2))
    again = np.stack(np.indices(coarse.shape), -1) @ coarse.world_from_voxel[:3, :3].T + coarse.world_from_voxel[:3, 3]
    np.testing.assert_allclose(coarse.voxels, again.sum(-1))
    assert coarser(fine, 0.4) is fine


def test_what_is_no_ct_is_refused(ct):
    with pytest.raises(InputError, match="MR"):
        live_volume(Volume(ct.voxels, ct.world_from_voxel, "knee", "MR"))
