import numpy as np
import pytest

from napari_xray_landmarks.drr.attenuation import attenuation_per_mm
from napari_xray_landmarks.drr.physics import CT_KEV
from napari_xray_landmarks.drr.scene import TISSUES, scene
from napari_xray_landmarks.drr.toolbox import wire
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume

MATRIX = np.diag([2.0, 2.0, 2.0, 1.0])
MATRIX[:3, 3] = -40
LYING = CArm(0, 0, 0, 800, 1000, (4.0, 4.0), (33, 33))


def block(*parts, background=-1000.0) -> Volume:
    """A CT of 80 mm in air: parts are (HU, half width in mm), the last on top."""
    hu = np.full((41, 41, 41), background, np.float32)
    reach = np.abs(np.indices(hu.shape) * 2 - 40.0).max(0)
    for value, half in parts:
        hu[reach <= half] = value
    return Volume(hu, MATRIX, "block", "CT")


def central(volume: Volume, **options) -> np.ndarray:
    """The line integral of each material through the middle."""
    return scene(volume, **options).line_integrals(LYING.camera())[:, 16, 16]


@pytest.mark.parametrize("hu", [-900.0, -100.0, 0.0, 60.0, 200.0, 440.0, 800.0, 1500.0])
def test_every_hu_attenuates_as_the_scanner_says_at_its_own_energy(hu):
    made = scene(block((hu, 24)))
    sums = made.line_integrals(LYING.camera())[:, 16, 16]
    attenuation = sum(0.1 * t.mass_attenuation(CT_KEV) * s for t, s in zip(made.materials, sums, strict=True))
    assert attenuation == pytest.approx((1 + hu / 1000) * attenuation_per_mm("water", CT_KEV) * 50, rel=0.002)


def test_materials_are_told_by_hu():
    sums = central(block((40.0, 38), (300.0, 30), (700.0, 22), (1400.0, 14), (9000.0, 6)))
    assert len(sums) == len(TISSUES) == 5
    assert (sums > 0).all()
    assert sums[0] == pytest.approx(2 * 8 * 1.04, rel=0.03)


def test_a_bone_is_more_than_soft_tissue_and_less_than_cortex():
    soft, spongy, bone, dense = (TISSUES[i].mass_attenuation(40.0) for i in range(4))
    assert soft < spongy < bone < dense < 0.6655


def test_metal_that_the_scanner_clipped_is_solid():
    assert central(block((40.0, 30), (3071.0, 10)))[-1] == pytest.approx(4.54 * 22, rel=0.01)
    assert central(block((40.0, 30), (9000.0, 10)))[-1] < 4.54 * 22


def test_labels_say_what_is_bone():
    ct = block((250.0, 30), (90.0, 14))
    marrow, contrast = np.zeros((2, *ct.shape), np.uint8)
    marrow[:] = np.asarray(ct.voxels) > -500
    soft, spongy = central(ct, labels=Volume(marrow, MATRIX))
    assert soft == pytest.approx(0, abs=1e-3) and spongy > 0
    assert len(central(ct, labels=Volume(contrast, MATRIX))) == 1  # not labelled: a vessel or a stone, at 250 HU
    organ = np.where(np.asarray(ct.voxels) == 90, 5, 0)
    assert len(central(block((90.0, 14)), labels=Volume(organ, MATRIX))) == 1


def test_labels_on_another_grid_are_refused():
    ct = block((40.0, 30))
    moved = MATRIX.copy()
    moved[0, 3] += 1
    for labels in (Volume(np.zeros((5, 5, 5), int), MATRIX, "seg"), Volume(np.zeros(ct.shape, int), moved, "seg")):
        with pytest.raises(InputError, match="seg: its grid.*Resample"):
            scene(ct, labels=labels)


def test_labels_that_are_none_are_refused():
    ct = block((40.0, 30))
    with pytest.raises(InputError, match="labels are whole numbers"):
        scene(ct, labels=ct)


def test_an_offset_is_told_and_changes_nothing():
    plain, offset = block((40.0, 30), (600.0, 10)), block((1064.0, 30), (1624.0, 10), background=24.0)
    made = scene(offset)
    assert "offset of 1024" in made.notes[0] and scene(plain).notes == ()
    np.testing.assert_allclose(made.line_integrals(LYING.camera()), scene(plain).line_integrals(LYING.camera()))


def test_metal_takes_the_place_of_tissue():
    ct = block((40.0, 30))
    rod = wire((0, -25, 0), (0, 25, 0), radius=8.0)
    soft, steel = central(ct, implants=[rod])
    assert 7.9 * 46 < steel < 7.9 * 50  # the tip is pointed
    assert soft == pytest.approx(1.04 * (62 - steel / 7.9), abs=2.2)  # to a voxel of 2 mm
    whole = scene(ct).line_integrals(LYING.camera())
    made = scene(ct, implants=[rod])
    displaced = (whole.sum() - made.line_integrals(LYING.camera())[0].sum()) / whole.sum()
    assert displaced == pytest.approx(rod.solids[0].volume_mm3 / 62**3, rel=0.05)
    assert [m.name for m in made.materials] == ["soft tissue", "steel"]
