"""Add films to a training set, or begin one, before anything is marked in it."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..errors import FileError
from ..io.files import replacing
from ..landmarks import Schema
from .annotation_tables import COLUMNS, TABLE, merge_rows
from .schemas import about_of_schema
from .tables import ABOUT_FILE
from .writing import SourceFilm, image_row, point_rows, write_image

IMAGE_COLUMNS = ("image", "spacing_mm", "subject", "split")


def add_films(folder, films: Iterable[SourceFilm], *, schema: Schema | None = None) -> int:
    """Put films into a training set, all of them or, where it is a new one, nothing; the number of films.

    Parameters
    ----------
    folder
        Made where it is missing; what is in it stays.
    films
        May be a generator; may have no landmarks.
    schema
        For `about.json`, in a new set.

    Raises
    ------
    FileError
        If the folder cannot be written, or a film of that name is there.
    """
    folder = Path(folder)
    new = not folder.exists() or not any(folder.iterdir())
    target = folder.with_name(f".{folder.name}.partial") if new else folder
    try:
        if new:
            shutil.rmtree(target, ignore_errors=True)
        added = _add(target, films, schema)
        if new and added:
            if folder.exists():
                folder.rmdir()
            target.rename(folder)
        return added
    except OSError as error:
        raise FileError(folder, f"cannot be written ({error.strerror})", "Choose a writable folder") from error
    finally:
        if new:
            shutil.rmtree(target, ignore_errors=True)


def _add(folder: Path, films: Iterable[SourceFilm], schema: Schema | None) -> int:
    incoming = folder / ".incoming"
    images, points = [], []
    try:
        incoming.mkdir(parents=True, exist_ok=True)
        for film in films:
            name = write_image(incoming, film)
            if (folder / "images" / name).exists():
                raise FileError(folder / "images" / name, "is there already", "Rename one of the films")
            images.append(dict(zip(IMAGE_COLUMNS, image_row(name, film), strict=True)))
            points += [dict(zip(COLUMNS, row, strict=True)) for row in point_rows(name, film.landmarks)]
        (folder / "images").mkdir(exist_ok=True)
        for path in sorted(incoming.iterdir()):
            path.replace(folder / "images" / path.name)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    merge_rows(folder / "images.csv", IMAGE_COLUMNS, images, lambda row: False)
    merge_rows(folder / TABLE, COLUMNS, points, lambda row: False)
    if schema is not None and not (folder / ABOUT_FILE).exists():
        with replacing(folder / ABOUT_FILE) as temporary:
            temporary.write_text(json.dumps(about_of_schema(schema), indent=1), encoding="utf-8")
    return len(images)
