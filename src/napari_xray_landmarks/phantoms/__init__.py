"""Procedural anatomy with exact landmarks, contours and labels."""

from .films import PhantomFilm, film
from .schemas import SCHEMAS

__all__ = ["SCHEMAS", "PhantomFilm", "film"]
