"""Spectra of X-ray tubes with a tungsten anode."""

from functools import lru_cache

import numpy as np

from .attenuation import TABLE_KEV, attenuation_per_mm

KVP_RANGE = (40.0, 150.0)
INHERENT_AL_MM = 1.0  # what the tube's window and oil take out
K_LINES_KEV = (57.98, 59.32, 67.24)  # K alpha 2, K alpha 1, K beta of tungsten
K_SHARES = (0.29, 0.51, 0.20)
K_EDGE_KEV = 69.5


@lru_cache(maxsize=256)
def spectrum(kvp: float, aluminium_mm: float = 2.5, copper_mm: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Quanta of each energy that leave a tube: energies in keV, (N,), and shares that add up to one, (N,).

    Kramers' law (1923) for the brake radiation, the characteristic lines above the K edge (Tucker, Barnes and
    Chakraborty 1991), and the filters.

    Parameters
    ----------
    kvp
        Peak voltage of the tube.
    aluminium_mm, copper_mm
        Filtration beside that of the tube itself.
    """
    if not KVP_RANGE[0] <= kvp <= KVP_RANGE[1]:
        raise ValueError(f"the tube voltage must be {KVP_RANGE[0]:g} to {KVP_RANGE[1]:g} kVp, got {kvp}")
    if not (aluminium_mm >= 0 and copper_mm >= 0):
        raise ValueError(f"filters must not be negative, got {aluminium_mm} mm aluminium and {copper_mm} mm copper")
    energy = np.arange(TABLE_KEV[0] + 0.5, kvp, 1.0)
    quanta = (kvp - energy) / energy
    if kvp > K_EDGE_KEV:
        lines = 0.12 * (kvp / K_EDGE_KEV - 1) ** 1.63 * quanta.sum()
        np.add.at(quanta, np.searchsorted(energy, K_LINES_KEV) - 1, lines * np.array(K_SHARES))
    filters = (INHERENT_AL_MM + aluminium_mm) * attenuation_per_mm("aluminium", energy)
    quanta = quanta * np.exp(-filters - copper_mm * attenuation_per_mm("copper", energy))
    quanta /= quanta.sum()
    for array in (energy, quanta):
        array.flags.writeable = False
    return energy, quanta
