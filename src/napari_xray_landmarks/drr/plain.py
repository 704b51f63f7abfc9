"""The plain films of paper 001 (appendix, eqs. 8 to 10): one energy, no scatter, no noise."""

import numpy as np

from ..geometry.camera import CArm
from ..imaging import Radiograph, Volume
from .attenuation import attenuation_per_mm
from .collimation import Collimation, field
from .hounsfield import in_hounsfield
from .marching import GREY_RANGE, SAMPLES, attenuation_from_ct_numbers, grey_image, render_marching
from .physics import CT_KEV
from .prepared import prepare
from .render import render
from .simulate import radiograph

CIRCLE = Collimation("circle", penumbra_mm=0.0)


def plain_film(ct: Volume, arm: CArm, *, collimation: Collimation | None = CIRCLE, marching: bool = False
               ) -> Radiograph:
    """A film in the paper's plain way: attenuation in proportion to HU + 1024, intensity exp(-A), 2.5 % saturated.

    Parameters
    ----------
    ct
        In HU, or with an offset that can be told.
    arm
    collimation
        By default the paper's circle; grey values are set by what is inside, the rest is 0.
    marching
        Whether to add 2000 trilinear samples up a ray, as the paper does, in place of `render`.

    Returns
    -------
    Radiograph
        8 bits, 20 to 255. Denser is brighter, as in all our radiographs: 275 less the paper's grey value.

    Raises
    ------
    InputError
        The volume is no CT.
    """
    hu, _ = in_hounsfield(ct)
    attenuation = attenuation_from_ct_numbers(hu, attenuation_per_mm("water", CT_KEV))
    prepared, camera = prepare(Volume(attenuation, ct.world_from_voxel, ct.name)), arm.camera()
    integrals = render_marching(prepared, camera, SAMPLES) if marching else render(prepared, camera, to_detector=True)
    seen = np.ones(arm.size_px, bool)
    if collimation is not None:
        seen = field(collimation, arm.size_px, arm.pixel_spacing_mm) > 0.5
    pixels = np.zeros(arm.size_px, np.uint8)
    if seen.any():
        pixels[seen] = sum(GREY_RANGE) - grey_image(integrals[seen]).astype(int)
    return radiograph(pixels, arm, ct.name)
