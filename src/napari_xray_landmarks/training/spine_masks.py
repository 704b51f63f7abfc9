"""Films with a label image of their vertebrae: the corners of the bodies become the landmarks."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import FileError
from ..landmarks import VERTEBRAE
from ..spine.masks import vertebrae_of_labels
from ..spine.vertebrae import landmarks_of
from .films import load_film
from .writing import SourceFilm

FACTS = {"anatomy": "spine"}
ENDINGS = {".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg", ".dcm"}


def spine_mask_films(folder: Path) -> Iterator[SourceFilm]:
    """Films of `images/` with the label image of the same name in `masks/`: one value a vertebral body.

    A value is the level where all lie from 1 (C7) to 18 (L5) and there are neither 17 nor 18 of them; otherwise bodies
    are numbered from above.
    """
    images, masks = (_files(folder / part) for part in ("images", "masks"))
    if not set(images) & set(masks):
        raise FileError(folder, "no film in images/ has a label image of its name in masks/", "Call both alike")
    for stem in (s for s in images if s in masks):
        film, labels = load_film(images[stem]), load_film(masks[stem]).pixels
        if labels.shape != film.shape:
            sizes = " and ".join(f"{rows} x {columns}" for rows, columns in (labels.shape, film.shape))
            raise FileError(masks[stem], f"its size and its film's differ: {sizes}", "Paint it on the film itself")
        values = set(int(v) for v in set(labels[labels > 0].tolist()))
        by_value = len(values) not in (1, 17, 18) and max(values, default=0) <= len(VERTEBRAE)
        levels = {i + 1: level for i, level in enumerate(VERTEBRAE)} if by_value else None
        yield SourceFilm(stem, images[stem], {"": landmarks_of(vertebrae_of_labels(labels, levels,
                                                                                   subject=masks[stem]))})


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise FileError(folder, "there is no such folder", "Put films into images/ and label images into masks/")
    return {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in ENDINGS}
