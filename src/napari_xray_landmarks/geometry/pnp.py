"""A film's pose from landmarks, its intrinsics known: minimal solutions in RANSAC, then weighted least squares."""

from itertools import combinations
from math import comb

import numpy as np

from .camera import Camera
from .consensus import BY_CHANCE, false_alarms, samples
from .p3p import poses_of_triples
from .pose import MIN_LANDMARKS, DegeneratePose, PoseEstimate, standard_deviations
from .sighting import Sighting, refine

WIDEST = 0.025  # of the film's diagonal: a landmark that is farther off is wrong
TRIPLES, BEST, DISTINCT, APART_DEG = 160, 30, 5, 10.0
MIN_INLIERS, MIN_SHARE = 5, 0.4
TOLERANCE_SD, FINEST_TOLERANCE_PX = 3.5, 1.0
EFFICIENT = 4.0  # Cauchy's scale over the standard deviation: in the plane it then loses 1.5 % against least squares
LINE = 0.02  # spread of points across a line, as a share of that along it
MAX_SD_DEG = 10.0
MIN_SD_PX, SAME_ODDS, OTHER_DEG = 0.25, np.log(100.0), 5.0


def estimate_pose(points_px, points_mm, camera: Camera, *, weights=None, threshold_px: float | None = None,
                  rng: np.random.Generator | None = None) -> PoseEstimate:
    """The pose in which a camera of known intrinsics sees landmarks where they are on the film.

    Triples of landmarks give poses in closed form (P3P). The one that is least likely by chance is refined with a
    robust loss, landmarks beyond the tolerance are dropped, and the others fitted again, each by its weight.

    Parameters
    ----------
    points_px : (N, 2) array
        (row, column) on the film; NaN where a landmark has no place.
    points_mm : (N, 3) array
        The same landmarks in the CT.
    camera
        In any pose: its detector relative to its source is the intrinsics.
    weights : (N,) array, optional
        Inverse variances up to a factor, such as confidences; a landmark of weight 0 does not count.
    threshold_px
        Tolerance of inliers. By default it follows the residuals, up to `WIDEST` of the film's diagonal.
    rng
        Draws the triples, where there are too many to try all.

    Returns
    -------
    PoseEstimate

    Raises
    ------
    DegeneratePose
        Fewer than six landmarks, landmarks on a line, no pose that explains enough of them, two poses that explain them
        equally well, or a turn that is too uncertain.
    ValueError
        Arrays that do not belong together.
    """
    points_px, points_mm, weights, used = checked_pairs(points_px, points_mm, weights, threshold_px)
    require_enough(points_mm[used])
    near = weights[used] / weights[used].mean()
    sighting = Sighting(points_px[used], points_mm[used], near, camera, points_mm[used].mean(0))
    widest = threshold_px or WIDEST * float(np.hypot(*camera.size_px))
    turns, shifts, alarms, tolerances = _candidates(sighting, widest, rng or np.random.default_rng(0))
    best = alarms.argmin()
    inliers = sighting.residuals(turns, shifts)[best] <= tolerances[best]
    _require_agreement(sighting, inliers, alarms[best], widest)
    turn, shift, inliers, sd_px, tolerance = _fitted(sighting, turns[best], shifts[best], inliers, widest, threshold_px)
    _require_agreement(sighting, inliers, alarms[best], widest)
    _require_one_pose(sighting, turn, shift, turns, shifts, sd_px, tolerance)
    covariance = _covariance(sighting, turn, shift, inliers, sd_px)
    found = sighting.camera_of(turn, shift)
    everywhere = np.zeros(len(points_px), bool)
    everywhere[np.flatnonzero(used)[inliers]] = True
    residuals = np.linalg.norm(found.project(points_mm) - points_px, axis=1)
    return PoseEstimate(found, everywhere, residuals, float(np.sqrt((residuals[everywhere] ** 2).mean())), covariance,
                        sighting.centre_mm)


