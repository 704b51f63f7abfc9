"""Landmarks and bone segmentation in radiographs and CT/MR volumes.

Importing this package costs next to nothing: every public name below is loaded when it is first used.
Not for clinical use.
"""

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "Radiograph": "imaging",
    "Volume": "imaging",
    "LandmarkSet": "landmarks",
    "Contour": "landmarks",
    "load_image": "io",
    "load_landmarks": "io",
    "save_landmarks": "io",
    "load_model": "models",
    "list_models": "models",
    "detect": "models",
    "segment": "models",
    "read_training_set": "training",
    "evaluate": "evaluation",
    "CArm": "geometry.camera",
    "estimate_pose": "geometry.pnp",
    "load_pose": "io.poses",
    "save_pose": "io.poses",
    "register": "registration:refine",
    "scene": "drr.scene",
    "simulate": "drr.simulate",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own = _PUBLIC[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), own or name)


def __dir__():
    return sorted(__all__)
