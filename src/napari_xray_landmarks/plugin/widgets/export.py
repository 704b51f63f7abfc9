"""Export…: a landmark layer into a file that others read, through the same writers as File > Save."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from .. import PLUGIN
from .messages import complain, tell

FILTERS = {
    "3D Slicer markups (*.mrk.json)": ".mrk.json",
    "Table (*.csv)": ".csv",
    "3D Slicer fiducials (*.fcsv)": ".fcsv",
}


class ExportRow(QWidget):
    """The button "Export…" for one layer."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._layer = None
        self.button = QPushButton("Export…", self)
        self.button.setToolTip("Save the landmarks as 3D Slicer markups, CSV or FCSV")
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
        path, chosen = QFileDialog.getSaveFileName(self, "Export landmarks", start, ";;".join(FILTERS))
        if not path:
            return
        if not path.lower().endswith(tuple(FILTERS.values())):
            path += FILTERS[chosen]
        self.save(path)
