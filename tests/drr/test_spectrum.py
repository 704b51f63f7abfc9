import numpy as np
import pytest

from napari_xray_landmarks.drr.spectrum import spectrum

# mean energies in keV of SpekPy 2.5, a 12 degree anode
REFERENCE = [(50, 2.5, 0, 32.22), (60, 3.5, 0, 37.46), (75, 3.5, 0, 42.86), (80, 2.5, 0, 42.90), (90, 3.5, 0.1, 52.35),
             (100, 2.5, 0, 49.15), (120, 3.5, 0, 56.29), (120, 3.0, 0.2, 63.57)]


def mean_energy(*tube):
    energy, quanta = spectrum(*tube)
    return float((energy * quanta).sum())


@pytest.mark.parametrize("tube", REFERENCE, ids=lambda t: "-".join(map(str, t)))
def test_mean_energies_are_those_of_a_reference(tube):
    assert mean_energy(*tube[:3]) == pytest.approx(tube[3], rel=0.025)


def test_quanta_are_shares_up_to_the_voltage():
    energy, quanta = spectrum(85.0, 3.0, 0.1)
    assert quanta.sum() == pytest.approx(1)
    assert (quanta >= 0).all() and 83 < energy[-1] < 85


def test_mean_energy_rises_with_voltage_and_with_filters():
    by_voltage = [mean_energy(kvp, 3.0, 0.0) for kvp in (50, 65, 80, 100, 120, 150)]
    by_aluminium = [mean_energy(80, mm, 0.0) for mm in (1, 2, 4, 8)]
    by_copper = [mean_energy(80, 3.0, mm) for mm in (0, 0.1, 0.3, 0.9)]
    for means in (by_voltage, by_aluminium, by_copper):
        assert (np.diff(means) > 0).all()


def test_lines_show_above_the_edge_only():
    for kvp, lines in ((69.0, False), (100.0, True)):
        energy, quanta = spectrum(kvp)
        peak = quanta[np.abs(energy - 59.5).argmin()] / quanta[np.abs(energy - 62.5).argmin()]
        assert (peak > 1.5) == lines


@pytest.mark.parametrize("tube", [(30, 3, 0), (160, 3, 0), (80, -1, 0), (80, 3, -0.1), (80, np.nan, 0)])
def test_what_no_tube_does_is_refused(tube):
    with pytest.raises(ValueError, match="must"):
        spectrum(*tube)
