"""What tests of the real window share."""

import pytest


@pytest.fixture
def viewer(make_napari_viewer, figure_model, plugin_settings):
    """A window of a laptop's size, with the made-up bone's model installed."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    return viewer


@pytest.fixture
def film(viewer, figure_film):
    """The made-up film."""
    return viewer.add_image(figure_film[0], name="film", scale=(0.5, 0.5), units=("mm", "mm"))
