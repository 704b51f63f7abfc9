"""Beer-Lambert over a spectrum: what share of the beam's signal passes."""

import numpy as np

from .spectrum import spectrum


def transmission(sums: np.ndarray, tissues, exposure) -> np.ndarray:
    """(rows, columns) float32 share of the detector's signal that is left, 1 where nothing is in the way.

    Parameters
    ----------
    sums : (tissues, rows, columns) array
        Line integrals of density, in g/cm3 times mm.
    tissues
        What they are of.
    exposure
        Its beam: the spectrum, or one energy.
    """
    energy, weight = beam(exposure)
    table = 0.1 * np.stack([t.mass_attenuation(energy) for t in tissues]).astype(np.float32)
    out = np.zeros(sums.shape[1:], np.float32)
    part = np.empty_like(out)
    for e in range(len(energy)):
        np.multiply(sums[0], -table[0, e], out=part)
        for m in range(1, len(tissues)):
            part -= sums[m] * table[m, e]
        np.exp(part, out=part)
        part *= weight[e]
        out += part
    return out


def beam(exposure) -> tuple[np.ndarray, np.ndarray]:
    """Energies and their shares of the signal: the detector weighs a quantum by its energy and by how many it stops."""
    if exposure.energy_kev is not None:
        return np.array([exposure.energy_kev]), np.ones(1, np.float32)
    energy, quanta = spectrum(exposure.kvp, exposure.aluminium_mm, exposure.copper_mm)
    low, high = energy[0] - 0.5, energy[-1] + 0.5
    bins = np.linspace(low, high, BINS + 1)
    which = np.clip(np.searchsorted(bins, energy, side="right") - 1, 0, BINS - 1)
    signal = quanta * energy
    shares = np.bincount(which, signal, BINS)
    middle = np.bincount(which, signal * energy, BINS) / np.maximum(shares, 1e-30)
    keep = shares > 1e-6 * shares.sum()
    return middle[keep], (shares[keep] / shares.sum()).astype(np.float32)


BINS = 16
