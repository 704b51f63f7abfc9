"""Every phantom by its name."""

from functools import partial

from .films import FINE_SPACING_MM, PhantomFilm
from .films import film as pelvic_film
from .knee_images import knee_phantom
from .leg_films import femur_film
from .phantom import SPACING_MM, Phantom
from .phantom import phantom as pelvic_phantom
from .thoracolumbar_films import spine_film
from .thoracolumbar_volumes import spine_phantom

FILMS = {name: partial(pelvic_film, name) for name in FINE_SPACING_MM}
FILMS |= {"spine": spine_film, "complete-femur": femur_film}
VOLUMES = {name: partial(pelvic_phantom, name) for name in SPACING_MM}
VOLUMES |= {"spine": spine_phantom, "knee": knee_phantom}


def film(name: str, subject: int, *, implant: bool | None = None) -> PhantomFilm:
    """An AP film of a phantom with its landmarks; `schemas` tells which they are.

    "pelvis", "proximal-femur" (the left one), "spine"; and with landmarks all along the outlines "pelvis-outline"
    and "complete-femur" (the left one, a long film).

    Parameters
    ----------
    name
    subject
        Which individual; the same number gives the same film.
    implant
        Whether the subject has metal implants; None gives a third of the subjects some.
    """
    return _entry(FILMS, name)(subject, implant=implant)


def phantom(name: str, subject: int = 0, *, implant: bool | None = None, spacing_mm: float | None = None) -> Phantom:
    """The individual of a number as a CT, "pelvis", "proximal-femur" (the left one, finer) or "spine", or MR, "knee".

    Parameters
    ----------
    name
    subject
        The same individual as in the films of that number.
    implant
        Whether the subject has metal implants; None gives a third of the subjects some.
    spacing_mm
        Of the voxels; None for 1.5 mm (pelvis), 1 mm (femur), 1.75 mm (spine) or 0.55 x 0.55 x 0.9 mm (knee).
    """
    return _entry(VOLUMES, name)(subject, implant=implant, spacing_mm=spacing_mm)


def _entry(table: dict, name: str):
    if name not in table:
        raise ValueError(f"there is no phantom {name!r}, only {', '.join(table)}")
    return table[name]