def checked_pairs(points_px, points_mm, weights, threshold_px) -> tuple[np.ndarray, ...]:
    """Both sets of points, their weights, and (N,) whether each pair counts; ValueError where they will not do."""
    points_px, points_mm = np.asarray(points_px, float), np.asarray(points_mm, float)
    if points_px.ndim != 2 or points_px.shape[1] != 2 or points_mm.shape != (len(points_px), 3):
        raise ValueError(f"a pose needs (N, 2) and (N, 3) points, got {points_px.shape} and {points_mm.shape}")
    weights = np.ones(len(points_px)) if weights is None else np.asarray(weights, float)
    if weights.shape != (len(points_px),) or not ((weights >= 0) & np.isfinite(weights)).all():
        raise ValueError(f"weights must be {len(points_px)} non-negative numbers, got {weights.tolist()}")
    if threshold_px is not None and not 0 < threshold_px < np.inf:
        raise ValueError(f"threshold_px must be positive, got {threshold_px}")
    return points_px, points_mm, weights, np.isfinite(points_px).all(1) & np.isfinite(points_mm).all(1) & (weights > 0)


def require_enough(points_mm: np.ndarray) -> np.ndarray:
    """(3,) spreads of points along their principal axes; DegeneratePose where they are too few or on a line."""
    if len(points_mm) < MIN_LANDMARKS:
        raise DegeneratePose(f"{len(points_mm)} landmarks do not fix a pose safely: {MIN_LANDMARKS} are needed")
    spread = np.linalg.svd(points_mm - points_mm.mean(0), compute_uv=False) / np.sqrt(len(points_mm))
    if spread[1] <= LINE * spread[0]:
        raise DegeneratePose(f"the {len(points_mm)} landmarks lie on a line ({spread[0]:.3g} mm along it, "
                             f"{spread[1]:.2g} mm across): any turn about it explains them")
    return spread


def tolerance_of(sd_px: float, widest: float) -> float:
    """How far an inlier may be from its projection, in px."""
    return float(np.clip(TOLERANCE_SD * sd_px, FINEST_TOLERANCE_PX, widest))


