"""Procedural anatomy with exact landmarks, contours and labels."""

from .catalogue import FILMS, VOLUMES, film, phantom
from .films import PhantomFilm
from .phantom import Phantom
from .schemas import SCHEMAS

PHANTOMS = tuple(VOLUMES | FILMS)

__all__ = ["FILMS", "PHANTOMS", "SCHEMAS", "VOLUMES", "Phantom", "PhantomFilm", "film", "phantom"]
