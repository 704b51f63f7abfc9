"""Two annotators side by side: their difference in numbers, and on the film."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...errors import InputError
from ..annotating import Annotating
from ..annotating_compare import difference
from .answers import CopyTable
from .combos import narrow
from .dock import note_in, set_note
from .messages import complain

NOBODY = "Nobody else has marked these films yet. Open the folder under another name to be the second annotator."


class ComparePanel(QWidget):
    """Compares the annotator of this window with another one.

    Signals
    -------
    shown()
        Another annotator is to be shown on the film, or none: see `other`.
    """

    shown = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self.work: Annotating | None = None
        self.who, self.annotator = QLabel(self), narrow(QComboBox(self))
        self.annotator.setAccessibleName("the other annotator")
        self.again = QPushButton("Read again", self)
        self.again.setToolTip("Take over what the other annotator has marked meanwhile, in another window or elsewhere")
        self.said = note_in(self)
        self.table = CopyTable(4, "Distance of the two annotators' marks: in this film, and the mean over all films "
                                  "that both have marked; n counts these", self)
        self.table.table.setMaximumHeight(300)
        self.on_film = QCheckBox("Show the other's marks on the film", self)
        self.on_film.setToolTip("Blue points, with lines from your marks to them")
        row = QHBoxLayout()
        for widget, share in ((self.who, 0), (self.annotator, 1), (self.again, 0)):
            row.addWidget(widget, share)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addLayout(row)
        for widget in (self.said, self.table, self.on_film):
            column.addWidget(widget)
        column.addStretch(1)
        self.annotator.currentIndexChanged.connect(self._on_chosen)
        self.again.clicked.connect(self.read_again)
        self.on_film.toggled.connect(lambda _: self.shown.emit())

    @property
    def other(self) -> str | None:
        """Whose marks are to be shown on the film."""
        return self.annotator.currentData() if self.on_film.isChecked() else None

    def show_work(self, work: Annotating) -> None:
        """Compare in another training set."""
        self.work = work
        self.who.setText(f"{work.store.annotator or 'You'} and")
        self._list()

    def read_again(self) -> None:
        """Take over what others have marked meanwhile."""
        try:
            self.work.store.refresh()
        except InputError as error:
            complain(error)
        self._list()
        self.shown.emit()

    def refresh(self) -> None:
        """Bring the numbers up to date."""
        store, other = self.work.store, self.annotator.currentData()
        some = other is not None
        for widget in (self.annotator, self.table, self.on_film):
            widget.setVisible(some)
        if not some:
            set_note(self.said, NOBODY)
            return
        found = difference(store, store.annotator, other)
        set_note(self.said, found.summary())
        rows = found.rows(self.work.image)
        self.table.show_rows(("landmark", f"here {found.unit}", f"mean {found.unit}", "n"), rows)

    def _list(self) -> None:
        before = self.annotator.currentData()
        others = [who for who in self.work.store.annotators if who != self.work.store.annotator]
        self.annotator.blockSignals(True)
        self.annotator.clear()
        for who in others:
            self.annotator.addItem(who or "without a name", who)
        if before in others:
            self.annotator.setCurrentIndex(others.index(before))
        self.annotator.blockSignals(False)
        self.refresh()

    def _on_chosen(self, _) -> None:
        self.refresh()
        self.shown.emit()
