"""Poses from landmarks: errors, gross failures and time, against a plain direct linear transform and OpenCV's RANSAC.

    python benchmarks/pose.py

The landmarks are those of phantom pelves, on films from all of 120 x 90 degrees; nothing is rendered. OpenCV takes part
where it can be imported (`--peer FOLDER` names where it is installed). Everything runs in one thread.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from _page import Target, arguments, require_quiet, table, write_section
from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.geometry.dlt import projection_from_points
from napari_xray_landmarks.geometry.pnp import estimate_pose
from napari_xray_landmarks.geometry.pose import DegeneratePose
from napari_xray_landmarks.geometry.pose_errors import pose_error, target_errors
from napari_xray_landmarks.phantoms.pelvis import individual
from napari_xray_landmarks.phantoms.schemas import SCHEMAS

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)
NOISES = (1.0, 2.0, 3.0)
USUAL_PX = 2.0
GROSS_DEG, GROSS_MM = 10.0, 25.0
LIMIT_MS = 10.0
FIRST_SUBJECT = 1000
SCHEMA = SCHEMAS["pelvis"]


@dataclass(frozen=True, eq=False)
class Film:
    """Landmarks of a person on a film, some of them wrong."""

    arm: CArm
    points_px: np.ndarray
    points_mm: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """How one method did on some films."""

    errors: np.ndarray
    refused: int
    milliseconds: float

    @property
    def gross(self) -> int:
        return int(((self.errors[:, 0] > GROSS_DEG) | (self.errors[:, 1] > GROSS_MM)).sum())

    def cells(self) -> list[str]:
        if not len(self.errors):
            return ["", "", "", "", str(self.refused), f"{self.milliseconds:.1f}"]
        rotation, translation, projected = np.median(self.errors, axis=0)
        return [f"{rotation:.2f}°", f"{translation:.1f} mm", f"{projected:.2f} mm", str(self.gross), str(self.refused),
                f"{self.milliseconds:.1f}"]


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--films", type=int, default=500, help="for each noise and share of wrong landmarks")
    parser.add_argument("--subjects", type=int, default=20, help="phantom pelves")
    parser.add_argument("--peer", help="folder where opencv-python-headless is installed")
    options = parser.parse_args()
    require_quiet()
    people = [_landmarks(FIRST_SUBJECT + i) for i in range(options.subjects)]
    methods = {"ours, intrinsics known": known, "ours, square pixels": unknown("square"),
               "ours, beam's foot in the middle": unknown("centred"), "plain DLT": plain}
    if (peer := opencv(options.peer)) is not None:
        methods = {"ours, intrinsics known": known, "OpenCV solvePnPRansac": peer} | methods
    with threadpool_limits(1):
        blocks, targets = measured(methods, people, options.films)
    write_section("pose", "Poses from landmarks", blocks, targets, dry=options.dry, how="one thread")


def _landmarks(subject: int) -> np.ndarray:
    """(23, 3) mm."""
    found = individual(subject).landmarks
    return np.array([found[name] for name in SCHEMA.names])


def films(people: list[np.ndarray], count: int, noise: float, share: float) -> list[Film]:
    """Views of the people, at the distances of the usual C-arm; a share of the landmarks that are on each is wrong."""
    return [_film(people[k % len(people)], noise, share, np.random.default_rng([k, int(10 * noise), int(100 * share)]))
            for k in range(count)]


def _film(points: np.ndarray, noise: float, share: float, rng: np.random.Generator) -> Film:
    middle = (points.min(0) + points.max(0)) / 2 + rng.normal(0, 15, 3)
    arm = CArm(*rng.uniform([-60, -45, -15], [60, 45, 15]), source_to_isocentre_mm=rng.uniform(700, 800),
               isocentre_mm=tuple(middle))
    places = arm.camera().project(points)
    on_film = ((places > 0) & (places < arm.size_px)).all(1)
    places = places + rng.normal(0, noise, places.shape)
    _exchange(places, on_film, share / 2, rng)
    chosen = rng.permutation(np.flatnonzero(on_film))[: round(share / 2 * on_film.sum())]
    places[chosen] = rng.uniform(0, arm.size_px, (len(chosen), 2))
    return Film(arm, places[on_film], points[on_film])


def _exchange(places: np.ndarray, on_film: np.ndarray, share: float, rng: np.random.Generator) -> None:
    """Take the left one for the right one, and the reverse, in that share of the landmarks."""
    pairs = [[SCHEMA.names.index(name) for name in pair] for pair in SCHEMA.pairs]
    pairs = [pair for pair in pairs if on_film[pair].all()]
    for i in rng.permutation(len(pairs))[: round(share * on_film.sum() / 2)]:
        places[pairs[i]] = places[pairs[i][::-1]]


def known(film: Film, rng: np.random.Generator) -> Camera:
    nominal = CArm(source_to_detector_mm=film.arm.source_to_detector_mm).camera()
    return estimate_pose(film.points_px, film.points_mm, nominal, rng=rng).camera


def unknown(assume: str) -> Callable[[Film, np.random.Generator], Camera]:
    return lambda film, rng: projection_from_points(film.points_px, film.points_mm, film.arm.size_px, assume=assume,
                                                    rng=rng).camera


def plain(film: Film, _) -> Camera:
    """The direct linear transform as in a textbook: normalised, all landmarks, no refinement."""
    flat, deep = _normalising(film.points_px), _normalising(film.points_mm)
    u, x = (np.column_stack([p, np.ones(len(p))]) @ t.T for p, t in ((film.points_px, flat), (film.points_mm, deep)))
    rows = [np.hstack([x * u[:, 2:], 0 * x, -u[:, :1] * x]), np.hstack([0 * x, x * u[:, 2:], -u[:, 1:2] * x])]
    matrix = np.linalg.inv(flat) @ np.linalg.svd(np.vstack(rows))[2][-1].reshape(3, 4) @ deep
    depth = matrix[2] @ np.append(film.points_mm.mean(0), 1.0)
    if np.linalg.det(matrix[:, :3]) * depth < 0:
        raise DegeneratePose("mirrored")
    return Camera.from_matrix(matrix / depth, film.arm.size_px)


def _normalising(points: np.ndarray) -> np.ndarray:
    """Similarity to mean 0 and root mean square sqrt(D), homogeneous."""
    mean, size = points.mean(0), np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean() / points.shape[1])
    matrix = np.eye(points.shape[1] + 1) / size
    matrix[:-1, -1], matrix[-1, -1] = -mean / size, 1.0
    return matrix


def opencv(folder: str | None) -> Callable[[Film, np.random.Generator], Camera] | None:
    """solvePnPRansac with EPnP, then Levenberg and Marquardt on its inliers; None where it cannot be imported."""
    if folder:
        sys.path.append(folder)
    try:
        import cv2
    except ImportError:
        return None

    def solve(film: Film, _) -> Camera:
        nominal = CArm(source_to_detector_mm=film.arm.source_to_detector_mm).camera()
        axes = np.stack([nominal.column_step_mm, nominal.row_step_mm], axis=1)
        axes = np.column_stack([axes / np.linalg.norm(axes, axis=0), [0, 1, 0]])  # across, down, beam
        lps, at = film.points_mm[:, ::-1].copy(), film.points_px[:, ::-1].copy()
        focal, (row, column) = 1200 / 0.616, (np.array(film.arm.size_px) - 1) / 2
        matrix = np.array([[focal, 0, column], [0, focal, row], [0, 0, 1.0]])
        good, turn, shift, inliers = cv2.solvePnPRansac(lps, at, matrix, None, reprojectionError=8.0,
                                                        iterationsCount=200, flags=cv2.SOLVEPNP_EPNP)
        if not good or inliers is None or len(inliers) < 5:
            raise DegeneratePose("none")
        turn, shift = cv2.solvePnPRefineLM(lps[inliers[:, 0]], at[inliers[:, 0]], matrix, None, turn, shift)
        rigid = np.column_stack([cv2.Rodrigues(turn)[0][:, ::-1], shift])  # acts on our order of axes
        projection = (matrix @ rigid)[[1, 0, 2]]
        return Camera.from_matrix(projection / 1200, film.arm.size_px)

    return solve


def measured(methods, people, count: int) -> tuple[list[str], list[Target]]:
    """Tables by wrong landmarks and by noise."""
    by_share, by_noise, usual = [], [], {}
    for share in SHARES:
        some = films(people, count, USUAL_PX, share)
        for name, method in methods.items():
            usual[name, share] = outcome = judged(method, some)
            by_share.append([f"{share:.0%}", name, *outcome.cells()])
    for noise in NOISES:
        some = films(people, count, noise, 0.0)
        by_noise += [[f"{noise:g} px", name, *judged(method, some).cells()] for name, method in methods.items()]
    text = (f"{len(people)} phantom pelves with {len(SCHEMA.names)} landmarks, {count} films for each line from all of "
            "120° x 90° (roll 15°, source to isocentre 700 to 800 mm, 615 x 479 pixels of 0.616 mm); landmarks beyond "
            "the film are left out. Of the wrong landmarks half are anywhere, half are exchanged with the other side. "
            "Medians of the errors of the patient's turn and place before the C-arm, and of the projected error at the "
            f"isocentre (mTRE); gross: beyond {GROSS_DEG:g}° or {GROSS_MM:g} mm; refused: no pose was given; median "
            "time of one pose.")
    head = ["", "turn", "place", "mTRE", "gross", "refused", "ms"]
    name = "ours, intrinsics known"
    worst, slowest = usual[name, SHARES[-1]], max(usual[name, share].milliseconds for share in SHARES)
    targets = [Target("pose from 23 landmarks, known intrinsics, time", f"<= {LIMIT_MS:g} ms", f"{slowest:.1f} ms",
                      slowest <= LIMIT_MS),
               Target(f"pose with {SHARES[-1]:.0%} wrong landmarks, gross failures", f"0 of {count}",
                      f"{worst.gross}, {worst.refused} refused", worst.gross == 0, worst.refused == 0)]
    return [text, f"Errors of {USUAL_PX:g} px in each direction, by the share of wrong landmarks:",
            table(["wrong", *head], by_share), "No wrong landmarks, by the error in each direction:",
            table(["error", *head], by_noise)], targets


def judged(method: Callable, some: list[Film]) -> Outcome:
    """Errors and time of a method over films."""
    errors, times, refused = [], [], 0
    for k, film in enumerate(some):
        rng = np.random.default_rng(k)
        start = time.perf_counter()
        try:
            camera = method(film, rng)
        except DegeneratePose:
            camera = None
        times.append(time.perf_counter() - start)
        if camera is None:
            refused += 1
            continue
        truth, middle = film.arm.camera(), film.points_mm.mean(0)
        error = pose_error(camera, truth, middle)
        targets = target_errors(camera, truth, film.points_mm, film.arm.isocentre_mm)
        errors.append([error.rotation_deg, error.translation_mm, targets.mtre_mm])
    return Outcome(np.array(errors).reshape(-1, 3), refused, 1e3 * float(np.median(times)))


if __name__ == "__main__":
    main()
