"""Procedural anatomy with exact landmarks, contours and labels."""

from .catalogue import VOLUMES, film, phantom
from .films import PhantomFilm
from .phantom import Phantom
from .schemas import SCHEMAS

PHANTOMS = tuple(VOLUMES)

__all__ = ["PHANTOMS", "SCHEMAS", "Phantom", "PhantomFilm", "film", "phantom"]
