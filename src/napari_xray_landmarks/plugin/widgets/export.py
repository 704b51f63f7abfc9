"""Export…: a layer of results into a file that others read, through the same writers as File > Save."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from .. import PLUGIN
from .messages import complain, tell

FILTERS = {
    "3D Slicer markups (*.mrk.json)": ".mrk.json",
    "Table (*.csv)": ".csv",
    "3D Slicer fiducials (*.fcsv)": ".fcsv",
}
CONTOUR_FILTERS = {key: FILTERS[key] for key in list(FILTERS)[:2]}


class ExportRow(QWidget):
    """The button "Export…" for one layer.

    Parameters
    ----------
    what
        It holds, in the plural.
    filters
        Endings by what the file dialog calls them.
    """

    def __init__(self, parent=None, what: str = "landmarks", filters: dict[str, str] = FILTERS):
        super().__init__(parent)
        self._layer, self._what, self._filters = None, what, filters
        self.button = QPushButton("Export…", self)
        self.button.setToolTip(f"Save the {what}: {', '.join(name.partition(' (')[0] for name in filters)}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        self.button.clicked.connect(self._choose)

    def set_layer(self, layer) -> None:
        """What to export; None disables the button."""
        self._layer = layer
        self.button.setEnabled(layer is not None)

    def save(self, path: str) -> list[str]:
        """Write the layer; the ending says the format. Errors are told in one line.

        Returns
        -------
        list[str]
            The files written.
        """
        try:
            written = self._layer.save(path, plugin=PLUGIN)
        except Exception as error:  # the window's edge: a writer may fail in any way that a disk can
            complain(error)
            return []
        if written:
            tell(f"Saved {', '.join(Path(p).name for p in written)}")
        return written

    def _choose(self) -> None:
        start = self._layer.name.replace(" · ", "-").replace("/", "-") + ".mrk.json"
        path, chosen = QFileDialog.getSaveFileName(self, f"Export {self._what}", start, ";;".join(self._filters))
        if not path:
            return
        if not path.lower().endswith(tuple(self._filters.values())):
            path += self._filters[chosen]
        self.save(path)
