"""Preferences: the solver's weights that a user chose for every detection, kept by napari for us."""

from dataclasses import fields, replace
from importlib import import_module

from ..errors import InputError
from ..models.methods import METHODS, settings_from
from . import PLUGIN

SECTION = "solver"
SWITCH = "use_these"
MODEL_PRESET = "the model's own"


def model_settings(header):
    """The settings that a model file asks for, as its method's dataclass."""
    return settings_from(METHODS[header.method].settings_class(), header.settings, {}, f"model {header.name}")


def presets(header) -> dict:
    """Settings to choose from by name: the model's own, and those that its method names."""
    own = model_settings(header)
    return {MODEL_PRESET: own, **getattr(import_module(type(own).__module__), "PRESETS", {})}


def solver_fields(settings) -> list[str]:
    """Names of the settings that tuning changes without new features."""
    return [f.name for f in fields(settings) if f.metadata.get("group") == SECTION]


def with_preferences(settings):
    """The same settings with the user's saved solver weights, where they are switched on."""
    saved = _saved()
    if saved is None or not getattr(saved, SWITCH):
        return settings
    known = [name for name in solver_fields(settings) if hasattr(saved, name)]
    try:
        return replace(settings, **{name: getattr(saved, name) for name in known})
    except ValueError as error:
        raise InputError("preferences", f"the saved solver weights cannot be used: {error}",
                         "Correct them in File > Preferences > X-ray Landmarks") from error


def save_preferences(settings) -> None:
    """Make the solver's weights the ones that every detection starts from.

    Raises
    ------
    InputError
        This napari keeps no settings of plugins.
    """
    saved = _saved()
    if saved is None:
        raise InputError("preferences", "this napari keeps no settings of plugins", "Update napari to 0.9 or newer")
    for name in solver_fields(settings):
        if hasattr(saved, name):
            setattr(saved, name, getattr(settings, name))
    setattr(saved, SWITCH, True)


def forget_preferences() -> None:
    """Let every detection start from its model's own weights again."""
    saved = _saved()
    if saved is not None:
        setattr(saved, SWITCH, False)


def preferences_used() -> bool:
    """Whether saved weights are in use."""
    saved = _saved()
    return saved is not None and bool(getattr(saved, SWITCH))


def _saved():
    try:
        from napari.settings import get_plugin_settings
    except ImportError:  # before napari 0.9
        return None
    try:
        return getattr(get_plugin_settings(PLUGIN), SECTION)
    except (KeyError, AttributeError):
        return None
