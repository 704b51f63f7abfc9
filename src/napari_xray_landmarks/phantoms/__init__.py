"""Procedural anatomy with exact landmarks, contours and labels."""

from .catalogue import film, phantom
from .films import PhantomFilm
from .phantom import Phantom
from .schemas import SCHEMAS

PHANTOMS = tuple(SCHEMAS)

__all__ = ["PHANTOMS", "SCHEMAS", "Phantom", "PhantomFilm", "film", "phantom"]
