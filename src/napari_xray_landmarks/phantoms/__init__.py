"""Procedural anatomy with exact landmarks, contours and labels."""

from .films import PhantomFilm, film
from .phantom import Phantom, phantom
from .schemas import SCHEMAS

PHANTOMS = tuple(SCHEMAS)

__all__ = ["PHANTOMS", "SCHEMAS", "Phantom", "PhantomFilm", "film", "phantom"]
