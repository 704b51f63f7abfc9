"""A film's pose and intrinsics from landmarks: the direct linear transform, refined on the film.

The projection is the null vector of two linear equations a landmark (Hartley and Zisserman, Multiple View Geometry, 7.1
to 7.4), in normalised coordinates, by RANSAC over sixes of landmarks. It is split into intrinsics and pose (RQ), which
are refined together on the reprojection error. Camera axes here are down and across the film and along the beam.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import rq
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from .camera import Camera
from .consensus import BY_CHANCE, false_alarms, samples
from .pnp import EFFICIENT, MAX_SD_DEG, MIN_SD_PX, WIDEST, checked_pairs, require_enough, tolerance_of
from .pose import DegeneratePose, PoseEstimate, standard_deviations
from .similarity import rotation_of

ASSUMED = {"nothing": [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]],
           "no-skew": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]],
           "square": [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]],
           "centred": [[1], [1], [0], [0], [0]]}
"""What is assumed of a detector, and how its intrinsics (two focal lengths, foot of the beam, skew) follow from those
that are free: nothing; rows square to columns; square pixels; and the beam's foot in the film's middle besides."""

SIXES, BEST, MINIMAL = 300, 5, 6
PLANE = 0.03  # spread of points out of a plane, as a share of that along it
MAX_FOCAL_SD = 0.3


def projection_from_points(points_px, points_mm, size_px: tuple[int, int], *, weights=None,
                           source_to_detector_mm: float | None = None, assume: str = "square",
                           threshold_px: float | None = None,
                           rng: np.random.Generator | None = None) -> PoseEstimate:
    """The camera, intrinsics and all, that sees landmarks where they are on the film.

    Parameters
    ----------
    points_px : (N, 2) array
        (row, column) on the film; NaN where a landmark has no place.
    points_mm : (N, 3) array
    size_px
        (rows, columns).
    weights, threshold_px, rng
        As for `pnp.estimate_pose`.
    source_to_detector_mm
        Distance of the detector's plane, which no film tells; through the landmarks' middle where left out.
    assume
        One of `ASSUMED`. The detector of a C-arm is "square" at least.

    Returns
    -------
    PoseEstimate
        Its covariance holds what the unknown intrinsics add to the pose's.

    Raises
    ------
    DegeneratePose
        Fewer than six landmarks, landmarks on a line or nearly in a plane, no projection or only a mirrored one that
        explains them, or one that is too uncertain.
    ValueError
        Arrays that do not belong together, or an option that will not do.
    """
    if assume not in ASSUMED:
        raise ValueError(f"assume must be one of {', '.join(ASSUMED)}, got {assume!r}")
    if source_to_detector_mm is not None and not 0 < source_to_detector_mm < np.inf:
        raise ValueError(f"source_to_detector_mm must be positive, got {source_to_detector_mm}")
    points_px, points_mm, weights, used = checked_pairs(points_px, points_mm, weights, threshold_px)
    require_enough(points_mm[used])
    seen = _Seen(points_px[used], points_mm[used], weights[used] / weights[used].mean(), tuple(size_px))
    _require_depth(seen.near_mm)
    widest = threshold_px or WIDEST * float(np.hypot(*size_px))
    matrix, inliers = _linear(seen, widest, rng or np.random.default_rng(0))
    lens, inliers, sd_px, jacobian = _fitted(seen, _split(matrix, size_px, assume), inliers, widest, threshold_px)
    _require_depth(seen.near_mm[inliers])
    camera = lens.camera(seen, source_to_detector_mm)
    everywhere = np.zeros(len(points_px), bool)
    everywhere[np.flatnonzero(used)[inliers]] = True
    residuals = np.linalg.norm(camera.project(points_mm) - points_px, axis=1)
    return PoseEstimate(camera, everywhere, residuals, float(np.sqrt((residuals[everywhere] ** 2).mean())),
                        _covariance(jacobian, sd_px, lens), seen.centre_mm)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Landmarks in pairs; weights have a mean of 1."""

    points_px: np.ndarray
    points_mm: np.ndarray
    weights: np.ndarray
    size_px: tuple[int, int]

    @property
    def centre_mm(self) -> np.ndarray:
        return self.points_mm.mean(0)

    @property
    def near_mm(self) -> np.ndarray:
        return self.points_mm - self.centre_mm


