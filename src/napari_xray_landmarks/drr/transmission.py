"""Beer-Lambert over a spectrum: what share of the beam's signal is left behind what is in its way."""

from functools import lru_cache

import numpy as np
from numba import njit, prange

from .attenuation import mass_attenuation
from .spectrum import spectrum

BINS = 16
HARDENING = 10.0  # g/cm2 of soft tissue: within a bin energies count as they do behind so much
SCINTILLATOR = 0.18  # g/cm2 of caesium iodide
_LOG2E = np.float32(1.4426950408889634)
_STRIP = 256


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
    sums = np.ascontiguousarray(sums, np.float32)
    shares, table = _bins(tuple(tissues), *exposure.beam)
    out = np.empty(sums.shape[1:], np.float32)
    _sum_of_exponentials(sums.reshape(len(sums), -1), shares, 0.1 * _LOG2E * table, out.reshape(-1))
    return out


@lru_cache(maxsize=64)
def detected_spectrum(kvp: float, aluminium_mm: float, copper_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Energies and their shares of the signal: a scintillator weighs each quantum that it stops by its energy."""
    energy, quanta = spectrum(kvp, aluminium_mm, copper_mm)
    signal = quanta * energy * (1 - np.exp(-SCINTILLATOR * mass_attenuation("caesium iodide", energy)))
    return energy, signal / signal.sum()


@lru_cache(maxsize=256)
def _bins(tissues: tuple, *beam) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the signal, (bins,), and mass attenuation, (tissues, bins), of a few bands of energy."""
    if len(beam) == 1:
        return np.ones(1, np.float32), np.array([t.mass_attenuation(beam) for t in tissues], np.float32)
    energy, signal = detected_spectrum(*beam)
    table = np.stack([t.mass_attenuation(energy) for t in tissues])
    hardened = signal * np.exp(-HARDENING * mass_attenuation("soft tissue", energy))
    lowest = energy[np.searchsorted(np.cumsum(hardened), 1e-4 * hardened.sum())]
    which = np.searchsorted(np.linspace(lowest, energy[-1] + 0.5, BINS + 1)[1:-1], energy)
    weight = np.bincount(which, hardened, BINS)
    means = np.stack([np.bincount(which, hardened * row, BINS) for row in table]) / weight
    return np.bincount(which, signal, BINS).astype(np.float32), means.astype(np.float32)


@njit(parallel=True, fastmath=True, cache=True, error_model="numpy")
def _sum_of_exponentials(sums, shares, table, out):
    """`out` = the sum over e of shares[e] 2^-(table[:, e] . sums), strip by strip; 2^x within 2e-6 of itself."""
    strips = (len(out) + _STRIP - 1) // _STRIP
    for s in prange(strips):
        start = s * _STRIP
        n = min(_STRIP, len(out) - start)
        power, whole = np.empty(_STRIP, np.float32), np.empty(_STRIP, np.int32)
        scale, total = whole.view(np.float32), np.zeros(_STRIP, np.float32)
        for e in range(len(shares)):
            for i in range(n):
                power[i] = -sums[0, start + i] * table[0, e]
            for m in range(1, len(sums)):
                factor = table[m, e]
                for i in range(n):
                    power[i] -= sums[m, start + i] * factor
            share = shares[e]
            for i in range(n):
                x = max(power[i], np.float32(-126))
                k = np.floor(x)
                whole[i] = (np.int32(k) + np.int32(127)) << np.int32(23)
                power[i] = x - k
            for i in range(n):
                f = power[i]
                p = np.float32(0.00189646) * f + np.float32(0.00894283)
                p = p * f + np.float32(0.05586625)
                p = p * f + np.float32(0.24013971)
                p = p * f + np.float32(0.69315475)
                p = p * f + np.float32(0.99999994)
                total[i] += share * p * scale[i]
        for i in range(n):
            out[start + i] = total[i]
