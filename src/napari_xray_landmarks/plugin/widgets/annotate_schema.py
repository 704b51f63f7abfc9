"""A dialog for the landmarks of a training set: names and order, pairs, subshapes, and whether they are closed."""

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
)

from ...errors import InputError
from ...landmarks import Schema
from ...training.schemas import schema_of_text, text_of_schema
from ..annotating_films import known_schemas, schema_of_set
from .combos import narrow
from .messages import complain

HELP = ("One landmark a line, in the order in which you want to mark them. Names with left and right in them make "
        "pairs; others go as “pair: a; b”. Landmarks that belong together: “subshape: a; b; c”.")


class SchemaDialog(QDialog):
    """Lets the user write a schema, or start from one that is there.

    Parameters
    ----------
    schema
        What stands there at first.
    """

    def __init__(self, schema: Schema, parent=None):
        super().__init__(parent)
        self.setWindowTitle("Landmarks")
        self.resize(460, 520)
        self._known = known_schemas()
        self.start = narrow(QComboBox(self))
        self.start.setAccessibleName("landmarks to start from")
        self.start.addItems(["Start from…", *self._known])
        self.from_set = QPushButton("A training set…", self)
        self.anatomy = QLineEdit(self)
        self.anatomy.setPlaceholderText("pelvis, lateral skull, hand…")
        self.text = QPlainTextEdit(self)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("landmark names, one a line")
        self.closed = QCheckBox("They run round a closed contour", self)
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self)
        self._lay_out()
        self.start.activated.connect(lambda i: i and self.show_schema(self._known[self.start.itemText(i)]))
        self.from_set.clicked.connect(self._choose_set)
        self.text.textChanged.connect(self._check)
        self.closed.toggled.connect(self._check)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.show_schema(schema)

    @property
    def schema(self) -> Schema:
        """As it is written; InputError where it will not do."""
        return schema_of_text(self.text.toPlainText(), anatomy=self.anatomy.text().strip(),
                              closed=self.closed.isChecked())

    def show_schema(self, schema: Schema) -> None:
        """Write another schema into the dialog."""
        self.anatomy.setText(schema.anatomy)
        self.closed.setChecked(schema.closed)
        self.text.setPlainText(text_of_schema(schema))
        self._check()

    def open_set(self, folder: str) -> None:
        """Start from the landmarks of a training set."""
        try:
            self.show_schema(schema_of_set(folder))
        except InputError as error:
            complain(error)

    def _choose_set(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Landmarks of a training set"):
            self.open_set(folder)

    def _check(self, *_) -> None:
        """Say what the text means, or what is wrong with it."""
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        try:
            schema = self.schema
        except InputError as error:
            ok.setEnabled(False)
            self.said.setText(str(error) if self.text.toPlainText().strip() else "")
            return
        ok.setEnabled(True)
        self.said.setText(summary(schema))

    def _lay_out(self) -> None:
        top, middle = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.start, 1)
        top.addWidget(self.from_set)
        label = QLabel("Anatomy", self)
        label.setBuddy(self.anatomy)
        middle.addWidget(label)
        middle.addWidget(self.anatomy, 1)
        help_ = QLabel(HELP, self)
        help_.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addLayout(middle)
        column.addWidget(help_)
        for widget in (self.text, self.closed, self.said, self.buttons):
            column.addWidget(widget)


def summary(schema: Schema) -> str:
    """How many landmarks, pairs and subshapes, in a line."""
    parts = [f"{len(schema.names)} landmark{'s' * (len(schema.names) != 1)}"]
    parts += [f"{len(schema.pairs)} pair{'s' * (len(schema.pairs) != 1)}"] if schema.pairs else []
    parts += [f"{len(schema.subshapes)} subshape{'s' * (len(schema.subshapes) != 1)}"] if schema.subshapes else []
    parts += ["closed"] if schema.closed else []
    return ", ".join(parts) + (f" · {schema.anatomy}" if schema.anatomy else "")
