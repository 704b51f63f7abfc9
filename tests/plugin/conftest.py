"""What tests of readers and writers share."""

import pytest
from npe2 import PluginManager, PluginManifest


@pytest.fixture
def only_our_plugin(monkeypatch):
    """A plugin manager that knows our manifest and no other."""
    manager = PluginManager()
    manager.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    monkeypatch.setattr(PluginManager, "instance", classmethod(lambda cls: manager))
    return manager
