"""A training set that grows under a person's hands: what is marked is in the journal at once, in its tables soon after.

One window annotates a folder under one name at a time; windows with other names may do so beside it. Saving reads the
tables again and replaces the rows of its own annotator in the films that were touched, and no others.
"""

import json
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from ..errors import FileError, InputError
from ..io.files import replacing
from ..landmarks import Schema
from .annotation_tables import COLUMNS, TABLE, TIME_COLUMNS, TIMES, FilmTime, Marks, merge_rows, read_marks, read_times
from .dataset import Film
from .journals import Journal
from .locks import Busy, Lock, waiting_lock
from .schemas import about_of_schema, schema_of_about
from .tables import ABOUT_FILE, read_about, read_films

FOLDER = ".annotating"
NOT_VISIBLE = (math.nan, math.nan)
RETRY_S = 2.0
REST = 3.0
"""After saving, rest for so many times as long as it took: a large table must not be written all the time."""
_LONGEST_NAME = 60


@dataclass(eq=False)
class Annotations:
    """A training set open for annotation; made by `open_annotations`, ended by `close`.

    Attributes
    ----------
    folder
    annotator
        Whose marks it changes.
    films
        In the order of their names.
    about
        What `about.json` says.
    schema
        The landmarks; without names in a new set.
    problem
        Why what was marked is not on the disk yet; "" while it is. Tried again every `RETRY_S` seconds.
    """

    folder: Path
    annotator: str
    films: tuple[Film, ...]
    about: dict
    schema: Schema
    problem: str = ""
    _marks: dict[str, dict[str, Marks]] = field(default_factory=dict)
    _times: dict[tuple[str, str], FilmTime] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)

    def __post_init__(self):
        where = self.folder / FOLDER
        self._lock = Lock(where / f"{_file_name(self.annotator)}.lock")
        self._journal = Journal(where / f"{_file_name(self.annotator)}.journal")
        self._wake, self._state, self._saving = threading.Event(), threading.Lock(), threading.Lock()
        self._closing = threading.Event()
        self._saver = threading.Thread(target=self._save_on, daemon=True, name="annotations")

    @property
    def annotators(self) -> tuple[str, ...]:
        """Everybody who marked something."""
        return tuple(who for who, films in self._marks.items() if any(films.values()))

    @property
    def saved(self) -> bool:
        """Whether the tables have everything."""
        return self._journal.count == 0

    def marks(self, image: str, annotator: str | None = None) -> Mapping[str, tuple[float, float]]:
        """An annotator's marks in a film; those of this window's without a name."""
        who = self.annotator if annotator is None else annotator
        return self._marks.get(who, {}).get(image, {})

    def time(self, image: str, annotator: str | None = None) -> FilmTime:
        """How long an annotator worked on a film."""
        return self._times.get((image, self.annotator if annotator is None else annotator), FilmTime(0.0))

    def mark(self, image: str, landmark: str, point: tuple[float, float] | None) -> None:
        """Mark a landmark, say that it is `NOT_VISIBLE`, or take the mark back (None); it is on the disk when this
        returns, or `problem` says why not."""
        place = None if point is None else [None if math.isnan(v) else float(v) for v in point]
        self._enter({"image": image, "landmark": landmark, "at": place})

    def set_time(self, image: str, time: FilmTime) -> None:
        """Note how long the annotator has worked on a film."""
        self._enter({"image": image, "seconds": time.seconds, "started_from": time.started_from})

    def set_schema(self, schema: Schema) -> None:
        """Change the landmarks, in `about.json` at once.

        Raises
        ------
        InputError
            If a landmark goes that is marked in a film: nothing typed is ever lost.
        FileError
            If it cannot be written.
        """
        for who, films in self._marks.items():
            for image, marks in films.items():
                if gone := [name for name in marks if name not in schema.names and name in self.schema.names]:
                    by = f" by {who}" if who else ""
                    raise InputError(gone[0], f"is marked in {image}{by} and cannot go", "Take back its marks first")
        with waiting_lock(self.folder / FOLDER / "save.lock"):
            about, _ = read_about(self.folder)
            about |= about_of_schema(schema)
            with replacing(self.folder / ABOUT_FILE) as temporary:
                temporary.write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
        self.about, self.schema = about, schema

    def refresh(self) -> None:
        """Take over what other annotators have marked meanwhile."""
        marks = read_marks(self.folder, self.films)
        with self._state:
            own = self._marks.get(self.annotator, {})
            self._marks = {**marks, self.annotator: own}

    def save(self) -> None:
        """Bring the tables up to date; OSError or InputError where that cannot be, and the journal keeps it."""
        with self._saving:
            self._journal.flush()
            with self._state:
                count, rows, times = self._journal.count, self._rows(), self._time_rows()
            if not count:
                return
            with waiting_lock(self.folder / FOLDER / "save.lock"):
                merge_rows(self.folder / TABLE, COLUMNS, rows, self._is_mine)
                merge_rows(self.folder / TIMES, TIME_COLUMNS, times, self._is_mine)
            self._journal.forget(count)

    def close(self) -> None:
        """Save, and let others annotate under this name; where saving fails the journal is taken up the next time."""
        self._closing.set()
        self._wake.set()
        if self._saver.is_alive():
            self._saver.join()
        try:
            self.save()
        finally:
            self._journal.close()
            self._lock.release()

    def _enter(self, entry: dict) -> None:
        with self._state:
            self._apply(entry)
        try:
            self._journal.append(entry)
            self.problem = ""
        except OSError as error:
            self.problem = f"{self.folder}: cannot be written ({error.strerror or error})"
        self._wake.set()

    def _apply(self, entry: dict) -> None:
        """Do what an entry of the journal says; KeyError, TypeError or ValueError where it says nothing sensible."""
        image = str(entry["image"])
        if "seconds" in entry:
            time = FilmTime(float(entry["seconds"]), str(entry.get("started_from", "")))
            self._times[image, self.annotator] = time
        else:
            marks = self._marks.setdefault(self.annotator, {}).setdefault(image, {})
            if entry["at"] is None:
                marks.pop(str(entry["landmark"]), None)
            else:
                row, column = (math.nan if v is None else float(v) for v in entry["at"])
                marks[str(entry["landmark"])] = (row, column)
        self._touched.add(image)

    def _replay(self) -> None:
        """Do again what a killed window left in the journal."""
        known = {film.name for film in self.films}
        for entry in self._journal.entries():
            try:
                if entry["image"] in known:
                    self._apply(entry)
            except (KeyError, TypeError, ValueError):
                continue

    def _is_mine(self, row: Mapping[str, str]) -> bool:
        image = row.get("image", "")
        return self._names.get(image, image) in self._touched and row.get("annotator", "") == self.annotator

    @cached_property
    def _names(self) -> dict[str, str]:
        """File names of films by what tables may call them."""
        stems = [Path(film.name).stem for film in self.films]
        return {s: f.name for s, f in zip(stems, self.films, strict=True) if stems.count(s) == 1} | {
            film.name: film.name for film in self.films}

    def _rows(self) -> list[dict]:
        order = {name: i for i, name in enumerate(self.schema.names)}
        rows = []
        for image in sorted(self._touched):
            marks = self.marks(image)
            for name in sorted(marks, key=lambda name: order.get(name, len(order))):
                row, column = ("" if math.isnan(v) else repr(float(v)) for v in marks[name])
                rows.append(dict(zip(COLUMNS, (image, name, row, column, self.annotator), strict=True)))
        return rows

    def _time_rows(self) -> list[dict]:
        return [{"image": image, "annotator": who, "seconds": f"{time.seconds:.1f}", "started_from": time.started_from}
                for (image, who), time in sorted(self._times.items())
                if who == self.annotator and image in self._touched]

    def _save_on(self) -> None:
        """Save whenever something was entered, until the end; what fails is tried again."""
        while not self._closing.is_set():
            self._wake.wait(RETRY_S if self.problem else None)
            self._wake.clear()
            if self._closing.is_set():
                return
            started = time.monotonic()
            try:
                self.save()
                self.problem = ""
            except (OSError, InputError) as error:
                self.problem = " ".join(str(error).split())
            self._closing.wait(REST * (time.monotonic() - started))


