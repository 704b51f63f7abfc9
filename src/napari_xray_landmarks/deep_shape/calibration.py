"""What is learnt last: what subvolumes count for each structure beside slices, and how well shapes fit."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.stats import f as fisher

from ..shape.volume_segmentation import Structure
from .components import winners
from .measured import Looked, dice, look
from .results import evidence_of
from .scans import Layout, Scan
from .settings import DeepShapeSettings
from .storage import Networks
from .subvolumes import join

WEIGHTS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
MOST_SCANS = 10
_SURE = 0.99  # share of new shapes that a limit holds
_LOWER, _UPPER = ("agreement", "size"), ("distance_mm", "spread", "size")  # kinds that can be too small, too large


def calibrated(networks: Networks, scans: Sequence[Scan], layout: Layout, settings: DeepShapeSettings,
               subvolume: Sequence[int], shapes: Mapping[str, int],
               report: Callable[[float], None] = lambda fraction: None) -> dict[str, dict]:
    """Values for a model file's header, measured on a few scans.

    Parameters
    ----------
    networks
    scans
        Of the training, or of other subjects; never those that the model is judged on. At most `MOST_SCANS` are used.
    layout, settings
    subvolume
        Sides in voxels.
    shapes
        Of how many each bone's shape model is made.
    report
        Called as `report(fraction)`; may raise `errors.Cancelled`.

    Returns
    -------
    dict
        "local_weights" by structure, and "known": least and most by structure and kind of `confidence.KINDS`.
    """
    sides, rows, values = {bone.name: bone.sides for bone in networks.bones}, [], []
    structures = [Structure(name, label, layout.cartilages.get(name, "")) for name, label in layout.structures.items()]
    scans = scans[:: -(-len(scans) // MOST_SCANS) or 1]
    for number, scan in enumerate(scans):
        report(number / len(scans))
        looked = look(networks, scan, layout, settings, subvolume)
        agreements = None if looked.local is None else looked.local.agreement(looked.classes)
        values.append(evidence_of(structures, sides, looked.fits, agreements))
        if looked.local is not None:
            rows.append(_by_weight(looked, scan.classes, len(structures)))
    aimed = [structure for structure in structures if (structure.bone or structure.name) in sides]
    weights = {structure.name: 0.0 for structure in structures}
    for number, structure in enumerate(structures):
        if structure in aimed and rows:
            weights[structure.name] = weight_of(np.array(rows)[:, :, number])
    known = {s.name: ranges([v[s.name] for v in values]) for s in structures}
    for bone in networks.bones:
        known[bone.name] = for_new_subjects(known[bone.name], shapes[bone.name], len(bone.model.variances),
                                            max(layout.spacing_mm))
    return {"local_weights": weights, "known": known}


def _by_weight(looked: Looked, truth: np.ndarray, structures: int) -> list[np.ndarray]:
    """Dice coefficients of the structures where all of them have the same weight."""
    box, rows = (slice(None), *looked.local.box), []
    classes, slices = looked.classes.copy(), looked.probabilities[box]
    for weight in WEIGHTS:
        joined = slices.copy()
        join(joined, looked.local.probabilities, looked.local.covered, np.full(structures + 1, weight))
        classes[looked.local.box] = winners(joined)
        rows.append(dice(classes, truth, structures))
    return rows


def weight_of(dice_by_weight: np.ndarray) -> float:
    """The smallest of `WEIGHTS` whose mean Dice coefficient is within a standard error of the best's (Breiman et al.,
    Classification and regression trees, 1984): slices alone, where subvolumes bring nothing that is sure.

    Parameters
    ----------
    dice_by_weight : (scans, weights) array
        NaN where a scan does not show the structure.
    """
    found = dice_by_weight[~np.isnan(dice_by_weight).any(1)]
    if len(found) < 2:
        return 0.5
    lost = found[:, found.mean(0).argmax()][:, None] - found
    near = lost.mean(0) <= lost.std(0, ddof=1) / np.sqrt(len(found))
    return float(WEIGHTS[near.argmax()])


def ranges(values: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    """Least and most of each kind over scans; 0 for what cannot be too small."""
    found: dict[str, list[float]] = {}
    for own in values:
        for kind, numbers in own.items():
            found.setdefault(kind, []).extend(numbers)
    return {kind: [round(min(numbers), 3) if kind in _LOWER else 0.0, round(max(numbers), 3) if kind in _UPPER else 1.0]
            for kind, numbers in found.items() if numbers}


def for_new_subjects(known: Mapping[str, Sequence[float]], shapes: int, modes: int, voxel_mm: float
                     ) -> dict[str, list[float]]:
    """Ranges that other subjects stay in too: those of the training fit a model better that they have made themselves.

    The limit of "spread", the root mean square of standardised coefficients, is raised to that of Hotelling's T² for a
    new observation, k (n² - 1) / (n (n - k)) F(k, n - k) of k modes from n shapes (MacGregor and Kourti, Control
    Engineering Practice 3, 1995), divided by k; with no more shapes than modes nothing can be said of it. Distances
    of less than half of a voxel's largest side say nothing either.

    Parameters
    ----------
    known
        Least and most by kind.
    shapes, modes
        n and k.
    voxel_mm
        Largest side of a voxel of the working grid.
    """
    found = {kind: list(ends) for kind, ends in known.items() if kind != "spread" or shapes > modes}
    if "spread" in found:
        limit = np.sqrt((shapes**2 - 1) / (shapes * (shapes - modes)) * fisher.ppf(_SURE, modes, shapes - modes))
        found["spread"][1] = round(max(found["spread"][1], float(limit)), 3)
    if "distance_mm" in found:
        found["distance_mm"][1] = max(found["distance_mm"][1], voxel_mm / 2)
    return found
