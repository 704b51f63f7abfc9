"""The C-arm in a dock: buttons for the usual views, sliders for angles, distances, detector and isocentre."""

from dataclasses import fields, replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from ...geometry.views import VIEWS, view_name
from ..simulating import DETECTOR, PLACE, VIEW, ArmSettings
from .dock import Fold
from .form import SettingsForm

PRESETS = {"AP": "ap", "Lateral": "lateral", "Inlet": "inlet", "Outlet": "outlet", "Iliac L": "iliac-oblique-left",
           "Iliac R": "iliac-oblique-right", "Obturator L": "obturator-oblique-left",
           "Obturator R": "obturator-oblique-right"}
FOLDED = {DETECTOR: "Distances and detector", PLACE: "Isocentre"}
IN_A_ROW = 4


class ArmForm(QWidget):
    """Gives `ArmSettings`.

    Signals
    -------
    changed()
        While something moves.
    released()
        A slider was let go, or a view was chosen.
    """

    changed = Signal()
    released = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self.forms = {group: SettingsForm(ArmSettings(), (group,), parent=self) for group in (VIEW, *FOLDED)}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._views())
        column.addWidget(self.forms[VIEW])
        for group, heading in FOLDED.items():
            column.addWidget(Fold(heading, self.forms[group], parent=self))
        for form in self.forms.values():
            form.changed.connect(lambda _: self.changed.emit())
        for slider in self._sliders():
            slider.sliderReleased.connect(self.released)

    def _views(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(3)
        self.buttons: dict[str, QPushButton] = {}
        for i, (caption, name) in enumerate(PRESETS.items()):
            self.buttons[name] = button = QPushButton(caption, self)
            button.setToolTip(f"{name.replace('-', ' ').capitalize()}: {view_name(*VIEWS[name])}")
            button.clicked.connect(lambda _=False, name=name: self.choose(name))
            grid.addWidget(button, i // IN_A_ROW, i % IN_A_ROW)
        return grid

    def _sliders(self) -> list:
        return [editor.slider for form in self.forms.values() for editor in form.editors.values()]

    @property
    def value(self) -> ArmSettings:
        """The settings as they stand in all forms."""
        return ArmSettings(**{f.name: getattr(self.forms[f.metadata["group"]].value, f.name)
                              for f in fields(ArmSettings)})

    @property
    def held(self) -> bool:
        """Whether a slider is being held."""
        return any(slider.isSliderDown() for slider in self._sliders())

    def set_view(self, **values) -> None:
        """Set angles, and announce it."""
        self.forms[VIEW].set_value(replace(self.forms[VIEW].value, **values))
        self.changed.emit()

    def choose(self, name: str) -> None:
        """Turn to one of the named views."""
        lao_deg, cran_deg = VIEWS[name]
        self.set_view(lao_deg=lao_deg, cran_deg=cran_deg, roll_deg=0.0)
        self.released.emit()

    def turn(self, lao_deg: float, cran_deg: float) -> None:
        """Turn further by so much."""
        now = self.forms[VIEW].value
        self.set_view(lao_deg=(now.lao_deg + lao_deg + 180) % 360 - 180,
                      cran_deg=min(max(now.cran_deg + cran_deg, -90.0), 90.0))