def open_annotations(folder, annotator: str) -> Annotations:
    """Open a folder with `images/` for annotation; what a killed window left behind is saved first.

    Parameters
    ----------
    folder
        In the training layout; tables that are missing are made.
    annotator
        Whose marks to make; "" is a name too.

    Raises
    ------
    locks.Busy
        If another window annotates it under that name.
    FileError
        If the folder or its tables cannot be used.
    InputError
        If the annotator's name will not do.
    """
    folder, annotator = Path(folder), annotator.strip()
    if len(annotator) > _LONGEST_NAME or not (annotator.isprintable()):
        raise InputError(annotator[:40], "is no name for an annotator", f"Use up to {_LONGEST_NAME} characters")
    films = read_films(folder)
    marks = read_marks(folder, films)
    marked = tuple(dict.fromkeys(name for of_films in marks.values() for m in of_films.values() for name in m))
    about, names = read_about(folder, marked)
    _make(folder / FOLDER)
    try:
        opened = Annotations(folder, annotator, films, about, schema_of_about(about, names), _marks=marks,
                             _times=read_times(folder))
    except Busy as busy:
        raise InputError(folder, f"is being annotated {_as(annotator)} in another window{_at(busy.holder)}",
                         "Go on there, or open it under another name") from busy
    opened._replay()
    opened._wake.set()
    opened._saver.start()
    return opened


def _as(annotator: str) -> str:
    return f"as {annotator!r}" if annotator else "without a name"


def _at(holder: dict) -> str:
    return f" (process {holder['process']} on {holder['host']})" if holder else ""


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(folder.parent, f"cannot be written ({error.strerror})", "Choose a writable folder") from error


def _file_name(annotator: str) -> str:
    """A file's name for every annotator: without folders, and never one that a system reserves."""
    return f"by-{quote(annotator, safe='')}"
