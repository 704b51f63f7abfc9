"""The bones that every dock shares: an empty state, sections in a scrolling column, and the line at the foot."""

from collections.abc import Iterator

from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .. import PLUGIN
from .connections import Connections
from .messages import complain

MAX_HEIGHT, WIDTH = 700, 350


class Dock(QWidget):
    """A dock's frame. Subclasses fill `content`, a column that shows once something is open.

    Parameters
    ----------
    napari_viewer
        A viewer or a viewer model.
    invitation
        The one sentence of the empty state.
    samples
        Keys of the samples that serve; None for all.
    """

    def __init__(self, napari_viewer, invitation: str, samples: tuple[str, ...] | None = None):
        super().__init__()
        self.viewer = napari_viewer = itself(napari_viewer)
        self.empty = EmptyState(napari_viewer, invitation, self, samples)
        self.body = QWidget(self)
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.content = QVBoxLayout(self.body)
        self.content.setContentsMargins(0, 0, 0, 0)
        self.content.setSpacing(6)
        foot = QLabel("Research software, not for clinical use.", self)
        foot.setStyleSheet("font-size: 8pt;")
        foot.setWordWrap(True)
        inner = QWidget(self)
        self._column = column = QVBoxLayout(inner)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.empty)
        column.addWidget(self.body)
        column.addStretch(1)
        column.addWidget(foot)
        self.scroll = QScrollArea(self)
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(inner)
        inner.installEventFilter(self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.scroll)
        self._tab_order: list[QWidget] = []
        self._ordering = QTimer(self, singleShot=True, interval=0)
        self._ordering.timeout.connect(self._order_tabs)
        self._ties = Connections(self)
        self._ties.to(napari_viewer.layers.events.inserted, self._on_layers)
        self._ties.to(napari_viewer.layers.events.removed, self._on_layers)
        self._on_layers()

    def sizeHint(self) -> QSize:
        inner = self.scroll.widget()
        return QSize(max(WIDTH, inner.minimumSizeHint().width() + 24), min(MAX_HEIGHT, inner.sizeHint().height() + 4))

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self.scroll.widget().minimumSizeHint().width() + 20, 420), 180)

    def eventFilter(self, watched, event):
        """Let the window give the dock the width that its content needs, and Tab its order, when that changes."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._ordering.start()
        return super().eventFilter(watched, event)

    def add(self, widget: QWidget) -> QWidget:
        """Put a widget at the end of the column."""
        self.content.addWidget(widget)
        return widget

    def add_always(self, widget: QWidget) -> QWidget:
        """Put a widget below the column, to be seen with nothing open too."""
        self._column.insertWidget(self._column.indexOf(self.body) + 1, widget)
        return widget

    def add_row(self, *widgets: QWidget, stretch: tuple[int, ...] | None = None) -> QWidget:
        """Put widgets beside each other at the end of the column, equally wide or as `stretch` says.

        A label names what stands behind it.
        """
        row = QWidget(self.body)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        for widget, share in zip(widgets, stretch or (1,) * len(widgets), strict=True):
            line.addWidget(widget, share)
        for label, named in zip(widgets[:-1], widgets[1:], strict=True):
            if isinstance(label, QLabel):
                label.setBuddy(named)
        return self.add(row)

    def add_note(self, text: str = "") -> QLabel:
        """Put a line of running text at the end of the column; empty text takes no room."""
        label = note_in(self.body)
        set_note(label, text)
        return self.add(label)

    def _order_tabs(self) -> None:
        """Let Tab go through the dock as it is laid out, whenever its parts were made."""
        order = list(in_layout(self.scroll.widget()))
        if order != self._tab_order:
            self._tab_order = order
            for before, after in zip(order[:-1], order[1:], strict=True):
                QWidget.setTabOrder(before, after)

    def _on_layers(self, event=None) -> None:
        anything = len(self.viewer.layers) > 0
        self.empty.setVisible(not anything)
        self.body.setVisible(anything)


def itself(viewer):
    """The viewer itself: napari hands docks from the menu a proxy, whose layers are other objects at every look."""
    return getattr(viewer, "__wrapped__", viewer)


def in_layout(widget: QWidget) -> Iterator[QWidget]:
    """What Tab can come to in a widget, in the order of its layouts."""
    if isinstance(widget, QTabWidget):
        yield widget.tabBar()
        for index in range(widget.count()):
            yield from in_layout(widget.widget(index))
        return
    if widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value:
        yield widget
    if isinstance(widget, QScrollArea) and widget.widget() is not None:
        yield from in_layout(widget.widget())
    if widget.layout() is not None:
        yield from _in_items(widget.layout())


def _in_items(layout) -> Iterator[QWidget]:
    for item in map(layout.itemAt, range(layout.count())):
        if item.widget() is not None:
            yield from in_layout(item.widget())
        elif item.layout() is not None:
            yield from _in_items(item.layout())


def note_in(parent) -> QLabel:
    """A line of running text, empty and without room at first."""
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setVisible(False)
    return label


def set_note(label: QLabel, text: str) -> None:
    """Show a line of text, or nothing."""
    label.setText(text)
    label.setVisible(bool(text))


class EmptyState(QWidget):
    """With nothing open: one sentence, Open… and Try a sample."""

    def __init__(self, viewer, invitation: str, parent=None, samples: tuple[str, ...] | None = None):
        super().__init__(parent)
        self.viewer, self._wanted = viewer, samples
        sentence = QLabel(invitation, self)
        sentence.setWordWrap(True)
        self.open_button = QPushButton("Open…", self)
        self.sample_button = QPushButton("Try a sample", self)
        self.open_button.clicked.connect(self.open_files)
        self.sample_button.clicked.connect(self._offer_samples)
        row = QHBoxLayout()
        row.addWidget(self.open_button)
        row.addWidget(self.sample_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(sentence)
        column.addLayout(row)

    def open_files(self) -> None:
        """Let the user choose files and open them as File > Open does."""
        paths, _ = QFileDialog.getOpenFileNames(self, "Open radiographs")
        for path in paths:
            try:
                self.viewer.open(path)
            except Exception as error:  # the window's edge: any reader may fail in its own way
                complain(error)

    def open_sample(self, key: str) -> None:
        """Open one of our samples."""
        try:
            self.viewer.open_sample(PLUGIN, key)
        except Exception as error:  # the window's edge
            complain(error)

    def _offer_samples(self) -> None:
        choices = {k: name for k, name in samples().items() if self._wanted is None or k in self._wanted}
        if len(choices) == 1:
            self.open_sample(next(iter(choices)))
            return
        menu = QMenu(self)
        for key, name in choices.items():
            menu.addAction(name, lambda key=key: self.open_sample(key))
        menu.exec(self.sample_button.mapToGlobal(self.sample_button.rect().bottomLeft()))


def samples() -> dict[str, str]:
    """Key and name of each sample in our manifest."""
    from npe2 import PluginManager

    contributed = PluginManager.instance().iter_sample_data()
    return {s.key: s.display_name for plugin, found in contributed if plugin == PLUGIN for s in found}


class Fold(QWidget):
    """A heading that folds what stands below it."""

    def __init__(self, heading: str, inside: QWidget, *, open: bool = False, parent=None):
        super().__init__(parent)
        self.inside = inside
        self.button = QToolButton(self)
        self.button.setText(heading)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.button)
        column.addWidget(inside)
        self.button.toggled.connect(self._show)
        self.button.setChecked(open)
        self._show(open)

    def set_inside(self, inside: QWidget) -> None:
        """Put something else below the heading."""
        self._column.replaceWidget(self.inside, inside)
        self.inside.deleteLater()
        self.inside = inside
        inside.setVisible(self.button.isChecked())

    def _show(self, open: bool) -> None:
        self.button.setArrowType(Qt.ArrowType.DownArrow if open else Qt.ArrowType.RightArrow)
        self.inside.setVisible(open)
