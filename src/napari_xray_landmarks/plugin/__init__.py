"""The face in napari: the only room that knows napari, magicgui and Qt."""
