"""The shape library: coherent point drift against pycpd, sparse composition against clipped principal components.

And circles through short arcs, and how good shape models of real bones are.

    python benchmarks/shape.py

Needs the pelvis atlas and the femur model in ../shared/data or $XRAY_LANDMARKS_DATA. pycpd is installed into the
temporary folder when it is first needed. Everything runs in one thread.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon
from threadpoolctl import threadpool_limits

from _bones import outlines, surfaces
from _page import DATA, Target, arguments, p_value, require_quiet, table, write_section
from napari_xray_landmarks.geometry.balls import METHODS
from napari_xray_landmarks.geometry.similarity import apply, similarity, similarity_from_points
from napari_xray_landmarks.shape import conics, drift
from napari_xray_landmarks.shape.distances import spaced
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel
from napari_xray_landmarks.shape.procrustes import align, rms_radius
from napari_xray_landmarks.shape.quality import quality
from napari_xray_landmarks.shape.sparse_composition import compose

PEER_FOLDER = Path(tempfile.gettempdir()) / "xray-landmarks-pycpd"
SOURCE_POINTS, TARGET_POINTS, OUTLIERS = 400, 1500, 0.3
RIGHT = 0.1  # mean distance from the right place, as a share of the shape's size
AIM_RATIO = 20.0
HIDDEN = 0.3
BONES = {"hip-left": "left hip", "hip-right": "right hip", "sacrum": "sacrum"}


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--rotations", type=int, default=36, help="rotations of the target, evenly spread")
    parser.add_argument("--subjects", type=int, default=60, help="shapes composed, at most, of each bone")
    parser.add_argument("--repeats", type=int, default=300, help="circles of each arc")
    options = parser.parse_args()
    if not (DATA / "pelvis-atlas").is_dir():
        print(f"skipped: there is no {DATA}/pelvis-atlas. Put the data there or set XRAY_LANDMARKS_DATA",
              file=sys.stderr)
        return
    require_quiet()
    with threadpool_limits(1):
        parts = [registration(options.rotations), composition(options.subjects), circles(options.repeats), models()]
    blocks = [block for part, _ in parts for block in part]
    write_section("shape", "The shape library", blocks, [target for _, targets in parts for target in targets],
                  dry=options.dry, how="one thread")


# ---- coherent point drift


@dataclass(frozen=True, eq=False)
class Problem:
    """Points of one person's bone, turned, to which the mean outline is registered; and where it belongs."""

    source: np.ndarray
    target: np.ndarray
    expected: np.ndarray

    def error(self, points: np.ndarray) -> float:
        """Mean distance from the right place as a share of the shape's size there."""
        return float(np.linalg.norm(points - self.expected, axis=1).mean() / rms_radius(self.expected))


def problems(rotations: int, outliers: float) -> Iterator[Problem]:
    """Each rotation with another person's hip."""
    shapes = outlines("hip-left", 100)
    mean, _ = align(shapes)
    for k in range(rotations):
        rng = np.random.default_rng(k)
        film_from_bone = similarity(2.0, 360 * k / rotations, (224, 224))
        shape = apply(film_from_bone, shapes[k % len(shapes)] - shapes[k % len(shapes)].mean(0))
        target = spaced(shape, TARGET_POINTS) + rng.normal(0, 1.0, (TARGET_POINTS, 2))
        lost = rng.permutation(TARGET_POINTS)[: int(outliers * TARGET_POINTS)]
        target[lost] = rng.uniform(target.min(0) - 30, target.max(0) + 30, (len(lost), 2))
        source = spaced(mean, SOURCE_POINTS)
        yield Problem(source, target, apply(similarity_from_points(mean, shape), source))


