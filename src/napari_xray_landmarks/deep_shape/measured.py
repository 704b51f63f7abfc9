"""How well a model segments scans of other subjects, on the working grid: slices alone, and all stages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .components import winners
from .fitting import BoneFit
from .scans import Layout, Scan
from .settings import DeepShapeSettings
from .slices import slice_probabilities
from .stages import Local, centres_of, class_weights, fit_shapes, in_subvolumes
from .storage import Networks
from .subvolumes import join


def measured(networks: Networks, scans: Sequence[Scan], layout: Layout, settings: DeepShapeSettings,
             subvolume: Sequence[int], weights: Mapping[str, float],
             report: Callable[[float], None] = lambda fraction: None) -> dict[str, float]:
    """Mean Dice coefficients of the structures, "dice_NAME", and of slices alone, "slices_dice_NAME".

    Parameters
    ----------
    networks
    scans
        Of subjects that did not train; none give no values.
    layout, settings
    subvolume
        Sides in voxels.
    weights
        What subvolumes count for a structure beside slices.
    report
        Called as `report(fraction)`; may raise `errors.Cancelled`.
    """
    found = []
    for number, scan in enumerate(scans):
        report(number / len(scans))
        found.append(_of_scan(networks, scan, layout, settings, subvolume, weights))
    if not found:
        return {}
    whole, slices = np.nanmean(found, axis=0)
    names = list(layout.structures)
    return ({"mean_dice": float(whole.mean())} | {f"dice_{n}": float(v) for n, v in zip(names, whole, strict=True)}
            | {f"slices_dice_{n}": float(v) for n, v in zip(names, slices, strict=True)})


def _of_scan(networks: Networks, scan: Scan, layout: Layout, settings: DeepShapeSettings, subvolume: Sequence[int],
             weights: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Dice coefficients of all stages and of slices alone."""
    looked = look(networks, scan, layout, settings, subvolume)
    alone = dice(looked.classes, scan.classes, len(layout.structures))
    if looked.local is None:
        return alone, alone
    part = looked.probabilities[(slice(None), *looked.local.box)]
    join(part, looked.local.probabilities, looked.local.covered,
         class_weights(layout.structures, weights, settings.ensemble))
    return dice(winners(looked.probabilities), scan.classes, len(layout.structures)), alone


@dataclass(frozen=True, eq=False)
class Looked:
    """What the stages find in a scan: of slices, the shapes, of subvolumes (None where there are none)."""

    probabilities: np.ndarray
    classes: np.ndarray
    fits: Mapping[str, BoneFit]
    local: Local | None


def look(networks: Networks, scan: Scan, layout: Layout, settings: DeepShapeSettings, subvolume: Sequence[int]
         ) -> Looked:
    """All stages on a scan, not joined yet."""
    image = scan.image.astype(np.float32)
    probabilities = slice_probabilities(networks.slices, image, layout.slice_axis, settings.neighbours)
    classes, local = winners(probabilities), None
    numbers = {name: layout.class_of(name) for name in layout.structures}
    fits = fit_shapes(networks.shapes, networks.bones, numbers, image, classes, scan.spacing_mm, {}, lambda f: None)
    centres = centres_of(networks.bones, fits, settings.subvolumes)
    if networks.local is not None and len(centres):
        local = in_subvolumes(networks.local, image, len(probabilities), centres, subvolume, lambda f: None)
    return Looked(probabilities, classes, fits, local)


def dice(found: np.ndarray, truth: np.ndarray, structures: int) -> np.ndarray:
    """(structures,) Dice coefficients of classes 1 to so many, NaN where a structure is neither there nor found."""
    both = np.bincount(found[found == truth].ravel(), minlength=structures + 1)[1:]
    sizes = sum(np.bincount(a.ravel(), minlength=structures + 1)[1:] for a in (found, truth))
    return np.where(sizes > 0, 2 * both / np.maximum(sizes, 1), np.nan)
