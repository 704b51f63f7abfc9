"""How far a segmentation of a structure can be trusted, and whether there is one at all."""

from collections.abc import Sequence

import numpy as np

from ..errors import listed

_TWOFOLD = np.log(2.0)
_SPECK_ML = 0.01


def expected_overlap(probability: np.ndarray, mask: np.ndarray) -> float:
    """Dice coefficient of a mask with the truth, as the networks' own probabilities let expect it.

    2 sum(p m) / (sum(p) + sum(m)): where each voxel is of the structure with probability p, independently of the
    others, the numerator and denominator of the Dice coefficient have these expectations.

    Parameters
    ----------
    probability
        Of the structure, at each voxel.
    mask : bool array
    """
    inside, count = float(probability[mask].sum(dtype=np.float64)), int(mask.sum())
    total = float(probability.sum(dtype=np.float64))
    return 2 * inside / (total + count) if count else 0.0


def plausibility(volume_ml: float, known_ml: Sequence[float] | None) -> float:
    """1 for a volume within those of the training's subjects; less the farther it lies outside, 0.37 at twice or half.

    Parameters
    ----------
    volume_ml
    known_ml
        Least and most of the training; None where they are not known.
    """
    if known_ml is None or not volume_ml > 0:
        return float(volume_ml > 0)
    least, most = known_ml
    away = max(np.log(least / volume_ml), np.log(volume_ml / most), 0.0)
    return float(np.exp(-((away / _TWOFOLD) ** 2)))


def judged(volumes_ml: Sequence[float], overlap: float, known_ml: Sequence[float] | None, threshold: float
           ) -> tuple[float, str]:
    """How sure a structure is, and why it does not count as found.

    Parameters
    ----------
    volumes_ml
        Of its bones: one, or left and right.
    overlap
        Of `expected_overlap`.
    known_ml
        Least and most volume of a bone in the training.
    threshold
        Less sure is not found.

    Returns
    -------
    confidence
        In [0, 1]: the expected Dice coefficient, lower where the volume is like no subject's of the training.
    reason
        "" where it is found.
    """
    if not sum(volumes_ml) > _SPECK_ML:
        return 0.0, "the volume shows none of it"
    likely = float(np.mean([plausibility(volume, known_ml) for volume in volumes_ml]))
    confidence = overlap * likely
    if confidence >= threshold:
        return confidence, ""
    if likely < overlap:
        found = listed((f"{v:.3g} ml" for v in volumes_ml), between=" and ")
        return confidence, f"only {found} look like it, those it was trained on have {_range(known_ml)} ml" if (
            max(volumes_ml) < known_ml[0]) else f"{found} look like it, more than the {_range(known_ml)} ml of training"
    return confidence, f"the networks are not sure (confidence {confidence:.2f}, {threshold:.2f} is needed)"


def _range(known_ml: Sequence[float]) -> str:
    return " to ".join(f"{v:.3g}" for v in known_ml)
