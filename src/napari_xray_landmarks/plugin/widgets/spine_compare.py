"""Several films of one patient beside each other: when they were taken, and how each curve changed."""

from datetime import date

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from ...errors import InputError
from ...io.files import stem
from ...spine.cobb import CURVES, Curvature
from ...spine.progression import Change, compare, date_in, in_order
from ..spine import curves_in
from .messages import complain

FILM, DATE = 0, 1
MARKS = {"progressed": " ▲", "improved": " ▼", "stable": "", "first": "", "": ""}
TIP = ("Change against the first film, between the same end vertebrae; ▲ marks more than 5° and more than the "
       "measurement's own error. Untick films that are not this patient's; type dates as 2024-05-31.")


class CompareFilms(QWidget):
    """A row a Points layer with corners, in order of their dates."""

    changed = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._dates: dict = {}
        self._out: set = set()
        self.films: list = []
        self.changes: list[tuple[Change, ...]] = []
        self.curvatures: list[Curvature] = []
        self.table = QTableWidget(0, 2 + len(CURVES), self)
        self.table.setHorizontalHeaderLabels(["film", "date", *CURVES])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.AllEditTriggers)
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setWordWrap(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.table.setToolTip(TIP)
        self.table.setAccessibleName(TIP)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(FILM, QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumHeight(110)
        self.table.setMaximumHeight(170)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        self.table.itemChanged.connect(self._on_edited)

    def show_layers(self, layers: list) -> None:
        """List these layers, measure those that are ticked, and say what changed."""
        self._layers = list(layers)
        for layer in layers:
            self._dates.setdefault(layer, date_in(layer.name))
        measured = {}
        for layer in layers:
            try:
                measured[layer] = curves_in(layer)
            except InputError:
                continue
        chosen = [layer for layer in layers if layer in measured and layer not in self._out]
        order = in_order([self._dates[layer] for layer in chosen])
        self.films = [chosen[i] for i in order]
        self.curvatures = [measured[layer] for layer in self.films]
        self.changes = compare(self.curvatures, [self._dates[layer] for layer in self.films])
        self._list(self.films + [layer for layer in layers if layer not in self.films])

    @property
    def dates(self) -> list[date | None]:
        """Of `films`."""
        return [self._dates[layer] for layer in self.films]

    def _list(self, layers: list) -> None:
        self.table.blockSignals(True)
        self.table.setRowCount(len(layers))
        for i, layer in enumerate(layers):
            film = QTableWidgetItem(stem(layer.name.partition(" · ")[0]))
            film.setToolTip(layer.name)
            film.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            film.setCheckState(Qt.CheckState.Checked if layer in self.films else Qt.CheckState.Unchecked)
            film.setData(Qt.ItemDataRole.UserRole, self._layers.index(layer))
            self.table.setItem(i, FILM, film)
            day = self._dates[layer]
            self.table.setItem(i, DATE, QTableWidgetItem(day.isoformat() if day else ""))
            cells = [_cell(change) for change in self.changes[i]] if i < len(self.films) else [("", "")] * len(CURVES)
            for j, (text, tip) in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(tip)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(i, 2 + j, item)
        self.table.blockSignals(False)

    def _on_edited(self, item: QTableWidgetItem) -> None:
        layer = self._layers[self.table.item(item.row(), FILM).data(Qt.ItemDataRole.UserRole)]
        if item.column() == FILM:
            (self._out.discard if item.checkState() == Qt.CheckState.Checked else self._out.add)(layer)
        else:
            text = item.text().strip()
            try:
                self._dates[layer] = date.fromisoformat(text) if text else None
            except ValueError:
                complain(InputError(layer.name, f"the date is {text!r}", "Write it as 2024-05-31"))
        self.changed.emit()


def _cell(change: Change) -> tuple[str, str]:
    """What a cell shows, and its tooltip."""
    if not change.trend:
        return "–", "not on this film" if change.curve.angle_deg != change.curve.angle_deg else "no curve"
    curve = change.curve
    ends = f"{curve.upper} to {curve.lower}: {curve.angle_deg:.1f}°"
    if change.trend == "first":
        return f"{curve.angle_deg:.1f}°", f"{ends}, the first film"
    spread = f" ± {change.sd_deg:.1f}°" if change.sd_deg == change.sd_deg else ""
    yearly = f", {change.per_year_deg:+.1f}° a year" if change.per_year_deg == change.per_year_deg else ""
    return (f"{change.change_deg:+.1f}°{MARKS[change.trend]}",
            f"{ends}, {change.trend}: {change.change_deg:+.1f}°{spread}{yearly}")