def registration(rotations: int) -> tuple[list[str], list[Target]]:
    """Success and time of both, without and with outliers."""
    peer = pycpd()
    first = next(problems(1, 0.0))
    drift.register(first.source, first.target)
    rows, ratios, rights = [], [], []
    for outliers in (0.0, OUTLIERS):
        found = {"pycpd": [], "ours": []}
        for problem in problems(rotations, outliers):
            found["pycpd"].append(timed(lambda p=problem, w=outliers: peer(p.source, p.target, w), problem))
            found["ours"].append(timed(lambda p=problem: drift.register(p.source, p.target).points, problem))
        for name, results in found.items():
            error, seconds = np.array(results).T
            rows.append([name, f"{outliers:.0%}", f"{(error < RIGHT).sum()} of {rotations}",
                         f"{100 * np.median(error):.1f} %", f"{1e3 * np.median(seconds):.0f} ms"])
        times = {name: np.array(results)[:, 1] for name, results in found.items()}
        ratios += list(times["pycpd"] / times["ours"])
        rights.append(int((np.array(found["ours"])[:, 0] < RIGHT).sum()))
    text = (f"Coherent point drift (similarity): a mean outline of the left hip of {SOURCE_POINTS} points, registered "
            f"to {TARGET_POINTS} points of a person's, turned by steps of {360 / rotations:g}°. pycpd starts once, "
            "without a turn, as it does by itself, and is told the share of outliers; ours starts from 36 rotations "
            f"and is not. Right: within {RIGHT:.0%} of the outline's size (root mean square) of where it belongs.")
    ratio = float(np.median(ratios))
    targets = [Target("CPD against pycpd, same points, 1 thread", f">= {AIM_RATIO:g} x faster", f"{ratio:.0f} x",
                      ratio >= AIM_RATIO, min(ratios) >= AIM_RATIO),
               *(Target(f"CPD from any rotation{', 30 % outliers' if i else ''}", f"{rotations} of {rotations} right",
                        f"{right} of {rotations}", right == rotations) for i, right in enumerate(rights))]
    return [text, table(["", "outliers", "right", "median error", "median time"], rows)], targets


def pycpd():
    """pycpd's rigid registration (with scale) as a function of source, target and share of outliers."""
    if not any(d.metadata["Name"] == "pycpd" for d in distributions(path=[str(PEER_FOLDER)])):
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", PEER_FOLDER, "pycpd"],
                       check=True)
    sys.path.insert(0, str(PEER_FOLDER))
    from pycpd import RigidRegistration

    return lambda source, target, outliers: RigidRegistration(X=target, Y=source, w=outliers).register()[0]


def timed(work, problem: Problem) -> tuple[float, float]:
    """Error and seconds."""
    start = time.perf_counter()
    points = work()
    return problem.error(points), time.perf_counter() - start


# ---- sparse composition


def composition(most: int) -> tuple[list[str], list[Target]]:
    """Errors of all methods with part of the outline hidden, each shape left out of the training shapes."""
    rows, targets = [], []
    for bone in ("hip-left", "femur"):
        shapes = outlines(bone, 80)
        for kind in ("shifted", "scattered"):
            errors, seconds = hidden_errors(shapes, kind, most)
            p = wilcoxon(errors[:, 0], errors[:, 2]).pvalue
            mean = errors.mean(0)
            rows.append([BONES.get(bone, bone), kind, *(f"{value:.2f} mm" for value in mean), p_value(p),
                         f"{1e3 * np.median(seconds):.0f} ms"])
            targets.append(Target(f"sparse composition, {HIDDEN:.0%} of the {BONES.get(bone, bone)} {kind}",
                                  f"< {mean[0]:.2f} mm (PCA, clipped)", f"{mean[2]:.2f} mm",
                                  bool(mean[2] < mean[0] and p < 0.05)))
    text = (f"Sparse shape composition: {HIDDEN:.0%} of an outline's vertices in a row are hidden, and something else "
            "is found in their place: the edge of something that runs beside the bone by 10 to 40 % of its size "
            "(shifted), or anything (scattered). All other vertices have errors of 0.5 %. Mean distance of all "
            "vertices from the truth; the shape is left out of the training shapes. Clipped: similarity and principal "
            "components by least squares, coefficients within three standard deviations, repeated until it stands.")
    head = ["bone", "hidden part", "PCA, clipped", "as published", "ours", "p (ours, clipped)", "time"]
    return [text, table(head, rows)], targets


