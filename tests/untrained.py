"""A view-invariant model of random weights: its maps show no landmarks, but they are maps, and it takes no training."""

import numpy as np

from napari_xray_landmarks import __version__
from napari_xray_landmarks.models import ModelHeader, save_model


def untrained_model(path, names) -> None:
    """Write a model file for landmarks of these names."""
    import torch

    from napari_xray_landmarks.learning.weights import tensors_of
    from napari_xray_landmarks.view_invariant.learning import network_of
    from napari_xray_landmarks.view_invariant.settings import ViewInvariantSettings

    torch.manual_seed(0)
    values = {"stages": 2, "channels": 4, "pixel_mm": 1.0}
    network = network_of(ViewInvariantSettings(**values), len(names)).eval()
    tensors = tensors_of(network, "network") | {"calibration": np.array([1.0, 0.0, 0.0], np.float32)}
    save_model(path, ModelHeader(method="view-invariant", anatomy="nothing", landmarks=tuple(names), settings=values,
                                 licence="none", citation="nobody", package_version=__version__), tensors)
