"""How far a segmentation of a structure can be trusted, and whether there is one at all."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import listed
from .fitting import BoneFit

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


def agreement(one: np.ndarray, other: np.ndarray, where: np.ndarray, classes: int) -> np.ndarray:
    """(classes,) Dice coefficients of two segmentations in a part of the volume; 0 where both show none of a class."""
    one, other = one[where], other[where]
    both = np.bincount(one[one == other], minlength=classes)
    return 2 * both / np.maximum(np.bincount(one, minlength=classes) + np.bincount(other, minlength=classes), 1)


def fit_evidence(fits: Sequence[BoneFit]) -> dict[str, list[float]]:
    """What the fitted shapes of a bone, one or a pair, say for it: values of each, by kind."""
    return {} if not fits else {
        "distance_mm": [fit.distance_mm / fit.size for fit in fits], "size": [fit.size for fit in fits],
        "spread": [float(np.sqrt(np.mean(fit.coefficients**2))) for fit in fits]}


def plausibility(value: float, known: Sequence[float] | None) -> float:
    """1 for a value within those of the training's subjects; less the farther it lies outside, 0.37 at twice or half.

    Parameters
    ----------
    value
        Such as a volume; not negative.
    known
        Least, 0 where it does not matter, and most of the training; None where they are not known.
    """
    if known is None:
        return 1.0
    least, most = known
    if value <= 0 or most <= 0:
        return float(least <= value <= most)
    away = max(np.log(least / value) if least > 0 else 0.0, np.log(value / most), 0.0)
    return float(np.exp(-((away / _TWOFOLD) ** 2)))


def known_ranges(extra: Mapping) -> dict[str, dict[str, tuple[float, float]]]:
    """Least and most of the training by structure and kind, of a model header's "volume_ml" and "known".

    Raises
    ------
    ValueError
        They are no ranges.
    """
    found: dict[str, dict[str, tuple[float, float]]] = {}
    volumes, others = (dict(extra.get(key, {})) for key in ("volume_ml", "known"))
    rows = [(name, "volume_ml", ends) for name, ends in volumes.items()]
    rows += [(name, kind, ends) for name, own in others.items() for kind, ends in dict(own).items()]
    for name, kind, ends in rows:
        least, most = (float(end) for end in ends)
        if not 0 <= least <= most < np.inf:
            raise ValueError(f"{kind} of {name} cannot lie between {least:g} and {most:g}")
        found.setdefault(name, {})[kind] = least, most
    return found


def judged(values: Mapping[str, Sequence[float]], overlap: float, known: Mapping[str, Sequence[float]],
           threshold: float) -> tuple[float, str]:
    """How sure a structure is, and why it does not count as found.

    Parameters
    ----------
    values
        By kind, of each of its bones (one, or left and right): "volume_ml", and what else is known of those of `KINDS`.
    overlap
        Of `expected_overlap`.
    known
        Least and most in the training, by kind.
    threshold
        Less sure is not found.

    Returns
    -------
    confidence
        In [0, 1]: the expected Dice coefficient, lower where the structure is like no subject's of the training.
    reason
        "" where it is found.
    """
    volumes_ml = values["volume_ml"]
    if not sum(volumes_ml) > _SPECK_ML:
        return 0.0, "the volume shows none of it"
    likely = {kind: float(np.mean([plausibility(value, known.get(kind)) for value in own]))
              for kind, own in values.items()}
    confidence = overlap * float(np.prod(list(likely.values())))
    if confidence >= threshold:
        return confidence, ""
    least = min(likely, key=likely.get)
    if likely[least] < overlap:
        return confidence, KINDS[least](values[least], known[least])
    return confidence, f"the networks are not sure (confidence {confidence:.2f}, {threshold:.2f} is needed)"


def _of_volume(values: Sequence[float], known: Sequence[float]) -> str:
    found = listed((f"{v:.3g} ml" for v in values), between=" and ")
    known_ml = " to ".join(f"{v:.3g}" for v in known)
    return (f"only {found} look like it, those it was trained on have {known_ml} ml" if max(values) < known[0]
            else f"{found} look like it, more than the {known_ml} ml of training")


KINDS = {
    "volume_ml": _of_volume,
    "distance_mm": lambda values, known: f"its shape lies {max(values):.1f} mm off what looks like it, in the training "
                                         f"{known[1]:.1f} mm at most",
    "size": lambda values, known: f"its shape would be {' and '.join(f'{v:.2g}' for v in values)} times as large as "
                                  f"the mean, in the training {known[0]:.2g} to {known[1]:.2g} times",
    "spread": lambda values, known: f"its shape would be {max(values):.1f} standard deviations off the mean, in the "
                                    f"training {known[1]:.1f} at most",
    "agreement": lambda values, known: f"slices and subvolumes do not agree on it (Dice {min(values):.2f}, in the "
                                       f"training {known[0]:.2f} at least)",
}
"""What speaks for a structure, and what is said where it speaks against it."""
