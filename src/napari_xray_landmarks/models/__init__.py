"""Models: their file format, where they are, and how they are run."""

from .format import read_model_file, read_model_header, save_model
from .header import ModelHeader
from .registry import Model, detect, find_models, list_models, load_model, models_folder, read_card, segment

__all__ = [
    "Model",
    "ModelHeader",
    "detect",
    "find_models",
    "list_models",
    "load_model",
    "models_folder",
    "read_card",
    "read_model_file",
    "read_model_header",
    "save_model",
    "segment",
]
