"""The film that is annotated, in the viewer: read ahead of time, clicked on, zoomed into."""

from functools import partial

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from ...errors import InputError
from ..annotating import Annotating
from ..annotating_clicks import FAR, KEYS, Clicks
from ..annotating_hints import expected_place, nearest_edge
from ..annotating_layers import FilmLayers
from ..labels import names_of
from .annotate_film import FilmPanel
from .jobs import LiveJob
from .messages import complain

KEPT_FILMS = 3


class FilmCanvas(QObject):
    """Shows the film that an annotation is at, and takes what the mouse does on it.

    Parameters
    ----------
    viewer
        A viewer or a viewer model.
    panel
        What the keys do, and whether to snap and zoom.

    Signals
    -------
    shown()
        Another film is shown.
    """

    shown = Signal()

    def __init__(self, viewer, panel: FilmPanel, parent=None):
        super().__init__(parent)
        self.work: Annotating | None = None
        self.layers, self._panel = FilmLayers(viewer), panel
        self._films: dict = {}
        self._shapes: dict[str, tuple[int, int]] = {}
        self._shown = ""
        self._reading = LiveJob(self._next_to_read, self)
        self._reading.done.connect(self._on_read)
        self._reading.failed.connect(complain)
        panel.zoom.toggled.connect(lambda on: self.prompt() if on else self._fit())

    @property
    def ready(self) -> bool:
        """Whether the film that is asked for is shown, with both its layers."""
        return self.work is not None and self._shown == self.work.image and self.layers.whole

    def show_work(self, work: Annotating | None) -> None:
        """Show the films of another annotation, or none."""
        self.work = work
        self.layers.clear()
        self._films.clear(), self._shapes.clear()
        self.show_film()

    def show_film(self, anew: bool = False) -> None:
        """Show the film that is asked for as soon as it is read, and read the next one ahead of time."""
        if self.work is None:
            self._shown = ""
            return
        self._reading.request()
        film = self._films.get(self.work.image)
        if film is None and self.work.image in self._films:  # it cannot be read
            self.layers.clear()
        if film is None or (self.ready and not anew):
            return
        self._shown = self.work.image
        self.layers.show(film, self.work.names)
        self._panel.show_film(film)
        actions = {key: partial(self._panel.act, key) for key in KEYS.values()}
        self._clicks = Clicks(self.layers.points, self.layers.camera, self._place, self._move, self._nudge, actions)
        self.layers.points.events.data.connect(self._on_edited)
        self.refresh()
        self.prompt()
        self.shown.emit()

    def refresh(self) -> None:
        """Bring the points up to date."""
        if self.ready:
            marks, offered, asked = self.work.marks, self.work.open_proposals, self.work.prompted
            if self.work.held is not None:
                marks = {name: point for name, point in marks.items() if name != asked}
                offered = {**offered, asked: self.work.held}
            self.layers.update(marks, offered, asked)

    def prompt(self) -> None:
        """Show where the landmark that is asked for may be."""
        if not self.ready:
            return
        place = self._expected() if self.work.held is None else np.array(self.work.held)
        self._panel.show_expected(place)
        if self.work.held is None and self._panel.zoom.isChecked():
            self._fit() if self.work.prompted is None else place is not None and self.layers.look_at(place)

    def show_other(self, annotator: str | None) -> None:
        """Show another annotator's marks, or nobody's."""
        if not self.ready:
            return
        if annotator is None:
            self.layers.hide_other()
        else:
            self.layers.show_other(self.work.store.marks(self._shown, annotator), self.work.marks, annotator)

    def _fit(self) -> None:
        if self.ready:
            self.layers.fit()

    def _next_to_read(self):
        """The film that is asked for, or the one behind it."""
        if self.work is None:
            return None
        films, at = self.work.store.films, self.work.index
        film = next((film for film in films[at:at + 2] if film.name not in self._films), None)
        return None if film is None else ((self.work, film.name), partial(_read, film))

    def _on_read(self, tag, film) -> None:
        work, name = tag
        if work is not self.work:  # another folder was opened meanwhile
            return
        if isinstance(film, InputError):
            complain(film)
            film = None
        else:
            self._shapes[name] = film.shape
        self._films[name] = film
        while len(self._films) > KEPT_FILMS:
            self._films.pop(next(key for key in self._films if key != work.image))
        self.show_film()

    def _place(self, point) -> None:
        """A click: mark the landmark that is asked for."""
        if self.ready and self.work.prompted is not None and self._inside(point):
            if self._panel.snap.isChecked():
                point = nearest_edge(self._films[self._shown].pixels, point, self._panel.radius.value())
            self.work.place(point)

    def _move(self, name: str, point) -> None:
        """A point was dragged: mark its landmark there, or leave it where it was when that is beyond the film."""
        if not self.ready:
            return
        if self._inside(point):
            asked = self.work.prompted
            self.work.place(point, name)
            if asked not in (name, None):
                self.work.choose(asked)
        self.refresh()

    def _nudge(self, rows: int, columns: int, far: bool) -> None:
        """An arrow: move the place of the landmark that is asked for, from where it may be."""
        work = self.work
        if not self.ready or work.prompted is None:
            return
        last = np.array(self.layers.shape) - 1.0
        place = work.held if work.held is not None else self._expected()
        if place is None:
            place = np.round(last / 2)
        step = max(1.0, np.round(FAR * last.max())) if far else 1.0
        work.hold(np.clip(np.add(place, step * np.array([rows, columns])), 0.0, last))
        self.layers.keep_in_sight(work.held)

    def _on_edited(self, event) -> None:
        """A napari tool (select, add, delete) changed the points: take over what it means, and draw them anew."""
        action, layer = str(getattr(event.action, "value", event.action)), self.layers.points
        if not self.ready or event.source is not layer:
            return
        names = names_of(layer)
        if action == "changed" and names == self.work.names:
            for i in event.data_indices:
                self._move(names[i], tuple(layer.data[i]))
        elif action == "added":
            self._place(layer.data[-1])
        elif action == "removed":
            for name in set(self.work.names) - set(names):
                self.work.take_back(name)
        if len(layer.data) != len(self.work.names):
            QTimer.singleShot(0, lambda: self.show_film(anew=True))

    def _inside(self, point) -> bool:
        return bool((np.asarray(point) > -0.5).all() and (np.asarray(point) < np.array(self.layers.shape) - 0.5).all())

    def _expected(self):
        """Where the next landmark may be: by its mark, by the model, by the films that are marked."""
        name, work = self.work.prompted, self.work
        if name is None:
            return None
        for known in (work.marks, work.open_proposals):
            if name in known and np.isfinite(known[name]).all():
                return np.array(known[name])
        store = work.store
        others = [(store.marks(film.name, who), self._shapes.get(film.name)) for film in store.films
                  for who in store.annotators if film.name != work.image and store.marks(film.name, who)]
        return expected_place(name, work.marks, others, self.layers.shape)


def _read(film):
    from ...training.films import read_film

    try:
        return read_film(film)
    except InputError as error:
        return error
