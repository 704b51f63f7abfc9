"""How a film is taken and processed."""

from dataclasses import dataclass, replace

import numpy as np

from .spectrum import KVP_RANGE

NOT_NEGATIVE = ("scatter", "scatter_width_px", "blur_px", "electronic_noise", "equalisation", "equalisation_width_px",
                "aluminium_mm", "copper_mm", "vignetting")


@dataclass(frozen=True)
class Exposure:
    """Beam, detector and processing.

    Parameters
    ----------
    photons
        Noise-equivalent quanta that reach a pixel where nothing is in the way.
    energy_kev
        Of a beam of one energy; None for a tube's spectrum.
    scatter
        Scattered over primary radiation that passes the grid, behind 20 cm of water.
    scatter_width_px, blur_px
        Standard deviations of the scatter and of the detector's point spread.
    electronic_noise
        In quanta.
    equalisation, equalisation_width_px
        Share of the large structures that the processing takes out of the logarithmic image, and what counts as large.
    saturated
        Share of the pixels behind the body that end at black or white; a fifth of them at white.
    gamma
        Exponent of the final grey curve.
    kvp
        Voltage of the tube.
    aluminium_mm, copper_mm
        Filtration, the tube's own in its equivalent of aluminium.
    vignetting
        Share of the signal that is lost in the corners.
    pixel_mm
        Size at the detector of the pixels that the above are told for; `simulate` converts to those of its detector.

    Raises
    ------
    ValueError
        What no tube and no detector can do.
    """

    photons: float = 400000.0
    energy_kev: float | None = None
    scatter: float = 0.5
    scatter_width_px: float = 40.0
    blur_px: float = 0.6
    electronic_noise: float = 3.0
    equalisation: float = 0.5
    equalisation_width_px: float = 60.0
    saturated: float = 0.025
    gamma: float = 1.0
    kvp: float = 75.0
    aluminium_mm: float = 3.0
    copper_mm: float = 0.0
    vignetting: float = 0.0
    pixel_mm: float = 0.6

    def __post_init__(self):
        for name in NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name in ("photons", "gamma", "pixel_mm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("saturated", "vignetting"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be a share below 1, got {getattr(self, name)}")
        if not KVP_RANGE[0] <= self.kvp <= KVP_RANGE[1]:
            raise ValueError(f"kvp must be {KVP_RANGE[0]:g} to {KVP_RANGE[1]:g}, got {self.kvp}")

    @property
    def beam(self) -> tuple[float, ...]:
        """(energy in keV,) of a beam of one energy, or (kVp, mm of aluminium, mm of copper)."""
        if self.energy_kev is not None:
            return (self.energy_kev,)
        return self.kvp, self.aluminium_mm, self.copper_mm

    def for_pixels(self, spacing_mm: tuple[float, float]) -> "Exposure":
        """The same exposure of a detector with other pixels."""
        size = float(np.sqrt(np.prod(spacing_mm)))
        factor = self.pixel_mm / size
        return replace(self, photons=self.photons / factor**2, scatter_width_px=self.scatter_width_px * factor,
                       blur_px=self.blur_px * factor, equalisation_width_px=self.equalisation_width_px * factor,
                       pixel_mm=size)


EXPOSURES = {
    "film": Exposure(),
    "fluoroscopy": Exposure(photons=30000, kvp=80, copper_mm=0.1, scatter=0.9, blur_px=0.8, equalisation=0.3,
                            vignetting=0.2),
}
