"""Settings of correspondences between masks."""

from dataclasses import dataclass

from ..options import check_options, option


@dataclass(frozen=True)
class CorrespondenceSettings:
    """How the bones of several masks are brought into correspondence; each field's metadata holds its help."""

    points: int = option(2000, "Points on the bone's surface", low=50, high=10_000, group="training")
    spacing_mm: float = option(0.0, "Voxels of the registration; 0 chooses them by the bone's size", low=0.0, high=20.0,
                               unit="mm", group="training")
    iterations: int = option(60, "Of diffeomorphic demons at each resolution, at most", low=5, high=1000,
                             group="training")
    smoothing: float = option(1.5, "Standard deviation by which the displacements are smoothed, in voxels", low=0.5,
                              high=5.0, group="training")
    project: bool = option(True, "Move the warped points the last small step onto each bone's own surface",
                           group="training")
    least_overlap: float = option(0.9, "Dice coefficient after registration below which a subject is left out", low=0.0,
                                  high=1.0, group="training")

    def __post_init__(self):
        check_options(self)
