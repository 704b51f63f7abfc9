"""What varies from one knee to the next: named parameters with their population ranges.

Means and spreads are those of adults of both sexes as textbooks and morphometric reviews give them, rounded.
"""

from dataclasses import dataclass, field

import numpy as np

from .parameters import normal_values, varies

GRADE_SHARES = (0.38, 0.20, 0.20, 0.14, 0.08)  # of the grades 0 to 4 in a cohort such as the OAI's


@dataclass(frozen=True)
class KneeParameters:
    """An adult's knee. Defaults are the mean individual without arthrosis; each field's metadata holds sd, unit and
    help. Lengths are those of the mean size, before `size`."""

    size: float = varies(1.0, 0.065, "", "Overall size of the skeleton")
    femur_width: float = varies(1.0, 0.035, "", "Left-right proportion of the femur")
    femur_depth: float = varies(1.0, 0.035, "", "Anterior-posterior proportion of the femur")
    tibia_width: float = varies(1.0, 0.035, "", "Left-right proportion of the tibia")
    tibia_depth: float = varies(1.0, 0.035, "", "Anterior-posterior proportion of the tibia")
    medial_radius_mm: float = varies(24.5, 1.2, "mm", "Radius of the medial condyle at its back")
    lateral_radius_mm: float = varies(23.0, 1.2, "mm", "Radius of the lateral condyle at its back")
    medial_distal_mm: float = varies(27.0, 1.1, "mm", "From the epicondylar axis to the medial joint line")
    lateral_distal_mm: float = varies(25.5, 1.1, "mm", "From the epicondylar axis to the lateral joint line")
    trochlea_mm: float = varies(36.0, 1.3, "mm", "From the epicondylar axis to the lateral trochlear ridge")
    groove_mm: float = varies(6.0, 1.3, "mm", "Depth of the trochlear groove below the lateral ridge")
    notch_width_mm: float = varies(20.0, 1.7, "mm", "Width of the intercondylar notch")
    notch_roof_deg: float = varies(40.0, 4.0, "deg", "Angle between the notch's roof and the shaft")
    epicondyles_mm: float = varies(6.5, 1.2, "mm", "Height of the epicondyles above the condyles' sides")
    femoral_valgus_deg: float = varies(6.0, 1.6, "deg", "Lean of the femoral shaft to the joint line")
    femoral_shaft_mm: float = varies(14.5, 0.9, "mm", "Radius of the femoral shaft")
    tibial_varus_deg: float = varies(3.0, 1.5, "deg", "Lean of the tibial shaft to the joint line")
    medial_slope_deg: float = varies(6.5, 2.2, "deg", "Posterior slope of the medial plateau")
    lateral_slope_deg: float = varies(6.0, 2.2, "deg", "Posterior slope of the lateral plateau")
    medial_hollow_mm: float = varies(2.2, 0.5, "mm", "Depth of the medial plateau's hollow")
    lateral_dome_mm: float = varies(1.2, 0.5, "mm", "Height of the lateral plateau's dome")
    eminence_mm: float = varies(9.0, 1.2, "mm", "Height of the intercondylar eminence")
    tuberosity_mm: float = varies(5.0, 1.0, "mm", "Height of the tibial tuberosity")
    tibial_shaft_mm: float = varies(14.0, 0.9, "mm", "Radius of the tibial shaft")
    patella_width: float = varies(1.0, 0.06, "", "Left-right proportion of the patella")
    patella_height: float = varies(1.0, 0.06, "", "Superior-inferior proportion of the patella")
    patellar_tendon: float = varies(1.05, 0.12, "", "Length of the patellar tendon over that of the patella")
    flexion_deg: float = varies(10.0, 4.3, "deg", "Flexion of the knee")
    rotation_deg: float = varies(0.0, 3.5, "deg", "Rotation of the tibia; positive is outwards")
    rollback_mm: float = varies(4.5, 1.3, "mm", "How far back the femur stands on the tibia")
    femoral_cartilage_mm: float = varies(2.3, 0.28, "mm", "Thickness of the femoral cartilage where it bears weight")
    tibial_cartilage_mm: float = varies(2.3, 0.28, "mm", "Thickness of the tibial cartilage at the plateaus' middle")
    patellar_cartilage_mm: float = varies(3.2, 0.4, "mm", "Thickness of the patellar cartilage at its ridge")
    meniscus_width_mm: float = varies(10.5, 1.2, "mm", "Width of the menisci")
    irregularity_mm: float = varies(0.55, 0.12, "mm", "Departure of the bones from what these parameters say")
    effusion: float = varies(0.35, 0.15, "", "Joint fluid, 0 hardly any, 1 a lot")
    leg_radius_mm: float = varies(53.0, 4.0, "mm", "Half width of the leg at the joint without its fat")
    fat_mm: float = varies(9.0, 3.5, "mm", "Thickness of the fat under the skin")
    grade: int = field(default=0, metadata={
        "sd": None, "unit": "", "help": "Grade of arthrosis, 0 to 4, after Kellgren and Lawrence"})

    def __post_init__(self):
        if self.grade not in range(len(GRADE_SHARES)):
            raise ValueError(f"grade must be 0 to {len(GRADE_SHARES) - 1}, got {self.grade}")


def sample_knee_parameters(rng: np.random.Generator, limit: float = 2.3) -> KneeParameters:
    """A random individual: independent normals, cut at `limit` standard deviations; grades as in a cohort."""
    values = normal_values(KneeParameters, rng, limit)
    return KneeParameters(**values, grade=int(rng.choice(len(GRADE_SHARES), p=GRADE_SHARES)))
