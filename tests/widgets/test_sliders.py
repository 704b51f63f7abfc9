import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import Qt

from napari_xray_landmarks.plugin.widgets.sliders import NumberSlider


@pytest.fixture
def log_slider(qtbot):
    slider = NumberSlider(1e-4, 1e2, log=True, off=True, unit="mm")
    qtbot.addWidget(slider)
    return slider


def test_equal_steps_multiply(log_slider):
    top = log_slider.slider.maximum()
    values = [log_slider.value_at(round(top * share)) for share in (1 / 3, 2 / 3, 1)]
    assert np.allclose(np.diff(np.log10(values)), 2.0, atol=0.02)


def test_left_end_is_off(log_slider, qtbot):
    log_slider.set_value(1.0)
    with qtbot.waitSignal(log_slider.changed) as changed:
        log_slider.slider.setValue(0)
    assert changed.args == [0.0]
    assert log_slider.number.text() == "off mm"


def test_slider_and_number_agree(log_slider, qtbot):
    log_slider.slider.setValue(200)
    at_slider = log_slider.value
    assert log_slider.position(at_slider) == 200
    with qtbot.waitSignal(log_slider.changed):
        log_slider.number.setValue(7.5)
    assert log_slider.value_at(log_slider.slider.value()) == pytest.approx(7.5, rel=0.03)


def test_typed_numbers(log_slider, qtbot):
    line = log_slider.number.lineEdit()
    for typed, value in (("0.02", 0.02), ("off", 0.0), ("1e-3", 0.001)):
        line.clear()
        qtbot.keyClicks(line, typed)
        qtbot.keyClick(line, Qt.Key.Key_Return)
        assert log_slider.value == pytest.approx(value), typed
    line.clear()
    qtbot.keyClicks(line, "rubbish")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert log_slider.value == pytest.approx(0.001)


def test_arrows_multiply_and_reach_off(log_slider):
    log_slider.set_value(1e-4)
    log_slider.number.stepBy(-1)
    assert log_slider.value == 0
    log_slider.number.stepBy(1)
    assert log_slider.value == pytest.approx(1e-4)
    log_slider.number.stepBy(3)
    assert log_slider.value == pytest.approx(1.25**3 * 1e-4, abs=2e-6)


def test_set_value_is_silent(log_slider, qtbot):
    with qtbot.assertNotEmitted(log_slider.changed):
        log_slider.set_value(3.0)
    assert log_slider.value == 3.0


@given(st.floats(0.5, 20))
def test_every_value_has_its_position(value):
    from qtpy.QtWidgets import QApplication

    _ = QApplication.instance() or QApplication([])
    slider = NumberSlider(0.5, 20.0, log=True)
    assert slider.value_at(slider.position(value)) == pytest.approx(value, rel=0.01)


def test_whole_numbers(qtbot):
    slider = NumberSlider(2, 50, integer=True)
    qtbot.addWidget(slider)
    with qtbot.waitSignal(slider.changed) as changed:
        slider.slider.setValue(7)
    assert changed.args == [9.0] and slider.value == 9


@pytest.mark.parametrize("low, high, log", [(0.0, 1.0, True), (2.0, 1.0, False)])
def test_impossible_ends_are_refused(qtbot, low, high, log):
    with pytest.raises(ValueError, match="cannot run"):
        NumberSlider(low, high, log=log)
