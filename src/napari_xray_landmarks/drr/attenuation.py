"""Tabulated attenuation: what a gram of a material in the way takes out of a beam, by energy.

Mass attenuation is Hubbell and Seltzer's (NISTIR 5632, NIST X-ray mass attenuation coefficients, 2004), tissues are
those of ICRU report 44. Alloys are the sums of their elements by mass: steel is 316L (68.5 % iron with traces, 17 %
chromium, 12 % nickel, 2.5 % molybdenum), cobalt-chromium is ASTM F75 (64 % cobalt, 28.5 % chromium, 6 % molybdenum,
1.5 % iron).
"""

import numpy as np

KEV_RANGE = (10.0, 150.0)
_KEV = (10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
_CSI_KEV = (10, 15, 20, 30, 33.1694, 33.1695, 35.9846, 35.9847, 40, 50, 60, 80, 100, 150)
_TUNGSTEN_KEV = (10, 10.2067, 10.2069, 11.5439, 11.5441, 12.0999, 12.1001, 15, 20, 30, 40, 50, 60, 69.5249, 69.5251,
                 80, 100, 150)

# density in g/cm3, energies in keV, mass attenuation in cm2/g
MATERIALS = {
    "air": (0.0012, _KEV, (5.120, 1.614, 0.7779, 0.3538, 0.2485, 0.2080, 0.1875, 0.1662, 0.1541, 0.1356)),
    "water": (1.0, _KEV, (5.329, 1.673, 0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505)),
    "soft tissue": (1.06, _KEV, (5.379, 1.692, 0.8205, 0.3783, 0.2685, 0.2262, 0.2048, 0.1823, 0.1693, 0.1492)),
    "adipose": (0.95, _KEV, (3.268, 1.083, 0.5677, 0.3063, 0.2396, 0.2123, 0.1974, 0.1800, 0.1688, 0.1500)),
    "bone": (1.92, _KEV, (28.51, 9.032, 4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480)),
    "aluminium": (2.699, _KEV, (26.23, 7.955, 3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378)),
    "copper": (8.96, _KEV, (215.9, 74.05, 33.79, 10.92, 4.862, 2.613, 1.593, 0.7630, 0.4584, 0.2217)),
    "titanium": (4.54, _KEV, (110.7, 35.87, 15.85, 4.972, 2.214, 1.213, 0.7661, 0.4052, 0.2721, 0.1649)),
    "steel": (7.9, _KEV, (167.7, 56.09, 25.25, 8.639, 3.847, 2.077, 1.277, 0.6278, 0.3891, 0.2020)),
    "cobalt-chromium": (8.4, _KEV, (165.1, 55.28, 24.92, 9.379, 4.192, 2.266, 1.390, 0.6770, 0.4143, 0.2086)),
    "caesium iodide": (4.51, _CSI_KEV, (171.1, 58.16, 26.86, 9.047, 6.922, 21.22, 17.19, 30.26, 22.97, 12.87, 7.921,
                                        3.677, 2.035, 0.7291)),
    "tungsten": (19.3, _TUNGSTEN_KEV, (96.9, 92.01, 233.4, 168.9, 231.2, 206.5, 238.2, 138.9, 65.72, 22.73, 10.67, 5.95,
                                       3.713, 2.552, 11.23, 7.809, 4.437, 1.581)),
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
    if not (energy.min() >= KEV_RANGE[0] and energy.max() <= KEV_RANGE[1]):
        raise ValueError(f"energies must be {KEV_RANGE[0]:g} to {KEV_RANGE[1]:g} keV, "
                         f"got {energy.min()} to {energy.max()}")
    _, table_kev, table = MATERIALS[material]
    return np.exp(np.interp(np.log(energy), np.log(table_kev), np.log(table)))


def attenuation_per_mm(material: str, energy_kev):
    """Linear attenuation of a material at its own density."""
    return 0.1 * MATERIALS[material][0] * mass_attenuation(material, energy_kev)
