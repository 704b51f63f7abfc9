import numpy as np
import pytest

from napari_xray_landmarks.drr.attenuation import mass_attenuation
from napari_xray_landmarks.drr.exposure import Exposure
from napari_xray_landmarks.drr.scene import TISSUES, Tissue
from napari_xray_landmarks.drr.transmission import detected_spectrum, transmission

SOFT, BONE, STEEL = (Tissue(n, ((n, 1.0),)) for n in ("soft tissue", "bone", "steel"))


def slab(*thicknesses):
    """Line integrals, in g/cm3 mm, that are the same everywhere."""
    return np.ones((len(thicknesses), 3, 5), np.float32) * np.reshape(thicknesses, (-1, 1, 1)).astype(np.float32)


def test_one_energy_through_a_slab_is_beer_and_lambert():
    for mm in (0.0, 1.0, 30.0, 250.0):
        passed = transmission(slab(mm * 1.06), (SOFT,), Exposure(energy_kev=60.0))
        np.testing.assert_allclose(passed, np.exp(-0.1 * 1.06 * mm * mass_attenuation("soft tissue", 60.0)), rtol=2e-6)


def test_slabs_multiply():
    exposure = Exposure(energy_kev=55.0)
    both = transmission(slab(100, 20, 8), (SOFT, BONE, STEEL), exposure)
    single = [transmission(slab(t), (m,), exposure) for t, m in ((100, SOFT), (20, BONE), (8, STEEL))]
    np.testing.assert_allclose(both, single[0] * single[1] * single[2], rtol=5e-6)


@pytest.mark.parametrize("kvp, copper", [(60, 0.0), (75, 0.0), (120, 0.2)])
def test_a_few_bands_of_energy_are_as_good_as_every_kev(kvp, copper):
    rng = np.random.default_rng(0)
    sums = rng.uniform(0, [[350], [80], [60]], (3, 400))
    sums[2, 80:] = 0
    exposure = Exposure(kvp=kvp, copper_mm=copper)
    passed = transmission(sums.reshape(3, 20, 20), (SOFT, BONE, STEEL), exposure).ravel()
    energy, signal = detected_spectrum(*exposure.beam)
    table = 0.1 * np.stack([t.mass_attenuation(energy) for t in (SOFT, BONE, STEEL)])
    exact = np.exp(-sums.T @ table) @ signal
    thin = exact > 1e-4
    assert np.abs(np.log(passed / exact))[thin].max() < 0.03
    assert np.abs(np.log(passed / exact))[thin].mean() < 0.006


def test_a_beam_hardens_on_its_way():
    exposure = Exposure(kvp=80)
    left = np.array([transmission(slab(mm), (SOFT,), exposure)[0, 0] for mm in np.arange(0, 301, 50.0)])
    per_slab = -np.diff(np.log(left))
    assert (np.diff(per_slab) < 0).all()
    assert per_slab[0] > 1.15 * per_slab[-1]


def test_bone_stands_out_less_at_a_higher_voltage():
    contrast = []
    for kvp in (55, 80, 120):
        with_, without = (transmission(slab(200, b), (SOFT, BONE), Exposure(kvp=kvp))[0, 0] for b in (30, 0))
        contrast.append(np.log(without / with_))
    assert contrast[0] > contrast[1] > contrast[2]


def test_nothing_in_the_way_leaves_everything_and_much_metal_nothing():
    assert transmission(slab(0, 0, 0, 0, 0), TISSUES, Exposure()) == pytest.approx(1, abs=1e-6)
    blocked = transmission(slab(0, 0, 4000), (SOFT, BONE, STEEL), Exposure())
    assert (blocked >= 0).all() and blocked.max() < 1e-12
