"""What varies from one spine to the next: named parameters with their population ranges."""

from dataclasses import dataclass

import numpy as np

from .parameters import normal_values, varies


@dataclass(frozen=True)
class SpineParameters:
    """The trunk of an adolescent or young adult. Defaults are the mean individual; each field's metadata holds sd,
    unit and help. Lengths are those of the mean size, before `size`."""

    size: float = varies(1.0, 0.06, "", "Overall size of the trunk; 1 is 44 cm from T1 to L5 along the spine")
    slenderness: float = varies(1.0, 0.035, "", "Height over width of the vertebrae")
    disc_height: float = varies(1.0, 0.07, "", "Factor on the height of the discs")
    hollow_mm: float = varies(1.5, 0.35, "mm", "Depth of the endplates' concavity")
    kyphosis_deg: float = varies(34.0, 8.0, "deg", "T4 to T12, before scoliosis flattens it")
    lordosis_deg: float = varies(50.0, 8.0, "deg", "L1 to the sacrum")
    flattening: float = varies(0.15, 0.05, "", "Kyphosis lost per degree of the main thoracic curve")
    sagittal_balance_mm: float = varies(0.0, 15.0, "mm", "How far C7 stands behind the sacrum")
    coronal_balance_mm: float = varies(0.0, 9.0, "mm", "How far C7 stands to the left of the sacrum")
    rib_hump: float = varies(0.6, 0.12, "", "Share of a vertebra's rotation that its ribs follow")
    chest_width: float = varies(1.0, 0.05, "", "Factor on the width of the rib cage")
    chest_depth: float = varies(1.0, 0.05, "", "Factor on the depth of the rib cage")
    rib_slope: float = varies(1.0, 0.12, "", "Factor on how far the ribs go down")
    diaphragm_mm: float = varies(0.0, 12.0, "mm", "How far the diaphragm stands above its mean level")
    heart: float = varies(1.0, 0.08, "", "Size of the heart's shadow")
    waist_mm: float = varies(124.0, 9.0, "mm", "Half width of the body at the waist")
    belly_mm: float = varies(88.0, 9.0, "mm", "Half depth of the body at the waist")
    fat_mm: float = varies(12.0, 4.5, "mm", "Thickness of the fat under the skin")
    bowel_gas: float = varies(1.0, 0.4, "", "Amount of gas in the bowel")
    cortex_mm: float = varies(0.85, 0.1, "mm", "Thickness of the vertebrae's cortex")
    bone_density: float = varies(1.0, 0.12, "", "Factor on the density of all bone")
    trabecular_texture_hu: float = varies(55.0, 14.0, "HU", "Strength of the trabecular texture")


def sample_spine(rng: np.random.Generator, limit: float = 2.3) -> SpineParameters:
    """A random individual: independent normals, cut at `limit` standard deviations."""
    return SpineParameters(**normal_values(SpineParameters, rng, limit))