@dataclass(frozen=True, eq=False)
class _Lens:
    """Intrinsics (two focal lengths, foot of the beam, skew, in px) and the ray `turn` (x - centre) + `shift`."""

    intrinsics: np.ndarray
    turn: np.ndarray
    shift: np.ndarray
    free: np.ndarray  # (5, P): how intrinsics follow from free ones

    def moved(self, values: np.ndarray) -> "_Lens":
        """After changes of the free intrinsics, of the camera's turn (rad) and of its shift (mm)."""
        back = self.turn @ Rotation.from_rotvec(-values[-6:-3]).as_matrix()
        return replace(self, intrinsics=self.intrinsics + self.free @ values[:-6], turn=back,
                       shift=self.shift - back @ values[-3:])

    def matrix(self) -> np.ndarray:
        """(3, 4), acting on points about the centre."""
        down, across, row, column, skew = self.intrinsics
        return np.array([[down, skew, row], [0, across, column], [0, 0, 1]]) @ np.column_stack([self.turn, self.shift])

    def camera(self, seen: _Seen, source_to_detector_mm: float | None) -> Camera:
        matrix = self.matrix() / (source_to_detector_mm or self.shift[2])
        matrix[:, 3] -= matrix[:, :3] @ seen.centre_mm
        return Camera.from_matrix(matrix, seen.size_px)


def _require_depth(near_mm: np.ndarray) -> None:
    spread = np.linalg.svd(near_mm - near_mm.mean(0), compute_uv=False) / np.sqrt(len(near_mm))
    if len(near_mm) < MINIMAL or spread[2] <= PLANE * spread[0]:
        raise DegeneratePose(f"{len(near_mm)} landmarks that lie nearly in a plane ({spread[2]:.2g} mm out of it, "
                             f"{spread[0]:.3g} mm along it) do not fix pose and intrinsics together: the geometry of "
                             "the film must be known")


def _residuals(matrices: np.ndarray, seen: _Seen) -> np.ndarray:
    """(K, N) distances in px; NaN behind the source."""
    places = matrices @ np.column_stack([seen.near_mm, np.ones(len(seen.near_mm))]).T
    depth = np.where(places[:, 2:] > 0, places[:, 2:], np.nan)
    return np.linalg.norm(places[:, :2] / depth - seen.points_px.T, axis=1)


