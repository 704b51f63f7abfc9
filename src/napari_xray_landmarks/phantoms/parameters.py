"""What varies from one individual to the next: named parameters with their population ranges."""

from dataclasses import dataclass, field, fields

import numpy as np


def varies(mean: float, sd: float, unit: str, help: str):
    """A field of a dataclass of parameters: the mean of the population, and its spread."""
    return field(default=mean, metadata={"sd": sd, "unit": unit, "help": help})


def normal_values(parameters: type, rng: np.random.Generator, limit: float) -> dict[str, float]:
    """Independent normal draws, cut at `limit` standard deviations, of the fields that have one, by name."""
    varying = [f for f in fields(parameters) if f.metadata["sd"] is not None]
    draws = np.clip(rng.standard_normal(len(varying)), -limit, limit)
    return {f.name: f.default + f.metadata["sd"] * float(z) for f, z in zip(varying, draws, strict=True)}


@dataclass(frozen=True)
class PelvisParameters:
    """An adult's pelvis with both proximal femurs. Defaults are the mean individual; each field's metadata holds sd,
    unit and help. Lengths are those of the mean size, before `size`."""

    size: float = varies(1.0, 0.05, "", "Overall size of the skeleton")
    height: float = varies(1.0, 0.035, "", "Superior-inferior proportion")
    depth: float = varies(1.0, 0.035, "", "Anterior-posterior proportion")
    width: float = varies(1.0, 0.035, "", "Left-right proportion")
    flare: float = varies(1.0, 0.06, "", "How far the iliac wings spread")
    tilt_deg: float = varies(0.0, 6.0, "deg", "Pelvic tilt; positive turns the upper rim backwards")
    head_radius_mm: float = varies(23.8, 1.3, "mm", "Radius of the femoral head")
    joint_space_mm: float = varies(3.4, 0.4, "mm", "From the femoral head to the acetabulum")
    inclination_deg: float = varies(42.0, 3.0, "deg", "Acetabular inclination")
    acetabular_anteversion_deg: float = varies(18.0, 4.0, "deg", "Acetabular anteversion")
    neck_shaft_deg: float = varies(127.0, 4.5, "deg", "Neck-shaft angle of the femur")
    neck_length_mm: float = varies(46.0, 3.0, "mm", "From the head's centre to the shaft's axis")
    femoral_anteversion_deg: float = varies(13.0, 6.0, "deg", "Anteversion of the femoral neck")
    shaft_radius_mm: float = varies(14.2, 0.9, "mm", "Outer radius of the femoral shaft")
    leg_rotation_deg: float = varies(-8.0, 7.0, "deg", "Rotation of the legs; negative is inwards")
    leg_abduction_deg: float = varies(3.0, 4.0, "deg", "Abduction of the legs")
    leg_flexion_deg: float = varies(2.0, 4.0, "deg", "Flexion of the hips")
    lordosis_deg: float = varies(24.0, 5.0, "deg", "Forward lean of the fifth lumbar vertebra")
    sacral_width_mm: float = varies(53.0, 2.0, "mm", "Half width of the sacrum at its base")
    cortex_mm: float = varies(1.5, 0.15, "mm", "Thickness of the cortex of the pelvis")
    shaft_cortex_mm: float = varies(5.8, 0.7, "mm", "Thickness of the cortex of the femoral shaft")
    bone_density: float = varies(1.0, 0.13, "", "Factor on the density of all bone")
    trabecular_texture_hu: float = varies(48.0, 12.0, "HU", "Strength of the trabecular texture")
    hip_half_width_mm: float = varies(182.0, 14.0, "mm", "Half width of the body at the hips")
    abdomen_depth_mm: float = varies(108.0, 12.0, "mm", "Half depth of the body")
    fat_mm: float = varies(22.0, 8.0, "mm", "Thickness of the fat under the skin")


def sample_parameters(rng: np.random.Generator, limit: float = 2.3) -> PelvisParameters:
    """A random individual: independent normals, cut at `limit` standard deviations."""
    return PelvisParameters(**normal_values(PelvisParameters, rng, limit))
