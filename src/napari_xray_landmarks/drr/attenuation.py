"""Tabulated attenuation: what a gram of a material in the way takes out of a beam, by energy."""

import numpy as np

TABLE_KEV = (10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
# Density in g/cm3, mass attenuation in cm2/g at TABLE_KEV. Hubbell and Seltzer, NISTIR 5632 (NIST X-ray mass attenuation
# coefficients, 2004); tissues are ICRU report 44's. Alloys are the sums of their elements by mass: steel 316L is 65.5 %
# iron, 17 % chromium, 12 % nickel, 2.5 % molybdenum and 3 % others taken as iron; cobalt-chromium (ASTM F75) is 64 %
# cobalt, 28.5 % chromium, 6 % molybdenum and 1.5 % others taken as iron.
MATERIALS = {
    "air": (0.0012, (5.120, 1.614, 0.7779, 0.3538, 0.2485, 0.2080, 0.1875, 0.1662, 0.1541, 0.1356)),
    "water": (1.0, (5.329, 1.673, 0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505)),
    "soft tissue": (1.06, (5.379, 1.692, 0.8205, 0.3783, 0.2685, 0.2262, 0.2048, 0.1823, 0.1693, 0.1492)),
    "adipose": (0.95, (3.268, 1.083, 0.5677, 0.3063, 0.2396, 0.2123, 0.1974, 0.1800, 0.1688, 0.1500)),
    "bone": (1.92, (28.51, 9.032, 4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480)),
    "aluminium": (2.699, (26.23, 7.955, 3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378)),
    "copper": (8.96, (215.9, 74.05, 33.79, 10.92, 4.862, 2.613, 1.593, 0.7630, 0.4584, 0.2217)),
    "titanium": (4.54, (110.7, 35.87, 15.85, 4.972, 2.214, 1.213, 0.7661, 0.4052, 0.2721, 0.1649)),
    "steel": (7.9, (167.7, 56.09, 25.25, 8.639, 3.847, 2.077, 1.277, 0.6278, 0.3891, 0.2020)),
    "cobalt-chromium": (8.4, (165.1, 55.28, 24.92, 9.379, 4.192, 2.266, 1.390, 0.6770, 0.4143, 0.2086)),
}


def mass_attenuation(material: str, energy_kev) -> np.ndarray:
    """Mass attenuation in cm2/g at some energies, interpolated in the logarithms.

    Raises
    ------
    ValueError
        A material that is not tabulated, or an energy outside the table.
    """
    if material not in MATERIALS:
        raise ValueError(f"there is no material {material!r}, only {', '.join(MATERIALS)}")
    energy = np.asarray(energy_kev, float)
    if energy.min() < TABLE_KEV[0] or energy.max() > TABLE_KEV[-1]:
        raise ValueError(f"energies must be {TABLE_KEV[0]} to {TABLE_KEV[-1]} keV, got {energy.min()} to {energy.max()}")
    return np.exp(np.interp(np.log(energy), np.log(TABLE_KEV), np.log(MATERIALS[material][1])))


def attenuation_per_mm(material: str, energy_kev):
    """Linear attenuation of a material at its own density."""
    return 0.1 * MATERIALS[material][0] * mass_attenuation(material, energy_kev)
