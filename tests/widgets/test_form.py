from dataclasses import dataclass, field, fields

import pytest
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel

from napari_xray_landmarks.joint_displacement.settings import AS_PUBLISHED, JointDisplacementSettings
from napari_xray_landmarks.plugin.widgets.form import SettingsForm
from napari_xray_landmarks.plugin.widgets.sliders import NumberSlider


@pytest.fixture
def form(qtbot):
    form = SettingsForm(JointDisplacementSettings())
    qtbot.addWidget(form)
    return form


def test_every_option_has_its_row_with_help_and_unit(form):
    assert list(form.editors) == [f.name for f in fields(JointDisplacementSettings)]
    for f in fields(JointDisplacementSettings):
        tip = form.editors[f.name].toolTip()
        assert f.metadata["help"] in tip and f.metadata["unit"] in tip


def test_moving_a_slider_gives_settings(form, qtbot):
    editor = form.editors["alpha"]
    with qtbot.waitSignal(form.changed) as changed:
        editor.slider.setValue(editor.position(2.0))
    assert changed.args[0].alpha == pytest.approx(2.0, rel=0.02)
    assert form.value == changed.args[0]
    assert form.value.beta == JointDisplacementSettings().beta


def test_choosing_a_method(form, qtbot):
    with qtbot.waitSignal(form.changed) as changed:
        form.editors["method"].setCurrentText("forest")
    assert changed.args[0].method == "forest"


def test_only_the_solver_group(qtbot):
    form = SettingsForm(JointDisplacementSettings(), ("solver",))
    qtbot.addWidget(form)
    assert "alpha" in form.editors and "patches" not in form.editors and "method" not in form.editors


def test_showing_other_settings_is_silent_and_exact(form, qtbot):
    with qtbot.assertNotEmitted(form.changed):
        form.set_value(AS_PUBLISHED)
    assert form.value == AS_PUBLISHED
    for f in fields(AS_PUBLISHED):
        editor, value = form.editors[f.name], getattr(AS_PUBLISHED, f.name)
        if isinstance(editor, NumberSlider):
            assert editor.value == pytest.approx(value)


def test_labels_are_buddies_for_the_keyboard(form):
    labels = [w for w in form.findChildren(QLabel) if w.buddy()]
    assert len(labels) == len(form.editors)


def test_other_kinds_of_options(qtbot):
    @dataclass(frozen=True)
    class Options:
        fast: bool = field(default=True, metadata={"help": "Quick", "group": "method"})
        kind: str = field(default="a", metadata={"help": "Kind", "choices": ("a", "b"), "group": "method"})

    form = SettingsForm(Options())
    qtbot.addWidget(form)
    assert isinstance(form.editors["fast"], QCheckBox) and isinstance(form.editors["kind"], QComboBox)
    form.editors["fast"].click()
    assert form.value == Options(fast=False)


def test_an_option_without_ends_is_a_programming_error(qtbot):
    @dataclass(frozen=True)
    class Options:
        speed: float = field(default=1.0, metadata={"help": "How fast"})

    with pytest.raises(TypeError, match="speed"):
        SettingsForm(Options())
