"""Points in space from two films: mark a point on one, see where it may lie on the other, mark it there."""

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from ..pose_layers import layers_of_film, pose_of_film, posed_films
from ..results import results_of
from ..two_views import (
    MARKED,
    Found,
    colour_marks,
    find_points,
    lay_beside,
    marked_layer,
    marks_on,
    move,
    show_lines,
    show_points,
)
from .answers import CopyTable
from .connections import Connections
from .dock import note_in, set_note
from .pose_view import look_at

HEADER = ("point", "superior", "posterior", "left", "± mm", "px")
TIP = ("In mm of the CT's world; ± is one standard deviation along the worst axis for clicks that are 1 px off, px the "
       "distance of its projections from the clicks")


class PointsInSpace(QWidget):
    """Triangulates what is marked on the films of a CT; the n-th mark of every film is one point."""

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self._viewer, self._ct, self._film = viewer, None, None
        self._beside: list = []
        self.found: list[Found] = []
        self.said = note_in(self)
        self.mark_button = QPushButton("Mark points", self)
        self.mark_button.setToolTip("Click a point on this film; its line on the other film says where to click there")
        self.beside = QCheckBox("Films side by side", self)
        self.beside.setToolTip("Lay the other films of this CT to the right of this one, with all that is on them")
        self.table = CopyTable(len(HEADER), TIP, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.said, self.beside, self.mark_button, self.table):
            column.addWidget(widget)
        self._soon = QTimer(self, singleShot=True, interval=20)
        self._soon.timeout.connect(self.update_points)
        self._mark_ties = Connections(self)
        self._ties = Connections(self)
        self._ties.to(viewer.layers.events.removed, lambda event=None: self._soon.start())
        self._ties.at_end(self._lay_back)
        self.mark_button.clicked.connect(self.mark)
        self.beside.toggled.connect(self._on_beside)

    def show_film(self, film, ct) -> None:
        """Mark points of these layers from now on."""
        if (film, ct) != (self._film, self._ct):
            self._lay_back()
            self._film, self._ct = film, ct
        self.update_points()
        self._on_beside(self.beside.isChecked())

    @property
    def films(self) -> list:
        """The chosen film and the others that have a pose in the CT."""
        if self._ct is None:
            return []
        posed = posed_films(self._viewer, self._ct)
        return [f for f in posed if f is self._film] + [f for f in posed if f is not self._film]

    def mark(self) -> None:
        """Let clicks on the chosen film mark points."""
        layer = marked_layer(self._viewer, self._film)
        self._viewer.layers.selection.active = layer
        layer.mode = "add"
        self._watch()

    def update_points(self) -> None:
        """Find the points anew, and show them and the lines of those that are not found yet."""
        films = self.films
        ready = len(films) > 1 and self._film in films
        self.mark_button.setEnabled(ready)
        self.beside.setEnabled(ready)
        if not ready:
            set_note(self.said, "Needs two films of this CT with a pose.")
            self.table.setVisible(False)
            return
        cameras = [pose_of_film(film, self._ct).arm.camera() for film in films]
        marks = [marks_on(self._viewer, film) for film in films]
        self.found = find_points(cameras, marks)
        for i, film in enumerate(films):
            others = [pair for j, pair in enumerate(zip(cameras, marks, strict=True)) if j != i]
            show_lines(self._viewer, film, cameras[i], others)
            colour_marks(self._viewer, film)
        show_points(self._viewer, self._ct, self.found)
        self._say()
        self._watch()

    def _say(self) -> None:
        self.table.setVisible(bool(self.found))
        self.table.show_rows(HEADER, [_cells(f) for f in self.found])
        problems = [f"P{f.number}: {f.problem}" for f in self.found if f.point is None]
        set_note(self.said, "; ".join(problems) + "." if problems else
                 "" if self.found else "Mark a point on this film, then on its line on the other one.")

    def _watch(self) -> None:
        self._mark_ties.clear()
        for film in self.films:
            for layer in results_of(self._viewer, film, MARKED):
                self._mark_ties.to(layer.events.data, self._on_marked)

    def _on_marked(self, event=None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _on_beside(self, on: bool) -> None:
        self._lay_back()
        if not on or self._film is None:
            return
        last = self._film
        for film in self.films[1:]:
            self._beside.append((film, lay_beside(self._viewer, last, film)))
            for layer in layers_of_film(self._viewer, film):
                layer.visible = True
            last = film
        if self._beside:
            look_at(self._viewer, *self.films)

    def _lay_back(self) -> None:
        while self._beside:
            film, shift = self._beside.pop()
            if film in self._viewer.layers:
                move(layers_of_film(self._viewer, film), -shift)


def _cells(found: Found) -> tuple[str, ...]:
    if found.point is None:
        return f"P{found.number}", *["–"] * (len(HEADER) - 1)
    spread = float(np.sqrt(np.linalg.eigvalsh(found.point.covariance)[-1]))
    return (f"P{found.number}", *(f"{round(v, 1) + 0:.1f}" for v in found.point.point_mm.tolist()), f"{spread:.1f}",
            f"{found.point.residual_px:.1f}")
