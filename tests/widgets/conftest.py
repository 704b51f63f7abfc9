"""Widget tests drive docks over a viewer model: no window, no display."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def said():
    """What napari's notifications said during the test: (severity, message)."""
    heard = []

    def hear(notification):
        heard.append((str(notification.severity).rpartition(".")[2].lower(), notification.message))

    notification_manager.notification_ready.connect(hear)
    yield heard
    notification_manager.notification_ready.disconnect(hear)


@pytest.fixture
def ball_film():
    """A (300, 260) film with a marker ball of radius 25.4 px at (150.5, 110.25), brighter than the rest."""
    rows, columns = np.indices((300, 260))
    away = np.hypot(rows - 150.5, columns - 110.25)
    rng = np.random.default_rng(1)
    return 500 + 200 * np.sin(rows / 60) + 900 / (1 + np.exp((away - 25.4) / 0.6)) + rng.normal(0, 10, rows.shape)