def _linear(seen: _Seen, widest: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The projection that agrees least by chance with the landmarks, and those which agree."""
    count = len(seen.points_px)
    if count == MINIMAL:
        matrices = _null_projections(seen, np.ones((1, count)))
        return matrices[0], np.ones(count, bool)
    rows = samples(seen.weights, MINIMAL, SIXES, rng)
    chosen = np.zeros((SIXES, count))
    np.put_along_axis(chosen, rows, 1.0, axis=1)
    matrices = _null_projections(seen, np.vstack([chosen, seen.weights]))
    for _ in range(3):
        residuals = _residuals(matrices, seen)
        alarms, tolerances = false_alarms(residuals, seen.size_px, MINIMAL, 1, widest)
        alarms[np.linalg.det(matrices[:, :, :3]) < 0] += 1.0  # of two alike the one that is not mirrored
        best = np.argsort(alarms)[:BEST]
        inliers = residuals[best] <= tolerances[best, None]
        again = _null_projections(seen, inliers * seen.weights)
        matrices = np.concatenate([matrices[best], again[inliers.sum(1) >= MINIMAL]])
    if alarms.min() > BY_CHANCE:
        raise DegeneratePose(f"no projection explains the landmarks: the best one {int(inliers[0].sum())} of {count} "
                             f"within {widest:.3g} px, which may be chance. The film may show something else, or left "
                             "and right may be exchanged")
    return matrices[0], inliers[0]


def _null_projections(seen: _Seen, weights: np.ndarray) -> np.ndarray:
    """(K, 3, 4) projections of least algebraic error under (K, N) weights, positive at the landmarks' centre."""
    middle, size = seen.points_px.mean(0), seen.points_px.std() * np.sqrt(2)
    unit = (seen.points_px - middle) / size
    scale_mm = np.sqrt((seen.near_mm**2).sum(1).mean() / 3)
    points = np.column_stack([seen.near_mm / scale_mm, np.ones(len(unit))])
    zero = np.zeros_like(points)
    rows = np.stack([np.hstack([points, zero, -unit[:, :1] * points]),
                     np.hstack([zero, points, -unit[:, 1:] * points])])
    products = np.einsum("rni,rnj->nij", rows, rows).reshape(len(unit), -1)
    values = np.linalg.eigh((weights @ products).reshape(-1, 12, 12))[1][..., 0]
    matrices = values.reshape(-1, 3, 4) / [*[scale_mm] * 3, 1.0]
    matrices[:, :2] = matrices[:, :2] * size + middle[:, None] * matrices[:, 2:]
    return matrices * np.where(matrices[:, 2, 3] < 0, -1, 1)[:, None, None]


def _split(matrix: np.ndarray, size_px, assume: str) -> _Lens:
    """Intrinsics that may be as assumed, and the pose, of a projection."""
    if np.linalg.det(matrix[:, :3]) < 0:
        raise DegeneratePose("the landmarks are seen mirrored: the film is flipped, or left and right are exchanged")
    upper, turn = rq(matrix[:, :3])
    signs = np.sign(np.diag(upper))
    upper, turn = upper * signs / abs(upper[2, 2]), signs[:, None] * turn
    focal = np.sqrt(upper[0, 0] * upper[1, 1])
    wanted = upper.copy()
    if assume != "nothing":
        wanted[0, 1] = 0.0
    if assume in ("square", "centred"):
        wanted[0, 0] = wanted[1, 1] = focal
    if assume == "centred":
        wanted[:2, 2] = (np.asarray(size_px) - 1) / 2
    change = np.linalg.solve(wanted, upper)  # what the pose must make up for
    shift = change @ np.linalg.solve(upper, matrix[:, 3] / np.linalg.norm(matrix[2, :3]))
    return _Lens(wanted[[0, 1, 0, 1, 0], [0, 1, 2, 2, 1]], rotation_of(change @ turn)[0], shift,
                 np.array(ASSUMED[assume], float))


def _fitted(seen: _Seen, lens: _Lens, inliers: np.ndarray, widest: float, threshold_px: float | None):
    """Lens, inliers, standard deviation and weighted Jacobian, fitted and chosen in turns until both stand."""
    spare = lens.free.shape[1] + 6
    scale, loss = widest, "linear"
    for _ in range(6):
        roots = np.sqrt(seen.weights * inliers)[:, None]
        fit = least_squares(lambda v, at=lens, w=roots: _weighted(at.moved(v), seen, w), np.zeros(spare), "3-point",
                            x_scale="jac", loss=loss, f_scale=scale, max_nfev=60)
        lens = lens.moved(fit.x)
        residuals = _residuals(lens.matrix()[None], seen)[0]
        squares = seen.weights[inliers] @ residuals[inliers] ** 2
        sd_px = float(np.sqrt(squares / max(2 * inliers.sum() - spare, 1)))
        scale, loss = EFFICIENT * max(sd_px, MIN_SD_PX), "cauchy"
        before, inliers = inliers, residuals <= (threshold_px or tolerance_of(sd_px, widest))
        if inliers.sum() < MINIMAL or min(*lens.intrinsics[:2], lens.shift[2]) <= 0:
            raise DegeneratePose(f"no projection explains six landmarks: the best one {int(inliers.sum())} of "
                                 f"{len(inliers)} within {widest:.3g} px")
        if (inliers == before).all() and np.abs(fit.x[-6:-3]).max() < 1e-6:
            break
    return lens, inliers, sd_px, fit.jac


def _weighted(lens: _Lens, seen: _Seen, roots: np.ndarray) -> np.ndarray:
    places = np.column_stack([seen.near_mm, np.ones(len(roots))]) @ lens.matrix().T
    depth = np.where(np.abs(places[:, 2:]) > 1e-6, places[:, 2:], 1e-6)
    return (roots * (places[:, :2] / depth - seen.points_px)).ravel()


def _covariance(jacobian: np.ndarray, sd_px: float, lens: _Lens) -> np.ndarray:
    """(6, 6) of the pose, whatever the intrinsics; DegeneratePose where it or the focal length is not known."""
    scales = np.linalg.norm(jacobian, axis=0)
    scaled = jacobian / np.where(scales > 0, scales, 1.0)
    covariance = sd_px**2 * np.linalg.pinv(scaled.T @ scaled, rcond=1e-14, hermitian=True) / np.outer(scales, scales)
    focal = float(np.sqrt(max(covariance[0, 0], 0)) / lens.intrinsics[0])
    turn_deg, _ = standard_deviations(covariance[-6:, -6:])
    if not (turn_deg < MAX_SD_DEG and focal < MAX_FOCAL_SD):
        raise DegeneratePose(f"the landmarks fix the turn to ± {turn_deg:.2g}° and the focal length to ± {focal:.0%} "
                             "only: the geometry of the film must be known")
    return covariance[-6:, -6:]
