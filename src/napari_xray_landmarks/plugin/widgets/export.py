"""Export…: a layer of results into a file that others read, through the same writers as File > Save."""

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from .. import PLUGIN
from ..films import our_metadata
from ..writers import write_points_of_all, write_shapes_of_all
from .messages import complain, tell

TABLE = "Table (*.csv)"
FILTERS = {
    "3D Slicer markups (*.mrk.json)": ".mrk.json",
    TABLE: ".csv",
    "3D Slicer fiducials (*.fcsv)": ".fcsv",
}
CONTOUR_FILTERS = {key: FILTERS[key] for key in list(FILTERS)[:2]}


class ExportRow(QWidget):
    """The button "Export…" for one layer, and with several of its kind "Export all…" for a table of these.

    Parameters
    ----------
    viewer
        Where the others of its kind are.
    what
        It holds, in the plural.
    filters
        Endings by what the file dialog calls them.
    """

    def __init__(self, viewer, parent=None, what: str = "landmarks", filters: dict[str, str] = FILTERS):
        super().__init__(parent)
        self._viewer, self._layer, self._what, self._filters = viewer, None, what, filters
        self.button = QPushButton("Export…", self)
        self.button.setToolTip(f"Save the {what}: {', '.join(name.partition(' (')[0] for name in filters)}")
        self.all_button = QPushButton("Export all…", self)
        self.all_button.setToolTip(f"Save the {what} of all images as one table")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        row.addWidget(self.all_button)
        self.button.clicked.connect(self._choose)
        self.all_button.clicked.connect(self._choose_table)
        self.set_layer(None)

    def set_layer(self, layer) -> None:
        """What to export; None disables the button."""
        self._layer = layer
        self.button.setEnabled(layer is not None)
        self.all_button.setVisible(len(self._alike()) > 1)

    def _alike(self) -> list:
        """The layers of this kind of result, one an image."""
        if self._layer is None:
            return []
        kind = our_metadata(self._layer).get("kind")
        return [layer for layer in self._viewer.layers
                if type(layer) is type(self._layer) and our_metadata(layer).get("kind") == kind]

    def save(self, path: str) -> list[str]:
        """Write the layer; the ending says the format. Errors are told in one line.

        Returns
        -------
        list[str]
            The files written.
        """
        return _told(lambda: self._layer.save(path, plugin=PLUGIN))

    def save_all(self, path: str) -> list[str]:
        """Write the layers of all images into one table; as `save`."""
        layers = [layer.as_layer_data_tuple() for layer in self._alike()]
        write = write_points_of_all if layers[0][2] == "points" else write_shapes_of_all
        return _told(lambda: write(path, layers))

    def _choose(self) -> None:
        start = self._layer.name.replace(" · ", "-").replace("/", "-") + ".mrk.json"
        path, chosen = QFileDialog.getSaveFileName(self, f"Export {self._what}", start, ";;".join(self._filters))
        if not path:
            return
        if not path.lower().endswith(tuple(self._filters.values())):
            path += self._filters[chosen]
        self.save(path)

    def _choose_table(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, f"Export all {self._what}", f"{self._what}.csv", TABLE)
        if path:
            self.save_all(path if path.lower().endswith(FILTERS[TABLE]) else path + FILTERS[TABLE])


def _told(write: Callable[[], list[str]]) -> list[str]:
    """The files that were written, of which the window tells; none where an error is told."""
    try:
        written = write()
    except Exception as error:  # the window's edge: a writer may fail in any way that a disk can
        complain(error)
        return []
    if written:
        tell(f"Saved {', '.join(Path(p).name for p in written)}")
    return written