def hidden_errors(shapes: np.ndarray, kind: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(K, 3) errors of clipped components, of composition as published and as it is here, and its seconds."""
    errors, seconds = [], []
    for k in range(min(most, len(shapes))):
        rng = np.random.default_rng(k)
        others = align(np.delete(shapes, k, axis=0))[1]
        truth = apply(similarity(1, rng.uniform(-180, 180)), shapes[k])
        observed = covered(truth, kind, rng)
        published = compose(observed, others, reweightings=0)
        start = time.perf_counter()
        ours = compose(observed, others)
        seconds.append(time.perf_counter() - start)
        found = clipped(PointDistributionModel.fit(others, aligned=True), observed), published.points, ours.points
        errors.append([np.linalg.norm(points - truth, axis=1).mean() for points in found])
    return np.array(errors), np.array(seconds)


def covered(truth: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """What is observed of an outline that is partly hidden."""
    size, count = rms_radius(truth), len(truth)
    observed = truth + rng.normal(0, 0.005 * size, truth.shape)
    hidden = (rng.integers(count) + np.arange(int(HIDDEN * count))) % count
    if kind == "shifted":
        angle = rng.uniform(0, 2 * np.pi)
        observed[hidden] += size * rng.uniform(0.1, 0.4) * np.array([np.cos(angle), np.sin(angle)])
    else:
        observed[hidden] += rng.normal(0, 0.25 * size, (len(hidden), 2))
    return observed


def clipped(model: PointDistributionModel, observed: np.ndarray, rounds: int = 50) -> np.ndarray:
    """Points of the shape model fitted by least squares, its coefficients clipped (paper 001's way)."""
    b = np.zeros(len(model.variances))
    for _ in range(rounds):
        film_from_model = similarity_from_points(model.shape(b), observed)
        b = model.clip(model.coefficients(apply(np.linalg.inv(film_from_model), observed)))
    return apply(film_from_model, model.shape(b))


# ---- circles


def circles(repeats: int) -> tuple[list[str], list[Target]]:
    """Radii of circles through noisy arcs, by each method, and with outliers."""
    rows, worst = [], 0.0
    for degrees in (45, 60, 90, 180, 360):
        angle = np.linspace(0, np.deg2rad(degrees), 150, endpoint=degrees < 360)
        arc = 50 * np.column_stack([np.cos(angle), np.sin(angle)])
        noisy = [arc + np.random.default_rng(k).normal(0, 1, arc.shape) for k in range(repeats)]
        cells = []
        for method in METHODS:
            radius = np.array([conics.fit(points, method=method).radius for points in noisy])
            cells.append(f"{np.median(radius) - 50:+.1f} ± {radius.std():.1f}")
            if method == "taubin" and degrees >= 90:
                worst = max(worst, abs(np.median(radius) - 50))
        errors = [_robust_error(points, k) for k, points in enumerate(noisy[: repeats // 10])]
        rows.append([f"{degrees}°", *cells, f"{np.median(errors):.1f}"])
    text = ("Circles of radius 50 through 150 points of an arc with a standard deviation of 1 px: median error of the "
            f"radius and its standard deviation over {repeats} arcs, px. Last column: median error of centre and "
            "radius together by RANSAC, when 30 % of all points lie anywhere.")
    target = Target("circle through an arc of 90° or more, Taubin", "bias <= 0.5 px of 50", f"{worst:.2f} px",
                    worst <= 0.5)
    return [text, table(["arc", *METHODS, "30 % outliers"], rows)], [target]


def _robust_error(points: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(1000 + seed)
    clutter = rng.uniform(-80, 80, (len(points) * 3 // 7, 2))
    found = conics.fit_robustly(np.vstack([points, clutter]), band=3.0, seed=seed)
    return float("inf") if found is None else float(np.hypot(np.linalg.norm(found.centre), found.radius - 50))


# ---- quality


def models() -> tuple[list[str], list[Target]]:
    """Quality of the shape models of the atlas's bones."""
    rows = []
    for bone, name in BONES.items():
        shapes = surfaces(bone)[0][:, ::5]
        measured = quality(shapes, samples=200)
        counts = [int(np.searchsorted(measured.compactness, share)) for share in (0.9, 0.98)]
        kept = min(counts[1], len(measured.generalisation) - 1)
        rows.append([name, str(len(shapes)), *map(str, counts), f"{measured.generalisation[0]:.2f} mm",
                     *(f"{v[kept]:.2f} ± {s[kept]:.2f} mm" for v, s in (
                         (measured.generalisation, measured.generalisation_sd),
                         (measured.specificity, measured.specificity_sd)))])
    text = ("Shape models of the atlas's bones without their size: how many modes hold 90 and 98 % of the variance; "
            "mean distance of a person left out from the mean shape, and from the nearest shape of the model "
            "(generalisation); of random shapes from the nearest person (specificity).")
    head = ["bone", "people", "modes for 90 %", "for 98 %", "from the mean", "generalisation", "specificity"]
    return [text, table(head, rows)], []


if __name__ == "__main__":
    main()
