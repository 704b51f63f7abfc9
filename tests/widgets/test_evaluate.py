"""The dock Evaluate, driven as a user does."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from docks import run
from marked_films import NAMES, TRUE, detections, training_set
from napari_xray_landmarks.plugin.widgets.error_plot import ErrorPlot
from napari_xray_landmarks.plugin.widgets.evaluate import FILES, LAYERS, Evaluate


@pytest.fixture
def dock(viewer, qtbot):
    dock = Evaluate(viewer)
    qtbot.addWidget(dock)
    dock.show()
    return dock


@pytest.fixture
def files(tmp_path):
    """A truth of three films, and predictions that are 1, 9 and 4 px off."""
    truth = training_set(tmp_path / "truth", {name: {"": TRUE} for name in ("f1", "f2", "f3")}, (0.5, 0.5))
    shifts = {"f1": (0, 1), "f2": (0, 9), "f3": (0, 4)}
    return detections(tmp_path / "p.csv", {n: TRUE + np.array(s) for n, s in shifts.items()}), truth


def points(viewer, places, name, unit="pixel", scale=(1.0, 1.0)):
    return viewer.add_points(np.asarray(places, float), features={"name": list(NAMES)}, name=name, units=(unit, unit),
                             scale=scale)


def cell(dock, row: int, column: int) -> str:
    return dock.table.table.item(row, column).text()


def _points(viewer, which: str) -> np.ndarray:
    return viewer.layers[f"f2.png · {which}"].data


def test_nothing_open_asks_for_files(dock):
    assert dock.empty.isVisible() and dock.where.currentText() == FILES
    assert not dock.run.button.isEnabled() and "Choose what was predicted" in dock.trouble.text()
    assert not dock.table.isVisible() and not dock.gallery.isVisible()


def test_files_are_compared_and_the_worst_case_opens_in_the_viewer(dock, viewer, qtbot, files):
    dock.predicted_path.line.setText(str(files[0]))
    dock.true_path.line.setText(f'"{files[1]}"')
    run(dock, qtbot)
    assert "mean 2.33 mm" in dock.said.text()
    assert "66.7 % within 2 mm" in dock.said.text()
    assert [cell(dock, 0, c) for c in range(4)] == ["all", "2.33", "2.00", "12/0"]
    dock.shown_by.setCurrentIndex(1)
    assert [cell(dock, r, 0) for r in range(3)] == ["f2.png", "f3.png", "f1.png"] and cell(dock, 0, 1) == "4.50"
    assert dock.plot.share_within(2.0) == pytest.approx(2 / 3)
    assert dock.gallery.count == 3
    item = dock.gallery.list.item(0)
    assert not item.icon().isNull()
    dock.gallery.list.setCurrentItem(item)
    qtbot.keyClick(dock.gallery.list, Qt.Key.Key_Return)
    assert [layer.name for layer in viewer.layers] == ["f2.png", "f2.png · true", "f2.png · predicted"]
    np.testing.assert_allclose(_points(viewer, "predicted") - _points(viewer, "true"), [[0, 9]] * 4)
    dock.gallery._open(item)
    assert len(viewer.layers) == 3, "opened again, in place"
    assert dock.sizeHint().height() <= 700


def test_the_report_is_exported(dock, qtbot, files, tmp_path, said):
    for row, path in zip((dock.predicted_path, dock.true_path), files, strict=True):
        row.line.setText(str(path))
    run(dock, qtbot)
    page = dock.export(str(tmp_path / "out"))
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>") and "Saved report.html" in said[-1][1]
    assert dock.export(str(files[0])) is None and "cannot be made a folder" in said[-1][1]


def test_two_layers_are_compared_in_the_world(viewer, qtbot):
    truth = points(viewer, TRUE, "truth", "mm", (0.5, 0.5))
    predicted = points(viewer, TRUE * 0.5 + (0, 3), "found", "mm")
    dock = Evaluate(viewer)
    qtbot.addWidget(dock)
    assert dock.where.currentText() == LAYERS
    dock.predicted_layer.set_value(predicted)
    dock.true_layer.set_value(truth)
    run(dock, qtbot)
    assert "mean 3.00 mm" in dock.said.text()
    dock.table.chosen.emit("c")
    assert tuple(viewer.camera.center[-2:]) == pytest.approx(TRUE[2] * 0.5 + (0, 3))


def test_layers_that_do_not_fit_are_told(viewer, qtbot, said):
    points(viewer, TRUE, "pixels")
    mm = points(viewer, TRUE, "mm", "mm")
    dock = Evaluate(viewer)
    qtbot.addWidget(dock)
    dock.predicted_layer.set_value(mm)
    dock.run.button.click()
    assert "mm: is in mm, and pixels in px" in said[-1][1]
    shapes = viewer.add_shapes([[[0, 0], [0, 9], [9, 9]]], shape_type="polygon", name="outline")
    dock.predicted_layer.set_value(shapes)
    dock.run.button.click()
    assert "outline: holds contours, and" in said[-1][1]


def test_labels_are_compared_by_structure(viewer, qtbot):
    one, other = np.zeros((2, 8, 20, 20), int)
    one[1:4, 4:10, 4:10], other[1:4, 4:10, 7:13] = 1, 1
    viewer.add_labels(one, name="truth", units=("mm",) * 3)
    viewer.add_labels(other, name="found", units=("mm",) * 3)
    dock = Evaluate(viewer)
    qtbot.addWidget(dock)
    run(dock, qtbot)
    assert "Dice: mean 0.50" in dock.said.text()
    dock.measure.setCurrentText("HD95 [mm]")
    assert [cell(dock, 1, 0), cell(dock, 1, 1)] == ["1", "3.00"]


def test_a_file_that_is_not_there_is_one_line(dock, qtbot, said, tmp_path):
    for row in (dock.predicted_path, dock.true_path):
        row.line.setText(str(tmp_path / "none.csv"))
    with qtbot.waitSignal(dock.run.job.failed):
        dock.run.button.click()
    assert "none.csv" in said[-1][1] and "\n" not in said[-1][1]
    assert dock.found is None


def test_the_plot_counts_what_was_missed(qtbot):
    plot = ErrorPlot()
    qtbot.addWidget(plot)
    plot.show_values([3.0, 1.0, np.inf, np.nan], "error [mm]", (2.0,))
    assert [plot.share_within(v) for v in (0.5, 1, 3, 99)] == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    assert not plot.grab().isNull()
