"""How well a model segments scans of other subjects, on the working grid: slices alone, and all stages."""

from collections.abc import Callable, Sequence

import numpy as np

from .components import winners
from .scans import Layout, Scan
from .settings import DeepShapeSettings
from .slices import slice_probabilities
from .stages import centres_of, fit_shapes, refine
from .storage import Networks


def measured(networks: Networks, scans: Sequence[Scan], layout: Layout, settings: DeepShapeSettings,
             subvolume: Sequence[int], report: Callable[[float], None] = lambda fraction: None) -> dict[str, float]:
    """Mean Dice coefficients of the structures, "dice_NAME", and of slices alone, "slices_dice_NAME".

    Parameters
    ----------
    networks
    scans
        Of subjects that did not train; none give no values.
    layout, settings
    subvolume
        Sides in voxels.
    report
        Called as `report(fraction)`; may raise `errors.Cancelled`.
    """
    found = []
    for number, scan in enumerate(scans):
        report(number / len(scans))
        found.append(_of_scan(networks, scan, layout, settings, subvolume))
    if not found:
        return {}
    whole, slices = np.nanmean(found, axis=0)
    names = list(layout.structures)
    return ({"mean_dice": float(whole.mean())} | {f"dice_{n}": float(v) for n, v in zip(names, whole, strict=True)}
            | {f"slices_dice_{n}": float(v) for n, v in zip(names, slices, strict=True)})


def _of_scan(networks: Networks, scan: Scan, layout: Layout, settings: DeepShapeSettings, subvolume: Sequence[int]
             ) -> tuple[np.ndarray, np.ndarray]:
    """Dice coefficients of all stages and of slices alone, NaN where a structure is neither there nor found."""
    image = scan.image.astype(np.float32)
    probabilities = slice_probabilities(networks.slices, image, layout.slice_axis, settings.neighbours)
    slices = winners(probabilities)
    numbers = {name: layout.class_of(name) for name in layout.structures}
    fits = fit_shapes(networks.shapes, networks.bones, numbers, image, slices, scan.spacing_mm, {}, lambda f: None)
    centres = centres_of(networks.bones, fits, settings.subvolumes)
    if networks.local is not None and len(centres):
        refine(networks.local, image, probabilities, centres, subvolume, settings.ensemble, lambda f: None)
    return tuple(_dice(classes, scan.classes, len(numbers)) for classes in (winners(probabilities), slices))


def _dice(found: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    both = np.bincount(found[found == truth].ravel(), minlength=classes + 1)[1:]
    sizes = sum(np.bincount(a.ravel(), minlength=classes + 1)[1:] for a in (found, truth))
    return np.where(sizes > 0, 2 * both / np.maximum(sizes, 1), np.nan)
