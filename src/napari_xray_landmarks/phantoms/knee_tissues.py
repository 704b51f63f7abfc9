"""How bright each tissue is in each kind of image.

MR signals are relative to joint fluid in DESS and to fat otherwise, as they look on clinical images:

`dess`
    Double echo in steady state with water excitation (the sagittal sequence of the OAI): marrow and fat suppressed and
    dark grey, cartilage bright, fluid brightest, muscle between, cortex, menisci and tendons dark.
`t1`
    T1-weighted gradient echo without suppression (as in parts of SKI10): marrow and fat bright, cartilage middle grey,
    fluid dark.
`pd`
    Proton-density turbo spin echo without suppression: fat, marrow and fluid bright, cartilage middle grey.

CT values are HU.
"""

import numpy as np

(AIR, SKIN, FAT, MUSCLE, TENDON, LIGAMENT, ARTERY, VEIN, NERVE, FLUID, MENISCUS, CARTILAGE, CORTEX, MARROW, TRABECULAR,
 EDEMA) = range(16)

# in the order of the tissues above
TONES = {
    "dess": (0.0, 0.27, 0.22, 0.40, 0.08, 0.12, 0.22, 0.58, 0.30, 1.0, 0.12, 0.62, 0.05, 0.17, 0.19, 0.42),
    "t1": (0.0, 0.55, 1.0, 0.46, 0.12, 0.20, 0.55, 0.45, 0.40, 0.30, 0.20, 0.56, 0.06, 0.92, 0.84, 0.50),
    "pd": (0.0, 0.45, 1.0, 0.36, 0.07, 0.12, 0.10, 0.16, 0.35, 0.85, 0.10, 0.52, 0.05, 0.88, 0.80, 0.55),
    "ct": (-1000.0, 10.0, -95.0, 58.0, 90.0, 80.0, 50.0, 48.0, 20.0, 12.0, 95.0, 75.0, 1350.0, -60.0, 260.0, 180.0),
}
# strength of the texture: relative to the tone in MR, in HU in CT
TEXTURES = {
    "mr": (0.0, 0.1, 0.13, 0.10, 0.15, 0.3, 0.12, 0.15, 0.15, 0.05, 0.18, 0.07, 0.15, 0.16, 0.19, 0.16),
    "ct": (0.0, 8.0, 8.0, 8.0, 5.0, 6.0, 4.0, 4.0, 8.0, 3.0, 6.0, 5.0, 70.0, 12.0, 85.0, 40.0),
}
SEQUENCES = tuple(name for name in TONES if name != "ct")


def look(kind: str, rng: np.random.Generator) -> np.ndarray:
    """(2, 16) brightness and grain of every tissue for a sequence or "ct", a little different each time."""
    tones, textures = np.array(TONES[kind]), np.array(TEXTURES["ct" if kind == "ct" else "mr"])
    if kind == "ct":
        tones[[CORTEX, TRABECULAR]] *= np.clip(1 + 0.13 * rng.standard_normal(), 0.7, 1.3)
        return np.stack([tones, textures])
    tones *= np.clip(1 + 0.07 * rng.standard_normal(len(tones)), 0.84, 1.16)
    tones[[MARROW, TRABECULAR]] *= np.clip(1 + 0.08 * rng.standard_normal(), 0.8, 1.2)
    return np.stack([tones, tones * textures * rng.uniform(0.8, 1.2)])
