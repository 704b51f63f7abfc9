import numpy as np
import pytest

from napari_xray_landmarks.drr.attenuation import KEV_RANGE, MATERIALS, attenuation_per_mm, mass_attenuation


def test_tabulated_energies_give_tabulated_values():
    for material, (_, energies, values) in MATERIALS.items():
        np.testing.assert_allclose(mass_attenuation(material, energies), values, rtol=1e-12)


def test_between_two_energies_the_curve_is_a_power_law():
    middle = mass_attenuation("water", np.sqrt(60.0 * 80.0))
    assert middle == pytest.approx(np.sqrt(0.2059 * 0.1837))


def test_attenuation_jumps_at_the_edges():
    for material, edge in (("tungsten", 69.525), ("caesium iodide", 33.1694), ("caesium iodide", 35.9847)):
        below, above = mass_attenuation(material, [edge - 0.05, edge + 0.05])
        assert above > 1.7 * below


def test_alloys_lie_between_their_elements():
    # NIST: iron, chromium, cobalt at 60 keV
    assert 0.9639 < mass_attenuation("steel", 60.0) < 1.6
    assert attenuation_per_mm("steel", 60.0) == pytest.approx(0.79 * mass_attenuation("steel", 60.0))


@pytest.mark.parametrize("energy", [KEV_RANGE[0] - 1, KEV_RANGE[1] + 1, np.nan])
def test_energies_outside_the_table_are_refused(energy):
    with pytest.raises(ValueError, match="energies must be 10 to 150 keV"):
        mass_attenuation("water", energy)


def test_an_unknown_material_is_refused():
    with pytest.raises(ValueError, match="unobtainium"):
        mass_attenuation("unobtainium", 60.0)
