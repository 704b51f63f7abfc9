"""X-ray cameras: a point source and a flat detector in the patient's world, (superior, posterior, left) in mm."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation


@dataclass(frozen=True, eq=False)
class Camera:
    """A source and the pixel grid of a detector.

    Pixel (row, column) has its centre at `corner_mm + row * row_step_mm + column * column_step_mm`.

    Parameters
    ----------
    source_mm : (3,) array
    corner_mm : (3,) array
        Centre of pixel (0, 0).
    row_step_mm, column_step_mm : (3,) arrays
        From one pixel centre to the next.
    size_px
        (rows, columns).
    """

    source_mm: np.ndarray
    corner_mm: np.ndarray
    row_step_mm: np.ndarray
    column_step_mm: np.ndarray
    size_px: tuple[int, int]

    def __post_init__(self):
        for key in ("source_mm", "corner_mm", "row_step_mm", "column_step_mm"):
            value = np.array(getattr(self, key), dtype=float)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise ValueError(f"{key} must be three finite numbers, got {value.tolist()}")
            value.flags.writeable = False
            object.__setattr__(self, key, value)
        size = tuple(int(n) for n in self.size_px)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size_px must be (rows, columns) of at least 1, got {self.size_px}")
        object.__setattr__(self, "size_px", size)
        scale = np.linalg.norm(self.row_step_mm) * np.linalg.norm(self.column_step_mm)
        distance = np.linalg.norm(self.corner_mm - self.source_mm)
        if abs(np.linalg.det(self.ray_from_px)) <= 1e-9 * scale * distance:
            raise ValueError(f"the source {self.source_mm.tolist()} lies in the detector's plane, or the pixels have "
                             f"no area: steps {self.row_step_mm.tolist()}, {self.column_step_mm.tolist()}")

    @property
    def ray_from_px(self) -> np.ndarray:
        """(3, 3) array that acts on (row, column, 1) and gives the vector from the source to that pixel in mm."""
        return np.stack([self.row_step_mm, self.column_step_mm, self.corner_mm - self.source_mm], axis=1)

    @property
    def detector_px_from_world(self) -> np.ndarray:
        """(3, 4) array; acts on (superior, posterior, left, 1), gives (row, column, 1) times the relative depth."""
        px_from_ray = np.linalg.inv(self.ray_from_px)
        return np.hstack([px_from_ray, -(px_from_ray @ self.source_mm)[:, None]])

    @classmethod
    def from_matrix(cls, detector_px_from_world, size_px: tuple[int, int]) -> "Camera":
        """The camera of a (3, 4) projection, up to the depth of the detector, which a projection does not tell.

        Points in front of the source must have a positive third coordinate.
        """
        matrix = np.asarray(detector_px_from_world, dtype=float)
        if matrix.shape != (3, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:, :3])) == 0:
            raise ValueError(f"a projection must be a finite 3x4 matrix with a centre, got {matrix.tolist()}")
        ray_from_px = np.linalg.inv(matrix[:, :3])
        source = -ray_from_px @ matrix[:, 3]
        return cls(source, source + ray_from_px[:, 2], ray_from_px[:, 0], ray_from_px[:, 1], size_px)

    def moved(self, turn_rad, shift_mm, centre_mm) -> "Camera":
        """This camera turned about a point, then shifted, source and detector together.

        Parameters
        ----------
        turn_rad : (3,) array
            Rotation vector: its direction is the axis, its length the angle.
        shift_mm, centre_mm : (3,) arrays
        """
        turn = Rotation.from_rotvec(np.asarray(turn_rad, float)).as_matrix()
        shift, centre = np.asarray(shift_mm, float), np.asarray(centre_mm, float)
        source, corner = (centre + turn @ (point - centre) + shift for point in (self.source_mm, self.corner_mm))
        return Camera(source, corner, turn @ self.row_step_mm, turn @ self.column_step_mm, self.size_px)

    def project(self, points_mm) -> np.ndarray:
        """(N, 2) pixels (row, column) of (N, 3) points; NaN for those that are not in front of the source."""
        matrix = self.detector_px_from_world
        homogeneous = np.asarray(points_mm, float) @ matrix[:, :3].T + matrix[:, 3]
        depth = homogeneous[..., 2:]
        return homogeneous[..., :2] / np.where(depth > 0, depth, np.nan)

    def magnification(self, point_mm) -> float:
        """How much larger than life a small thing at `point_mm` appears on the detector."""
        depth = self.detector_px_from_world @ np.append(np.asarray(point_mm, float), 1.0)
        return float(1.0 / depth[2])


@dataclass(frozen=True)
class CArm:
    """A C-arm or a bucky table: distances, angles and detector.

    At 0/0 the source is in front of the patient and the detector behind (an AP film). LAO turns the front end of the
    beam to the patient's left, CRAN towards the head; roll turns the detector about the beam.

    Parameters
    ----------
    lao_deg, cran_deg, roll_deg
        Angles; RAO and CAUD are negative.
    source_to_isocentre_mm, source_to_detector_mm
        Distances along the beam.
    pixel_spacing_mm
        (row, column) at the detector.
    size_px
        (rows, columns).
    isocentre_mm
        (superior, posterior, left) in the patient's world.
    centre_px
        (row, column) where the central beam meets the detector; None for its middle.
    """

    lao_deg: float = 0.0
    cran_deg: float = 0.0
    roll_deg: float = 0.0
    source_to_isocentre_mm: float = 750.0
    source_to_detector_mm: float = 1200.0
    pixel_spacing_mm: tuple[float, float] = (0.616, 0.616)
    size_px: tuple[int, int] = (479, 615)
    isocentre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    centre_px: tuple[float, float] | None = field(default=None)

    def __post_init__(self):
        if not 0 < self.source_to_isocentre_mm < np.inf or not 0 < self.source_to_detector_mm < np.inf:
            raise ValueError(f"distances must be positive, got source to isocentre {self.source_to_isocentre_mm}, "
                             f"source to detector {self.source_to_detector_mm} mm")
        if min(self.pixel_spacing_mm) <= 0:
            raise ValueError(f"pixel_spacing_mm must be positive, got {self.pixel_spacing_mm}")

    def in_pixels(self, size_px: tuple[int, int]) -> "CArm":
        """The same detector in (rows, columns) other pixels."""
        size = tuple(int(n) for n in size_px)
        grow = [n / m for n, m in zip(self.size_px, size, strict=True)]
        centre = self.centre_px and tuple((float(c) + 0.5) / g - 0.5
                                          for c, g in zip(self.centre_px, grow, strict=True))
        spacing = tuple(float(s) * g for s, g in zip(self.pixel_spacing_mm, grow, strict=True))
        return replace(self, size_px=size, pixel_spacing_mm=spacing, centre_px=centre)

    @property
    def world_from_arm(self) -> np.ndarray:
        """(3, 3) rotation of (superior, posterior, left) axes: roll, then CRAN, then LAO."""
        lao, cran, roll = np.deg2rad([self.lao_deg, self.cran_deg, self.roll_deg])
        turn_lao = _rotation(0, lao)  # about superior: anterior goes to the left
        turn_cran = _rotation(2, cran)  # about left: anterior goes to superior
        turn_roll = _rotation(1, roll)  # about the beam
        return turn_lao @ turn_cran @ turn_roll

    def camera(self) -> Camera:
        """The camera in the patient's world."""
        turn, centre = self.world_from_arm, np.asarray(self.isocentre_mm, float)
        beam = turn @ [0.0, 1.0, 0.0]
        row_step = turn @ [-self.pixel_spacing_mm[0], 0.0, 0.0]
        column_step = turn @ [0.0, 0.0, self.pixel_spacing_mm[1]]
        middle = (np.asarray(self.size_px) - 1) / 2 if self.centre_px is None else np.asarray(self.centre_px, float)
        foot = centre + beam * (self.source_to_detector_mm - self.source_to_isocentre_mm)
        corner = foot - middle[0] * row_step - middle[1] * column_step
        source = centre - beam * self.source_to_isocentre_mm
        return Camera(source, corner, row_step, column_step, self.size_px)


def _rotation(axis: int, angle: float) -> np.ndarray:
    """Rotation in the (superior, posterior, left) frame about one of its axes, turning anterior as `CArm` says."""
    cos, sin = np.cos(angle), np.sin(angle)
    i, j = {0: (1, 2), 1: (0, 2), 2: (1, 0)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cos
    matrix[i, j], matrix[j, i] = sin, -sin
    return matrix
