"""The film that is annotated: which one, which landmark is next and where it may be, and what is marked."""

from functools import partial

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ...imaging import Radiograph
from ..annotating import DONE, PARTLY, UNTOUCHED, Annotating
from .annotate_pictures import PlacePicture
from .answers import CopyTable
from .combos import narrow

SIGNS = {DONE: "●", PARTLY: "◐", UNTOUCHED: "○"}
SNAP_PX = 6


class FilmPanel(QWidget):
    """Steps through the films and their landmarks. `show_work` begins; `refresh` brings it up to date."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.work: Annotating | None = None
        self.films = narrow(QComboBox(self))
        self.films.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.films.setAccessibleName("film")
        self.previous, self.next = _button("◀", "Previous film (Page Up)"), _button("▶", "Next film (Page Down)")
        self.counts = QLabel(self)
        self.prompt, self.number = QLabel(self), QLabel(self)
        self.prompt.setWordWrap(True)
        self.prompt.setTextFormat(Qt.TextFormat.PlainText)
        self.prompt.setStyleSheet("font-size: 14pt; font-weight: bold;")
        self.number.setWordWrap(True)
        self.number.setToolTip("Arrow keys move the place of the landmark, Shift farther; Return marks it there")
        self.picture = PlacePicture(self)
        self.table = CopyTable(4, "Marked landmarks; choose a row to mark it anew, or to see where it is", self)
        self.buttons = {
            "skip": _button("Not visible", "The landmark cannot be seen in this film (X)"),
            "take_back": _button("Take back", "Take back the last mark in this film (Backspace)"),
            "undo": _button("Undo", "Undo the last change in any film (Ctrl+Z)"),
            "redo": _button("Redo", "Make it again (Ctrl+Shift+Z, Ctrl+Y)"),
        }
        self.zoom = QCheckBox("Zoom to the expected place", self)
        self.snap = QCheckBox("Snap to edges within", self)
        self.radius = QSpinBox(self)
        self.radius.setRange(1, 40)
        self.radius.setValue(SNAP_PX)
        self.radius.setSuffix(" px")
        self.radius.setAccessibleName("radius of snapping")
        self.snap.setToolTip("A click goes to the nearest edge of the film within this radius; a drag does not")
        self._lay_out()

    def show_work(self, work: Annotating) -> None:
        """Step through a training set."""
        if self.work is None:
            self.films.activated.connect(lambda i: self.work.go(i))
            self.previous.clicked.connect(lambda: self.act("previous_film"))
            self.next.clicked.connect(lambda: self.act("next_film"))
            self.table.chosen.connect(lambda name: self.work.choose(name))
            for name, button in self.buttons.items():
                button.clicked.connect(partial(self.act, name))
        self.work = work
        self.films.clear()
        self.films.addItems([film.name for film in work.store.films])
        self.refresh()

    def act(self, name: str, *_) -> None:
        """Do what a key or a button stands for."""
        work = self.work
        {"skip": work.skip, "take_back": work.take_back, "undo": work.undo, "redo": work.redo, "accept": work.accept,
         "accept_all": work.accept_all, "next_landmark": lambda: work.step(1),
         "previous_landmark": lambda: work.step(-1), "next_film": lambda: work.go(work.index + 1),
         "previous_film": lambda: work.go(work.index - 1)}[name]()

    def show_film(self, film: Radiograph) -> None:
        """Show the film that was read."""
        self.picture.show_film(film)

    def show_expected(self, place: np.ndarray | None) -> None:
        """Show where the next landmark may be."""
        self.picture.show_places(list(self.work.marks.values()), place)

    def refresh(self) -> None:
        """Bring everything up to date."""
        work = self.work
        for i, film in enumerate(work.store.films):
            text = f"{SIGNS[work.state(film.name)]} {film.name}"
            if self.films.itemText(i) != text:
                self.films.setItemText(i, text)
        self.films.setCurrentIndex(work.index)
        counts = work.counts()
        self.counts.setText(" · ".join(f"{SIGNS[state]} {count} {state}" for state, count in counts.items()))
        self.previous.setEnabled(work.index > 0)
        self.next.setEnabled(work.index + 1 < len(work.store.films))
        self.table.show_rows(("landmark", "row px", "col px", ""), self._rows())
        for name, able in (("take_back", bool(work.marks)), ("undo", work.can_undo), ("redo", work.can_redo)):
            self.buttons[name].setEnabled(able)
        self.refresh_prompt()

    def refresh_prompt(self) -> None:
        """Say which landmark is next."""
        work = self.work
        self.buttons["skip"].setEnabled(work.prompted is not None)
        if work.prompted is None:
            self.prompt.setText("All marked" if work.names else "No landmarks yet")
            self.number.setText("Page Down: the next film. Drag a point to correct it."
                                if work.names else "Choose them below.")
            return
        self.prompt.setText(work.prompted)
        here = sum(name in work.marks for name in work.names)
        offered = "this" if work.held is not None else "the model's" if work.prompted in work.open_proposals else ""
        hint = f"Return accepts {offered} place. " if offered else ""
        self.number.setText(f"{work.names.index(work.prompted) + 1} of {len(work.names)}; {here} marked.\n{hint}"
                            "Click on the film, or use the arrow keys.")
        row = work.names.index(work.prompted)
        self.table.table.blockSignals(True)
        self.table.table.selectRow(row)
        self.table.table.blockSignals(False)
        self.table.table.scrollToItem(self.table.table.item(row, 0))

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows, offered = [], self.work.open_proposals
        for name in self.work.names:
            place = self.work.marks.get(name, offered.get(name))
            if place is None:
                rows.append((name, "", "", ""))
            elif not np.isfinite(place).all():
                rows.append((name, "", "", "not visible"))
            else:
                rows.append((name, f"{place[0]:.1f}", f"{place[1]:.1f}", "" if name in self.work.marks else "model"))
        return rows

    def _lay_out(self) -> None:
        films, asked, words, tools, snap = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(), QGridLayout(), QHBoxLayout()
        for widget, share in ((self.previous, 0), (self.films, 1), (self.next, 0)):
            films.addWidget(widget, share)
        words.addWidget(self.prompt)
        words.addWidget(self.number)
        words.addStretch(1)
        asked.addLayout(words, 1)
        asked.addWidget(self.picture)
        for i, button in enumerate(self.buttons.values()):
            tools.addWidget(button, i // 2, i % 2)
        snap.addWidget(self.snap)
        snap.addWidget(self.radius)
        snap.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(films)
        column.addWidget(self.counts)
        column.addLayout(asked)
        column.addWidget(self.table)
        column.addLayout(tools)
        column.addWidget(self.zoom)
        column.addLayout(snap)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    if len(text) == 1:
        button.setFixedWidth(32)
        button.setAccessibleName(tip)
    return button
