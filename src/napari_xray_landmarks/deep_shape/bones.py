"""Single bones in a mask: the largest component, or the left and the right one of a pair."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import label

SIDES = ("", "pair", "either")
_LEAST_SHARE = 0.2  # of the larger one's volume that the other bone of a pair has at least


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask; an empty mask is given back."""
    numbers, count = label(mask)
    return mask if count < 2 else numbers == 1 + int(np.bincount(numbers.ravel())[1:].argmax())


def instances(mask: np.ndarray, sides: str) -> list[tuple[str, np.ndarray]]:
    """The bones of a structure.

    Parameters
    ----------
    mask : bool array
        Axes (superior, posterior, left).
    sides
        "pair": two components, of which one is left of the other. Anything else: one.

    Returns
    -------
    list of (side, mask)
        Side is "left" or "right" in pairs, otherwise ""; none where the mask is empty. A single bone of a pair lies on
        the side of the volume's middle that it lies on.
    """
    if not mask.any():
        return []
    if sides != "pair":
        return [("", largest_component(mask))]
    numbers, _ = label(mask)
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    found = np.argsort(-sizes, kind="stable")[:2]
    parts = [numbers == n for n in found if sizes[n] >= max(_LEAST_SHARE * sizes.max(), 1)]
    parts.sort(key=_place)
    if len(parts) == 2:
        return [("right", parts[0]), ("left", parts[1])]
    return [("left" if _place(parts[0]) > (mask.shape[2] - 1) / 2 else "right", parts[0])]


def pieces(mask: np.ndarray, sides: str | None) -> list[np.ndarray]:
    """What a structure's volume is taken of: the bones of `instances`, or where it is none with a shape (None), as
    cartilage, which may be of two parts, all of the mask; none where it is empty."""
    if sides is None:
        return [mask] if mask.any() else []
    return [part for _, part in instances(mask, sides)]


def sides_of(masks: Sequence[np.ndarray]) -> str:
    """"pair" where most masks show two bones of similar size beside each other, otherwise ""."""
    pairs = [len(instances(mask, "pair")) == 2 for mask in masks if mask.any()]
    return "pair" if pairs and np.mean(pairs) > 0.5 else ""


def _place(mask: np.ndarray) -> float:
    """Middle of a mask along the axis to the left."""
    share = mask.sum((0, 1))
    return float(share @ np.arange(len(share)) / share.sum())
