"""The renderer: speed, error against closed forms, memory and linearity, beside whatever peers are installed.

Each peer renders the same volume from the same camera in the same run, by processor time where it runs in this process.
"""

import resource
import time
from collections.abc import Callable

import numpy as np

from _page import arguments, require_quiet, table, write_section
from napari_xray_landmarks.drr.marching import render_marching
from napari_xray_landmarks.drr.prepared import PreparedVolume, prepare
from napari_xray_landmarks.drr.preview import preview
from napari_xray_landmarks.drr.render import render, render_with_jacobian
from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.imaging import Volume

RADII, SIGMAS, CENTRE = np.array([70.0, 45, 60]), np.array([26.0, 17, 22]), np.array([8.0, -6, 10])
VIEWS = {"AP": (0, 0), "oblique": (35, 20), "lateral": (90, 0)}
PEERS = ("diffdrr",)


def volumes(size: int) -> tuple[Volume, Volume]:
    """An ellipsoid with a soft edge and a Gaussian, 256 mm wide."""
    spacing = 256 / size
    axis = (np.arange(size) - (size - 1) / 2) * spacing
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = axis[0]
    away = [(axis - c).reshape([-1 if i == n else 1 for i in range(3)]) for n, c in enumerate(CENTRE)]
    distance = np.sqrt(sum((a / r) ** 2 for a, r in zip(away, RADII, strict=True)))
    slope = np.sqrt(sum((a / r**2) ** 2 for a, r in zip(away, RADII, strict=True))) / np.maximum(distance, 1e-6)
    edge = np.clip(0.5 - (distance - 1) / np.maximum(slope, 1e-9) / spacing, 0, 1)
    gauss = np.exp(-0.5 * sum((a / s) ** 2 for a, s in zip(away, SIGMAS, strict=True)))
    return Volume(edge.astype(np.float32), matrix), Volume(gauss.astype(np.float32), matrix)


def closed_forms(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The line integrals of both."""
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


def view(name: str, pixels: int) -> Camera:
    lao, cran = VIEWS[name]
    pitch = 0.616 * 448 / pixels
    return CArm(lao, cran, 0, 700, 1200, (pitch, pitch), (pixels, pixels)).camera()


def processor_ms(call: Callable, repeats: int) -> float:
    """The least processor time of a call, after one that does not count."""
    call()
    found = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return 1e3 * min(found)


def ours(prepared: PreparedVolume, mixed: PreparedVolume) -> dict[str, Callable[[Camera], np.ndarray]]:
    return {
        "exact": lambda camera: render(prepared, camera),
        "separable preview": lambda camera: preview(prepared, camera),
        "three materials": lambda camera: render(mixed, camera).sum(0),
        "with the Jacobian": lambda camera: render_with_jacobian(prepared, camera, (0, 0, 0))[0],
    }


def diffdrr(volume: Volume, camera: Camera) -> Callable[[], object]:
    """DiffDRR's trilinear renderer with 500 samples, given the same rays."""
    import torch
    from diffdrr.renderers import Trilinear

    voxel_from_world = np.linalg.inv(volume.world_from_voxel)
    row, column = np.indices(camera.size_px)
    targets = np.stack([row, column, np.ones_like(row)], -1).reshape(-1, 3) @ camera.ray_from_px.T + camera.source_mm
    source, target = (torch.tensor(p @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3], dtype=torch.float32)[None]
                      for p in (camera.source_mm[None], targets))
    length, density = (target - source + 1e-8).norm(dim=-1), torch.tensor(np.array(volume.voxels))
    renderer = Trilinear()
    return lambda: renderer(density, source, target, length[:, None], n_points=500)


def speed_rows(size: int, pixels: int, repeats: int, marching: bool) -> list[list[str]]:
    """Processor time and errors of each renderer and view."""
    solids = volumes(size)
    numbers = np.arange(size, dtype=np.uint8)[:, None, None] * np.ones((1, size, size), np.uint8) % 3
    renderers = [ours(prepare(v), prepare(v, numbers)) for v in solids]
    if marching:
        for found, solid in zip(renderers, solids, strict=True):
            found["2000 trilinear samples"] = lambda camera, v=solid: render_marching(v, camera)
    rows = []
    for name in VIEWS:
        camera = view(name, pixels)
        exact = closed_forms(camera)
        for way in renderers[0]:
            edge, smooth = (found[way](camera) for found in renderers)
            rmse = np.sqrt(((edge - exact[0]) ** 2).mean()) / exact[0].max()
            mae = np.abs(smooth - exact[1]).mean() / exact[1].max()
            spent = processor_ms(lambda way=way, camera=camera: renderers[0][way](camera), repeats)
            rows.append([name, way, f"{spent:.0f}", f"{100 * rmse:.3f}", f"{100 * mae:.4f}"])
        try:
            rows.append([name, "DiffDRR", f"{processor_ms(diffdrr(solids[0], camera), 1):.0f}", "", ""])
        except ImportError:
            pass
    return rows


def linearity_rows(sizes: list[int], pixels: int, repeats: int) -> list[list[str]]:
    """Processor time for each size of the volume, and for each slice and pixel."""
    rows = []
    for size in sizes:
        prepared, camera = prepare(volumes(size)[0]), view("AP", pixels)
        spent = processor_ms(lambda p=prepared, c=camera: render(p, c), repeats)
        rows.append([f"{size}³", f"{spent:.0f}", f"{1e6 * spent / (size * pixels**2):.2f}"])
    return rows


def missing_peers() -> list[str]:
    from importlib.util import find_spec

    return [name for name in PEERS if find_spec(name) is None]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=256, help="voxels along each axis")
    parser.add_argument("--pixels", type=int, default=448, help="rows and columns of the detector")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512], help="volumes for the linearity")
    parser.add_argument("--no-marching", action="store_true", help="leave the slow reference out")
    options = parser.parse_args()
    require_quiet()
    rows = speed_rows(options.size, options.pixels, options.repeats, not options.no_marching)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    blocks = [
        f"{options.size}³ voxels to {options.pixels}² pixels; error in per cent of the peak against closed forms.",
        table(["view", "renderer", "processor ms", "ellipsoid RMSE %", "Gaussian MAE %"], rows),
        f"Peak memory of the whole process, four prepared volumes in it: {peak:.2f} GiB.",
        table(["volume", "processor ms", "ns a slice and pixel"],
              linearity_rows(options.sizes, options.pixels, options.repeats)),
        f"Not installed and so not compared: {', '.join(missing_peers()) or 'none'}.",
    ]
    write_section("drr", "Rendering", blocks, [], dry=options.dry)


if __name__ == "__main__":
    main()
