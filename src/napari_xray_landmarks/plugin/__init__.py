"""The face in napari: the only room that knows napari, magicgui and Qt."""

PLUGIN = "napari-xray-landmarks"
"""What napari knows us by."""