def _candidates(sighting: Sighting, widest: float, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Refined poses that differ from each other, their false alarms and tolerances."""
    count = len(sighting)
    triples = (np.array(list(combinations(range(count), 3))) if comb(count, 3) <= TRIPLES
               else samples(sighting.weights, 3, TRIPLES, rng))
    turns, shifts = poses_of_triples(sighting.rays()[triples], sighting.near_mm[triples])
    if not len(turns):
        raise DegeneratePose("no three landmarks give a pose: they lie on lines")
    alarms, tolerances = _alarms(sighting, turns, shifts, widest)
    kept = _distinct(turns, np.argsort(alarms)[:BEST])
    scale = max(tolerances[kept[0]] / 2, 1.0) if np.isfinite(tolerances[kept[0]]) else widest
    other = _reversed(sighting, turns[kept[0]], shifts[kept[0]])
    turns, shifts = (np.concatenate([own[kept], new[None]]) for own, new in zip((turns, shifts), other, strict=True))
    turns, shifts = refine(sighting, turns, shifts, sighting.weights, np.full(len(turns), scale), 10)
    return turns, shifts, *_alarms(sighting, turns, shifts, widest)


def _alarms(sighting: Sighting, turns, shifts, widest: float) -> tuple[np.ndarray, np.ndarray]:
    return false_alarms(sighting.residuals(turns, shifts), sighting.camera.size_px, 3, 4, widest)


def _distinct(turns: np.ndarray, order: np.ndarray) -> list[int]:
    """The first few that are turned against all before them."""
    kept = []
    for i in order:
        if all(_angle_deg(turns[i], turns[j]) > APART_DEG for j in kept):
            kept.append(i)
        if len(kept) == DISTINCT:
            break
    return kept


def _angle_deg(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.rad2deg(np.arccos(np.clip(((one * other).sum() - 1) / 2, -1, 1))))


def _require_agreement(sighting: Sighting, inliers: np.ndarray, alarms: float, widest: float) -> None:
    if inliers.sum() < max(MIN_INLIERS, MIN_SHARE * len(sighting)) or alarms > BY_CHANCE:
        raise DegeneratePose(f"no pose explains the landmarks: the best one {int(inliers.sum())} of {len(sighting)} "
                             f"within {widest:.3g} px, which may be chance. The film may show something else, or left "
                             "and right may be exchanged")


def _fitted(sighting: Sighting, turn, shift, inliers, widest: float, threshold_px: float | None):
    """Pose, inliers, their standard deviation and the tolerance, fitted and chosen in turns until both stand."""
    for _ in range(5):
        sd_px = _deviation(sighting, turn, shift, inliers)
        weights, scale = sighting.weights * inliers, EFFICIENT * max(sd_px, MIN_SD_PX)
        turns, shifts = refine(sighting, turn[None], shift[None], weights, [scale])
        turn, shift = turns[0], shifts[0]
        sd_px = _deviation(sighting, turn, shift, inliers)
        tolerance = threshold_px or tolerance_of(sd_px, widest)
        before, inliers = inliers, sighting.residuals(turn[None], shift[None])[0] <= tolerance
        if (inliers == before).all() or inliers.sum() < MIN_INLIERS:
            break
    return turn, shift, inliers, sd_px, tolerance


def _deviation(sighting: Sighting, turn, shift, inliers) -> float:
    """Standard deviation of a coordinate of a landmark of weight 1, in px, from the inliers."""
    squares = sighting.weights * sighting.residuals(turn[None], shift[None])[0] ** 2
    return float(np.sqrt(np.nansum(squares[inliers]) / max(2 * inliers.sum() - 6, 1)))


def _covariance(sighting: Sighting, turn, shift, inliers, sd_px: float) -> np.ndarray:
    """(6, 6) of (turn, shift) about the centre; DegeneratePose where the turn is not known."""
    _, jacobian = sighting.linearised(turn[None], shift[None])
    rows = (jacobian[0, inliers] * np.sqrt(sighting.weights[inliers])[:, None, None]).reshape(-1, 6)
    scales = np.linalg.norm(rows, axis=0)
    normal = (rows / scales).T @ (rows / scales)
    covariance = sd_px**2 * np.linalg.pinv(normal, hermitian=True) / np.outer(scales, scales)
    turn_deg, shift_mm = standard_deviations(covariance)
    if np.linalg.cond(normal) > 1e12 or turn_deg > MAX_SD_DEG:
        raise DegeneratePose(f"the landmarks fix the turn to ± {turn_deg:.2g}° only (and the place to ± {shift_mm:.2g} "
                             "mm): they are too near to each other or to a line")
    return covariance


def _require_one_pose(sighting: Sighting, turn, shift, turns, shifts, sd_px: float, tolerance: float) -> None:
    """Refuse two poses that differ and explain the landmarks about as well, as those of a plane seen from afar."""
    far = [i for i, other in enumerate(turns) if _angle_deg(other, turn) > OTHER_DEG]
    if not far:
        return
    others = refine(sighting, turns[far], shifts[far], sighting.weights, np.full(len(far), tolerance), 4)
    residuals = sighting.residuals(np.concatenate([turn[None], others[0]]), np.concatenate([shift[None], others[1]]))
    squares = np.where(residuals < tolerance, residuals, tolerance) ** 2
    odds = (squares @ sighting.weights) / (2 * max(sd_px, MIN_SD_PX) ** 2)
    for pose, odd, residual in zip(others[0], odds[1:], residuals[1:], strict=True):
        angle = _angle_deg(pose, turn)
        if angle > OTHER_DEG and odd - odds[0] < SAME_ODDS:
            medians = np.nanmedian([residuals[0], residual], axis=1)
            raise DegeneratePose(f"two poses, {angle:.0f}° apart, explain the landmarks about equally well (median "
                                 f"residuals {medians[0]:.2g} and {medians[1]:.2g} px): they are nearly in a plane; "
                                 "add some in front of it or behind it")


def _reversed(sighting: Sighting, turn, shift) -> tuple[np.ndarray, np.ndarray]:
    """The pose with depths exchanged, which looks alike for points in a plane far away (Oberkampf et al. 1996)."""
    normal = np.linalg.svd(sighting.near_mm, full_matrices=False)[2][-1]
    sight = shift / np.linalg.norm(shift)
    return _mirror(sight) @ turn @ _mirror(normal), shift


def _mirror(normal: np.ndarray) -> np.ndarray:
    return np.eye(3) - 2 * np.outer(normal, normal)
