"""Whether a model's numbers can be those of a trained model, before anything is computed or allocated with them."""

import numpy as np

from .patches import PatchModel, PatchSet

MAX_RESOLUTION = 5000.0  # level px per unit of the model's frame
MAX_LEVEL_SIDE = 50_000.0  # level px of a film's diagonal
MAX_DISPLACEMENT = 1e5  # level px
MAX_COMPONENT = 1e3


def check_plausible(model: PatchModel) -> None:
    """Refuse numbers that no training gives, and that would ask for absurd images or end in no answer.

    Raises
    ------
    ValueError
        For the first one, with its value.
    """
    radius = float(np.sqrt((model.formation.mean**2).sum(axis=1).mean()))
    _within("the mean shape's radius", radius, 0.2, 5.0)
    _within("the covariance", np.abs(model.formation.covariance).max(), 0.0, 1e3)
    if not model.resolutions:
        raise ValueError("it has no levels")
    for resolution in (*model.resolutions, model.pose_resolution):
        _within("a resolution", resolution, 0.5, MAX_RESOLUTION)
        _within("a film at a resolution", resolution / model.scales[0], 1.0, MAX_LEVEL_SIDE)
    for what, limits in (("scales", model.scales), ("scales_mm", model.scales_mm)):
        if len(limits) not in ((2,) if what == "scales" else (0, 2)) or list(limits) != sorted(limits):
            raise ValueError(f"its {what} are {list(limits)}, not a low and a high one")
        for limit in limits:
            _within(what, limit, 1e-4, 1e5)
    if len(model.confidence) != 3:
        raise ValueError(f"its confidence has {len(model.confidence)} values, not 3")
    _within("the tolerance", model.tolerance, 1e-6, 10.0)
    for patches in (model.pose, *(patches for level in model.levels for patches in level)):
        _check_patches(patches)


def _check_patches(patches: PatchSet) -> None:
    for what, values in (("features", patches.features), ("feature mean", patches.mean), ("basis", patches.basis)):
        _within(f"the {what}", np.abs(values).max(initial=0.0), 0.0, MAX_COMPONENT)
    _within("a displacement", np.abs(patches.displacements).max(), 0.0, MAX_DISPLACEMENT)
    if not patches.displacements.std(axis=0).any():
        raise ValueError("all patches have the same displacements")


def _within(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what} is {value:g}, not between {low:g} and {high:g}")
