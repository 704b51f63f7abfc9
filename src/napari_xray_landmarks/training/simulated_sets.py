"""Simulated films streamed to disk in the training layout; a run that was stopped goes on where it was.

Besides the layout of `dataset` a set has `geometry/<image>.json`, `projected.csv` (every landmark's true place in the
detections' layout, `detected` where it lies on the film) and `films.jsonl`: what makes the films, then a line a film.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import FileError, InputError
from ..io import Detections, write_contours, write_detections
from ..io.files import replacing
from ..io.geometry import save_geometry
from ..landmarks import LandmarkSet
from ..shape.workers import outcomes
from .dataset import TrainingSet
from .simulated import FilmPlan, SimulatedFilm
from .tables import ABOUT_FILE, read_training_set

MANIFEST = "films.jsonl"
FORMAT = 1


def write_simulated_set(folder, plan: FilmPlan, count: int, *, about=None, progress=None, workers: int = 1,
                        scheduler: str | None = None, retries: int = 0) -> TrainingSet:
    """Make the films 0 to `count` - 1 of a plan that are not in the folder yet; further ones there stay.

    Parameters
    ----------
    folder
        New, or with films of the same plan.
    plan
    count
    about
        name, anatomy, licence, schema of the set, for `about.json`.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`, after which the set can be gone on with.
    workers, scheduler, retries
        Of `shape.workers.outcomes`, over patients; the set is the same.

    Raises
    ------
    FileError
        The folder holds something else, or films of another plan, or cannot be written, or films are missing because
        something befell workers.
    """
    folder = Path(folder)
    try:
        done = _open(folder, plan)
        if scheduler is None and workers == 1:
            for number in range(count):
                if progress is not None:
                    progress(number / count, f"film {number + 1} of {count}")
                if number not in done:
                    done[number] = _noted(folder, _write_film(folder, plan.film(number)))
        else:
            _write_by_workers(folder.absolute(), plan, count, done, progress, workers, scheduler, retries)
        _write_tables(folder, [done[number] for number in sorted(done)])
        if about:
            with replacing(folder / ABOUT_FILE) as temporary:
                temporary.write_text(json.dumps(dict(about), indent=1), encoding="utf-8")
    except OSError as error:
        raise FileError(folder, f"cannot be written ({error.strerror})", "Choose a writable folder") from error
    return read_training_set(folder)


def _open(folder: Path, plan: FilmPlan) -> dict[int, dict]:
    """The lines of the films that are whole; a new manifest where there is none."""
    manifest, head = folder / MANIFEST, {"format": FORMAT, **json.loads(json.dumps(plan.describe()))}
    if not manifest.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileError(folder, "is there already, and is no simulated set", "Choose a new or empty folder")
        for place in ("images", "geometry", "contours"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        with replacing(manifest) as temporary:
            temporary.write_text(json.dumps(head) + "\n", encoding="utf-8")
        return {}
    lines = list(_whole_lines(manifest))
    if not lines or lines[0] != head:
        differs = [key for key in head if not lines or lines[0].get(key) != head[key]]
        raise FileError(manifest, f"is of films made otherwise: {', '.join(differs)}", "Choose another folder")
    images = {path.name: path for path in (folder / "images").iterdir()}
    try:
        done = {line["number"]: line for line in lines[1:] if line["image"] in images}
    except (KeyError, TypeError) as error:
        raise FileError(manifest, "has a line that tells no film", "Choose another folder") from error
    for name in images.keys() - {line["image"] for line in done.values()}:  # not whole: its line was still to come
        images[name].unlink()
    return done


def _whole_lines(manifest: Path) -> Iterator[dict]:
    """Every line that was written whole; a torn last one is cut off the file."""
    data, kept = manifest.read_bytes(), 0
    for line in data.splitlines(keepends=True):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("torn")
            values = json.loads(line)
            if not isinstance(values, dict):
                raise ValueError("no line of a manifest")
        except (ValueError, RecursionError):
            break
        kept += len(line)
        yield values
    if kept < len(data):
        with replacing(manifest) as temporary:
            temporary.write_bytes(data[:kept])


def _write_film(folder: Path, film: SimulatedFilm) -> dict:
    """Write a film's files; what its line is to say."""
    name = f"{film.number:06d}"
    with replacing(folder / "images" / f"{name}.png") as temporary:
        Image.fromarray(np.asarray(film.radiograph.pixels, np.uint16)).save(temporary)
    save_geometry(folder / "geometry" / f"{name}.json", film.arm)
    if film.contours:
        write_contours(folder / "contours" / f"{name}.mrk.json", list(film.contours))
    line = {"number": film.number, "image": f"{name}.png", "subject": film.subject, "split": film.split,
            "spacing_mm": film.radiograph.spacing_mm, "flipped": film.flipped, "metal": film.has_metal,
            "landmarks": {n: [*map(_number, point), bool(seen)] for n, point, seen in
                          zip(film.landmarks.names, film.landmarks.points, film.landmarks.detected, strict=True)}}
    return json.loads(json.dumps(line))


def _noted(folder: Path, line: dict) -> dict:
    """The line of a film, written: now it is whole."""
    with open(folder / MANIFEST, "a", encoding="utf-8") as manifest:
        manifest.write(json.dumps(line) + "\n")
    return line


def _write_by_workers(folder: Path, plan: FilmPlan, count: int, done: dict[int, dict], progress, workers: int,
                      scheduler: str | None, retries: int) -> None:
    """Make the films that are not done, those of one patient in a row by one worker."""
    patients: dict[tuple, list[int]] = {}
    for number in range(count):
        if number not in done:
            patients.setdefault(plan.place(number), []).append(number)
    jobs, failed = {place: (folder, plan, numbers) for place, numbers in patients.items()}, []
    for place, outcome in outcomes(_films_of, jobs, workers=workers, scheduler=scheduler, retries=retries):
        if progress is not None:
            progress(len(done) / count, f"film {len(done) + 1} of {count}")
        try:
            done |= {line["number"]: _noted(folder, line) for line in outcome()}
        except InputError:
            raise
        except Exception as error:  # whatever befell a worker; the others' films are kept
            failed.append(f"{len(patients[place])} films ({type(error).__name__}: {error})")
    if failed:
        raise FileError(folder, f"lacks {', '.join(failed[:3])}", "Give the same command again")


def _films_of(folder: Path, plan: FilmPlan, numbers: list[int]) -> list[dict]:
    return [_write_film(folder, plan.film(number)) for number in numbers]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _write_tables(folder: Path, lines: list[dict]) -> None:
    """The tables of the training layout; a landmark outside of its film keeps its row there, without a place."""
    with replacing(folder / "images.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "spacing_mm", "subject", "split"))
        for line in lines:
            spacing = dict.fromkeys(line["spacing_mm"])
            table.writerow((line["image"], " ".join(map(repr, spacing)), line["subject"], line["split"]))
    with replacing(folder / "landmarks.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "landmark", "row_px", "column_px"))
        for line in lines:
            table.writerows((line["image"], name, *((repr(row), repr(column)) if inside else ("", "")))
                            for name, (row, column, inside) in line["landmarks"].items())
    write_detections(folder / "projected.csv", [_projected(line) for line in lines])


def _projected(line: dict) -> Detections:
    names = tuple(line["landmarks"])
    values = np.array([line["landmarks"][n] for n in names], dtype=float)
    landmarks = LandmarkSet(names, values[:, :2])
    return Detections(line["image"], replace(landmarks, detected=landmarks.detected & (values[:, 2] > 0)),
                      tuple(line["spacing_mm"]))
