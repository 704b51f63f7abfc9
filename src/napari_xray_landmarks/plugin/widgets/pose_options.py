"""Options of estimate and refinement."""

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from ...geometry.landmark_pairs import CONFIDENT
from ...registration.settings import RegistrationSettings
from .form import SettingsForm
from .sliders import NumberSlider


class PoseOptions(QWidget):
    """The least confidence of landmarks, and `RegistrationSettings`."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.sure = NumberSlider(0.0, 1.0, parent=self)
        self.sure.set_value(CONFIDENT)
        self.sure.setAccessibleName("least confidence of landmarks")
        self.sure.setToolTip("Landmarks on the film that are less sure do not count for Estimate")
        label = QLabel("Least confidence of landmarks", self)
        label.setBuddy(self.sure.slider)
        self.form = SettingsForm(RegistrationSettings(), parent=self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (label, self.sure, self.form):
            column.addWidget(widget)
